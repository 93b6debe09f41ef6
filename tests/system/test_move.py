"""A server that goes from SQLite to Postgres: its partners notice nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models import database
from tests.system.business import Business
from tests.system.server import Server, wait_for
from tests.system.test_restore import fetch, running, seen, states


@pytest.mark.parametrize("backend", ["postgres", "sqlite"])
def test_a_server_goes_on_with_another_database(
    make_server: Callable[..., Server], make_database: Callable[[str], str], backend: str
) -> None:
    """What was deleted or fetched stays so, what waits is imported, the next upload has the next number."""
    server = make_server()
    server.add_account()
    business = Business(server.environment["FTPDOCK_DATABASE"])
    database.close()
    server.start()
    deleted, fetched, ready = (business.add(name) for name in ("deleted", "fetched", "ready"))
    database.close()
    wait_for(lambda: states(server) == dict.fromkeys((deleted, fetched, ready), "ready"))
    fetch(server, fetched)
    fetch(server, deleted, delete=True)
    before = {deleted: "removed", fetched: "collected", ready: "ready"}
    wait_for(lambda: states(server) == before)
    server.command("schedule", "set", "acme", "product", "0 2 1 1 *")
    waiting = server.upload("/Products/PRODUCT_18_09_2024.csv", "SKU_ID,Name\nA,Cup\n")
    assert server.stop() == 0

    file = server.environment["FTPDOCK_DATABASE"].removeprefix("sqlite:///")
    moved = Server(server.home, FTPDOCK_DATABASE=make_database(backend))
    moved.hasty = True
    moved.command("db", "copy", file)

    with running(moved):
        assert (states(moved), seen(moved)) == (before, {fetched, ready})
        moved.command("imports", "run", "acme")
        assert moved.finished(waiting)["created"] == 1
        assert moved.upload("/Customers/CUSTOMER_18_09_2024.csv", "Reference_ID,Company_Name\nK2,Echo\n") == waiting + 1
        assert moved.finished(waiting + 1)["created"] == 1
