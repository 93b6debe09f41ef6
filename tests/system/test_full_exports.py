"""A full export from the request to the partner and back, and its end by retention, with everything running."""

from __future__ import annotations

import datetime as dt
import ftplib
import io
import time
from collections.abc import Callable

import pytest

import models
from models import Export, Outbox
from tests.system.server import Server, wait_for

PRODUCTS = "SKU_ID,Name,Price: Retail\n" + "".join(f"{number:05},Cup {number},{number}.90\n" for number in range(300))


def reaches(server: Server, state: str, revision: int) -> Export:
    """Wait until the one export is in a state with a revision."""
    models.bind(server.environment["FTPDOCK_DATABASE"])

    def look() -> Export | None:
        with models.database.connection_context():
            found = list(Export.select())
        right = len(found) == 1 and (found[0].state, found[0].revision) == (state, revision)
        return found[0] if right else None

    try:
        shown: Export = wait_for(look, 60)
    except AssertionError:
        with models.database.connection_context():
            rows = [*Export.select().dicts(), *Outbox.select().dicts()]
        pytest.fail(f"the export never was {state} with revision {revision}: {rows}")
    return shown


def fetch(server: Server, path: str) -> bytes:
    buffer = io.BytesIO()
    with server.login() as client:
        client.retrbinary(f"RETR /Export/{path}", buffer.write)
    return buffer.getvalue()


def test_what_is_exported_comes_back_unchanged(server: Server) -> None:
    """By the command and by SITE EXPORT, fetched and uploaded again over FTPS; the ledger knows who fetched it."""
    server.finished(server.upload("/Products/PRODUCT_18_09_2024.csv", PRODUCTS))
    path = server.json("export", "product", "--account", "acme")["path"]
    assert reaches(server, "ready", 1).path == path

    content = fetch(server, path)

    assert reaches(server, "collected", 1).collected_by == "acme"
    again = server.finished(server.upload("/Products/PRODUCT_18_09_2024.csv", content))
    assert (again["status"], again["rows"], again["unchanged"]) == ("completed", 300, 300)
    with server.login() as client:
        assert client.sendcmd("SITE EXPORT products").startswith("2")
        reaches(server, "ready", 2)
        # The same name, and not the file that was fetched.
        with pytest.raises(ftplib.error_temp, match="exported anew since this login last looked"):
            client.delete(f"/Export/{path}")
        assert client.nlst("/Export/Products") == [path.rpartition("/")[2]]
        client.delete(f"/Export/{path}")
    assert reaches(server, "removed", 2).kind == "full"


def test_retention_and_the_mirror_agree(make_server: Callable[..., Server]) -> None:
    """What was deleted for its age does not come back by a look at everything, nor after a restart."""
    server = make_server("sqlite", FTPDOCK_KEEP_EXPORTS_DAYS="1", FTPDOCK_RECONCILE_SECONDS="1")
    server.add_account()
    server.start()
    path = server.json("export", "product", "--account", "acme")["path"]
    reaches(server, "ready", 1)
    fetch(server, path)
    reaches(server, "collected", 1)
    assert server.json("retention", "run") == []
    with models.database.connection_context():
        Export.update(collected_at=models.now() - dt.timedelta(days=2)).execute()

    (gone,) = server.json("retention", "run")

    assert (gone["what"], gone["path"]) == ("exports", path)
    reaches(server, "removed", 1)
    source, target = (server.home / folder / path for folder in ("exports/acme", "accounts/acme/Export"))
    server.stop()
    server.start()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        assert not source.exists()
        assert not target.exists()
        time.sleep(0.1)
    reaches(server, "removed", 1)
