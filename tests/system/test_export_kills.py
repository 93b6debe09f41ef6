"""Exports under SIGKILL and under the eyes of clients: each order is there once and whole, deleted ones stay away."""

from __future__ import annotations

import ftplib
import io
import random
import threading
import time
from collections.abc import Callable

import pytest

from models import Export, ExportFile, Outbox, database
from tests.system.business import Business
from tests.system.server import PASSWORD, Server, wait_for

ORDERS = {"sqlite": (1_000, 14.0), "postgres": (300, 9.0)}
"""How many orders come in how many seconds."""
KILLS = {"sqlite": 6, "postgres": 4}
BROKEN = (ftplib.Error, EOFError, OSError)


def fetch(client: ftplib.FTP_TLS, path: str) -> bytes:
    buffer = io.BytesIO()
    client.retrbinary(f"RETR {path}", buffer.write)
    return buffer.getvalue()


def names(client: ftplib.FTP_TLS, folder: str) -> list[str]:
    """What is in a folder; nothing, if it is not there."""
    try:
        return [name.rpartition("/")[2] for name in client.nlst(folder)]
    except ftplib.error_perm as error:
        if not str(error).startswith("550"):
            raise
        return []


class Visitor:
    """A client that does something with each order that it sees, again and again, whatever happens to the server."""

    def __init__(self, server: Server, visit: Callable[[ftplib.FTP_TLS, str], None], login: str = "acme") -> None:
        self._server, self._visit, self._login = server, visit, login
        self._done = threading.Event()
        self.visited: set[str] = set()
        self.wrong: list[str] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.is_set():
            try:
                with self._server.login(self._login) as client:
                    while not self._done.is_set():
                        self._round(client)
            except AssertionError as error:
                self.wrong.append(str(error))
                return
            except BROKEN:
                self._done.wait(0.05)  # Killed: it is started again in a moment.

    def _round(self, client: ftplib.FTP_TLS) -> None:
        new = [name for name in names(client, "/Export/Orders") if name not in self.visited]
        for name in new[:20]:
            if not self._done.is_set():
                self._visit(client, f"/Export/Orders/{name}")
                self.visited.add(name)
        self._done.wait(0.0 if new else 0.05)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
def test_orders_under_kills_are_there_once_and_whole(make_server: Callable[..., Server], backend: str) -> None:
    """The server is killed at random while orders pour in and a partner fetches and deletes every third of them."""
    moments = random.Random(backend)
    server = make_server(backend)
    server.add_account()
    business = Business(server.environment["FTPDOCK_DATABASE"])
    deleted: set[str] = set()
    """Files for which the partner got its 250."""

    def take(client: ftplib.FTP_TLS, folder: str) -> None:
        if int(folder[-2:], 16) % 3:
            return
        found = names(client, folder)
        for name in found:
            fetch(client, f"{folder}/{name}")
        for name in found:
            client.delete(f"{folder}/{name}")
            deleted.add(f"{folder.removeprefix('/Export/')}/{name}")

    server.start()
    partner = Visitor(server, take)
    business.start(*ORDERS[backend])
    try:
        for _ in range(KILLS[backend]):
            time.sleep(moments.uniform(0.2, 2.0))
            server.kill()
            server.start()
        business.join()
        wait_for(lambda: all_done(len(business.orders)) and len(deleted) > 20, 120)
    finally:
        partner.stop()
    check(server, business, deleted)
    # A full look at everything, from the start on, brings nothing back.
    server.kill()
    before = looks(server)
    server.start()
    wait_for(lambda: looks(server) > before, 60)
    check(server, business, deleted)
    database.close()

    assert partner.wrong == []


def all_done(orders: int) -> bool:
    """Whether each order is exported and lies in the partner's folder, as far as that has not deleted it."""
    ready = Export.state.in_(("ready", "collected", "removed")) & (Export.kind == "order")
    return Export.select().where(ready).count() == orders and not Outbox.select().exists()


def looks(server: Server) -> int:
    """How often the mirror has looked through everything."""
    return sum(path.read_text().count("looked through the exports") for path in (server.home / "logs").iterdir())


def check(server: Server, business: Business, deleted: set[str]) -> None:
    """The partner's folder, file by file, against what the ledger says and what is written afresh."""
    root = server.home / "accounts" / "acme" / "Export"
    expected = {}
    for system_id in business.orders:
        for name, content in business.files(system_id).items():
            expected[f"Orders/order_{system_id}/{name}"] = content
    there = {str(path.relative_to(root)): path.read_bytes() for path in root.glob("Orders/*/*")}
    states = dict(ExportFile.select(ExportFile.path, ExportFile.state).tuples())
    removed = {path for path, state in states.items() if state == "removed"}
    exported = [row.system_id for row in Export.select().where(Export.kind == "order")]

    assert sorted(exported) == sorted(business.orders), "each order has one export"
    assert set(expected) <= set(states), "each file is in the ledger"
    assert deleted <= removed, "what was deleted is removed"
    assert there == {path: content for path, content in expected.items() if path not in removed}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
def test_clients_see_whole_orders_of_one_revision(make_server: Callable[..., Server], backend: str) -> None:
    """While orders and their revisions pour in, who lists and downloads in a loop never sees a half of anything."""
    server = make_server(backend)
    server.add_account()
    server.command("login", "add", "acme", "erp", "--password-stdin", input=PASSWORD + "\n")
    server.make_logins_cheap()
    business = Business(server.environment["FTPDOCK_DATABASE"])
    seen: list[str] = []

    def read(client: ftplib.FTP_TLS, folder: str) -> None:
        found = names(client, folder)
        key = folder[-36:]
        assert sorted(found) == [f"order_data_{key}.csv", f"order_items_{key}.csv"], f"half a folder: {found}"
        data, items = (fetch(client, f"{folder}/{name}").decode() for name in sorted(found))
        notes = data.splitlines()[1].rpartition(",")[2]
        assert [line.split(",")[0] for line in items.splitlines()] == ["Order_ID", key, key], "half a file"
        assert items.splitlines()[1].endswith(f",{notes}"), f"{notes} and {items}: halves of two revisions"
        seen.append(notes)

    server.start()
    first, second = Visitor(server, read), Visitor(server, read, "erp")
    try:
        business.start(60, 8.0, revisions=0.9)
        while business.busy and not first.wrong + second.wrong:
            time.sleep(0.5)
            for visitor in (first, second):
                visitor.visited.clear()
        business.join()
        for visitor in (first, second):
            visitor.visited.clear()
        wait_for(lambda: first.wrong or second.wrong or min(len(first.visited), len(second.visited)) == 60)
    finally:
        first.stop()
        second.stop()
        database.close()

    assert first.wrong + second.wrong == []
    assert len({notes for notes in seen if notes.startswith("changed")}) > 20, "revisions were among what was read"
