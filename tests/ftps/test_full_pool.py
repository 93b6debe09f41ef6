"""When the threads are busy and as many jobs wait as may, each command says so, and the session lives on."""

from __future__ import annotations

import ftplib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ftps.replies import BUSY
from layout import spool_folder
from models import ImportRun, now
from tests.ftps.shelf import Shelf
from tests.visitor import BODY, PASSWORD, PATH, House

FILE, WAITS = "Orders/a.csv", "/Products/PRODUCT_19_09_2024.csv"


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """With one thread, and room for few connections: the queues are not so long."""
    return make_house(pool_threads=1, max_connections=8)


@contextmanager
def all_busy(house: House) -> Iterator[None]:
    """Meanwhile nothing more fits into the pools of commands."""
    gate, pools = threading.Event(), (house.door.shared.pool, house.door.shared.bulk)
    house.wait(lambda: all(pool.idle for pool in pools))
    for pool in pools:
        while pool.submit(lambda: gate.wait(30)):  # type: ignore[arg-type]
            pass
    try:
        yield
    finally:
        gate.set()
        house.wait(lambda: all(pool.idle for pool in pools))


def test_a_whole_upload_is_not_lost(house: House) -> None:
    """450, and what arrived is kept: the client tries again, or sends nothing but the end."""
    client = house.login()
    connection = client.begin(f"STOR {PATH}")
    connection.sendall(BODY)
    with all_busy(house):
        connection.unwrap().close()
        assert client.last_reply() == BUSY
        assert client.ask("NOOP").startswith("200 ")
        [event] = house.wait(lambda: house.hooks.incomplete)
        assert (event.virtual_path, event.received, event.reason) == (PATH, len(BODY), BUSY[4:])
    assert house.rows == []
    assert client.put(PATH, b"", rest=len(BODY)) == "226 Transfer complete, queued as import 1."
    assert house.file(PATH).read_bytes() == BODY


def test_a_download_of_an_export_counts_only_when_it_is_noted(house: House) -> None:
    """The client has all of it, and is told to fetch it again."""
    shelf = Shelf(house)
    shelf.place(FILE)
    client = house.login()
    with all_busy(house):
        connection = client.begin(f"RETR /Export/{FILE}")
        assert connection.recv(100) == b"body"
        assert connection.recv(100) == b""
        connection.unwrap().close()
        assert client.last_reply() == BUSY
        assert client.ask("NOOP").startswith("200 ")
    assert shelf.state(FILE) == "mirrored"
    client.get(f"/Export/{FILE}")
    assert shelf.state(FILE) == "collected"


def test_each_command_says_so_and_can_be_tried_again(house: House) -> None:
    """Listings, questions, changes; a file that was to be changed is held by nobody."""
    client = house.login()
    client.put(WAITS, BODY)
    commands = ["STAT /Products", f"HASH {WAITS}", "SITE STATUS", "SITE EXPORT product", f"SITE VALIDATE {WAITS}"]
    with all_busy(house):
        client.makepasv()
        for command in ("LIST", "NLST", "MLSD", *commands, f"DELE {WAITS}"):
            assert (command, client.ask(command)) == (command, BUSY)
        client.sendcmd(f"RNFR {WAITS}")
        assert client.ask(f"RNTO {PATH}") == BUSY
    assert client.nlst("/Products") is not None
    assert [client.ask(command)[:1] for command in commands[:-1]] == ["2"] * 4
    assert client.rename(WAITS, PATH).startswith("250 Renamed")
    assert client.delete(PATH) == "250 File removed."


def test_a_login_is_told_to_come_again(house: House) -> None:
    """Its password is right, but a hook is to be called."""
    with all_busy(house):
        client = house.connect()
        with pytest.raises(ftplib.error_temp, match=r"^421 Too much to do at the moment\. Try again later\.$"):
            client.login("acme", PASSWORD, secure=False)
        house.wait(lambda: not house.door.shared.sessions)
    assert house.login().pwd() == "/"


def test_a_dry_run_is_looked_after_later(house: House) -> None:
    """When its end can't be looked for just now."""
    client = house.login()
    client.put(PATH, BODY)
    client.putcmd(f"SITE VALIDATE {PATH}")
    house.wait(lambda: ImportRun.select().count())
    with all_busy(house):
        time.sleep(0.6)
        ImportRun.update(status="completed", finished_at=now()).execute()
    assert client.last_reply().startswith("250-Dry run of ")


def test_replaced_bytes_go_at_once_when_they_can_not_go_aside(house: House) -> None:
    """Else they would lie there until the sweep."""
    client, pool = house.login(), house.door.shared.pool
    client.put(PATH, b"older")

    def fill(_: object) -> None:
        while pool.submit(lambda: None):
            pass

    house.hooks.on_received = fill
    client.put(PATH, BODY)
    house.wait(lambda: pool.idle)
    assert [row.state for row in house.rows] == ["replaced", "waiting"]
    assert not spool_folder(house.settings, 1).exists()
