"""A home that is put back from a copy: database first, as the documentation says, and the files behind it."""

from __future__ import annotations

import contextlib
import ftplib
import io
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from models import database
from tests.system.business import Business
from tests.system.server import Server, wait_for

WAYS = {"tar": 'tar -c -C "$1" . | tar -x -C "$2"', "cp": 'cp -r "$1/." "$2"'}
"""The first keeps whole seconds and links, the second neither times nor links."""


@pytest.mark.parametrize("way", WAYS)
def test_what_the_partner_has_had_is_not_there_again(
    make_server: Callable[..., Server], tmp_path: Path, way: str
) -> None:
    """One order was deleted, one fetched, one neither; on the copy they are what they were, and a fetch counts."""
    server = make_server()
    server.add_account()
    business = Business(server.environment["FTPDOCK_DATABASE"])
    server.start()
    deleted, fetched, ready = (business.add(name) for name in ("deleted", "fetched", "ready"))
    database.close()
    wait_for(lambda: states(server) == dict.fromkeys((deleted, fetched, ready), "ready"))
    fetch(server, fetched)
    fetch(server, deleted, delete=True)
    before = {deleted: "removed", fetched: "collected", ready: "ready"}
    wait_for(lambda: states(server) == before)

    home, file = tmp_path / "copy", tmp_path / "copy.db"
    server.ask(f"VACUUM INTO '{file}'")
    home.mkdir()
    subprocess.run(["sh", "-c", WAYS[way], "sh", str(server.home), str(home)], check=True)
    server.kill()
    copy = Server(home, FTPDOCK_DATABASE=f"sqlite:///{file}")
    with running(copy):
        assert seen(copy) == {fetched, ready}
        assert states(copy) == before
        fetch(copy, ready)
        wait_for(lambda: states(copy) == before | {ready: "collected"})
        assert seen(copy) == {fetched, ready}


@contextlib.contextmanager
def running(server: Server) -> Iterator[None]:
    """A server that has looked through everything."""
    before = looks(server)
    server.start()
    try:
        wait_for(lambda: looks(server) > before)
        yield
    finally:
        server.kill()


def looks(server: Server) -> int:
    """How often the mirror has looked through everything."""
    return sum(path.read_text().count("looked through the exports") for path in (server.home / "logs").iterdir())


def states(server: Server) -> dict[str, str]:
    """State of each order's export, by its System ID."""
    return dict(server.ask("SELECT system_id, state FROM export WHERE kind = 'order'"))


def seen(server: Server) -> set[str]:
    """The orders in the partner's folder."""
    with server.login() as client:
        return {name.removeprefix("order_") for name in client.nlst("/Export/Orders")}


def fetch(server: Server, order: str, *, delete: bool = False) -> None:
    """All files of an order."""
    with server.login() as client:
        folder = f"/Export/Orders/order_{order}"
        names = [f"{folder}/{name.rpartition('/')[2]}" for name in client.nlst(folder)]
        for name in names:
            retrieve(client, name)
        for name in names if delete else ():
            client.delete(name)


def retrieve(client: ftplib.FTP_TLS, name: str) -> bytes:
    buffer = io.BytesIO()
    client.retrbinary(f"RETR {name}", buffer.write)
    return buffer.getvalue()
