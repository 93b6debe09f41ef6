"""What is fetched in parts is collected when all of one version was sent, and never joined from two."""

from __future__ import annotations

import ftplib
import functools
import threading
import time
from pathlib import Path

import pytest

import ftps.farewell
import ftps.memory
from layout import export_root
from tests.ftps.clients import CURL, lftp, run
from tests.ftps.shelf import DATA, FILE, ITEMS, Shelf, hold, read_all, read_what_is_there
from tests.visitor import Client, add_account, end


def test_the_rest_counts_when_the_beginning_was_sent(shelf: Shelf) -> None:
    """To the same login, of the same version, with no gap between."""
    shelf.place(FILE, size=3_000_000)
    client = shelf.house.login()
    connection = client.begin(f"RETR /Export/{FILE}")
    got = len(connection.recv(16384))
    end(connection, "rst")
    assert client.last_reply().startswith("426 ")
    again = shelf.house.login()
    rest = again.begin(f"RETR /Export/{FILE}", got)
    assert read_all(rest) == 3_000_000 - got
    rest.unwrap().close()
    assert again.last_reply() == "226 Transfer complete."
    assert shelf.state(FILE) == "collected"


def test_the_rest_counts_behind_all_that_came_before_a_cut(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client may have got some of what OpenSSL was given and has not reported as sent."""
    monkeypatch.setattr("ftps.ending.TURN", 1000)
    shelf.place(FILE, size=30_000_000)
    client = shelf.house.login()
    connection = client.begin(f"RETR /Export/{FILE}")
    time.sleep(0.3)  # Until the socket is full.
    held, gate = threading.Event(), threading.Event()
    shelf.house.door.shared.waker.post(functools.partial(hold, held, gate))
    assert held.wait(10)
    got = read_what_is_there(connection)
    end(connection, "rst")
    gate.set()
    assert client.last_reply().startswith("426 ")
    again = shelf.house.login()
    rest = again.begin(f"RETR /Export/{FILE}", got)
    assert read_all(rest) == 30_000_000 - got
    rest.unwrap().close()
    assert again.last_reply() == "226 Transfer complete."
    assert shelf.state(FILE) == "collected"


def test_the_rest_alone_does_not_count(shelf: Shelf) -> None:
    """Nobody knows what the client has of the beginning."""
    shelf.place(FILE, size=5000)
    client = shelf.house.login()
    rest = client.begin(f"RETR /Export/{FILE}", 1000)
    assert read_all(rest) == 4000
    rest.unwrap().close()
    assert client.last_reply().startswith("226 Transfer complete, but in parts: ")
    assert shelf.state(FILE) == "mirrored"
    client.get(f"/Export/{FILE}")
    assert shelf.state(FILE) == "collected"


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("size", [5000, 9000, 500])
def test_the_rest_of_another_version_is_refused(shelf: Shelf, size: int, whole: bool) -> None:
    """Behind what was sent before it would be a file that nobody exported; from the beginning it is fetched."""
    shelf.place(FILE, size=5000)
    client = shelf.house.login()
    connection = client.begin(f"RETR /Export/{FILE}")
    if whole:
        read_all(connection)
        connection.unwrap().close()
    else:
        connection.recv(16384)
        end(connection, "rst")
    client.last_reply()
    shelf.place(FILE, "changed", size)
    with pytest.raises(ftplib.error_temp, match=r"^450 a\.csv was exported anew; fetch it from the beginning\.$"):
        client.begin(f"RETR /Export/{FILE}", 1000)
    assert shelf.state(FILE) == "mirrored"
    assert len(client.get(f"/Export/{FILE}")) == size
    assert shelf.state(FILE) == "collected"


def test_the_rest_of_another_revision_is_refused(shelf: Shelf) -> None:
    """Of an order, once its login is no longer held on the older one."""
    shelf.order("one", 5000)
    client = shelf.house.login()
    cut(client, DATA)
    shelf.order("two", 5000)
    [key] = shelf.house.door.shared.pins.held()
    shelf.house.door.shared.pins.drop(key)
    with pytest.raises(ftplib.error_temp, match=r"^450 order_data_.* was exported anew;"):
        client.begin(f"RETR /Export/{DATA}", 1000)
    assert client.get(f"/Export/{DATA}").startswith(b"order_data two")


def test_what_was_cut_is_remembered_whatever_is_fetched_meanwhile(
    shelf: Shelf, password_hash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same login, whole, or by another account: neither rest nor DELE meets a version that was not seen."""
    monkeypatch.setattr(ftps.memory, "MOST", 2)
    add_account(shelf.house.settings, password_hash, "beta")
    client, other = shelf.house.login(), shelf.house.connect("beta")
    shelf.place(FILE, size=5000)
    cut(client, FILE)
    shelf.order("one")
    for path in (DATA, ITEMS) * 2:
        client.get(f"/Export/{path}")
    folder = export_root(shelf.house.settings, "beta")
    for name in "123":
        (folder / f"{name}.csv").write_text("body")
        cut(other, f"{name}.csv")
        other.get(f"/Export/{name}.csv")
    shelf.place(FILE, "changed", 9000)
    with pytest.raises(ftplib.error_temp, match=r"^450 a\.csv was exported anew; fetch it from the beginning\.$"):
        client.begin(f"RETR /Export/{FILE}", 1000)
    assert client.ask(f"DELE /Export/{FILE}").startswith("450 It was exported anew")


def cut(client: Client, path: str) -> None:
    """Begin to fetch a file, and go away."""
    connection = client.begin(f"RETR /Export/{path}")
    connection.recv(16384)
    end(connection, "rst")
    client.last_reply()


def test_other_parts_are_given_while_the_first_is_fetched(shelf: Shelf) -> None:
    """As `pget` of lftp asks for them, though another version was fetched before."""
    shelf.place(FILE, size=5000)
    first, second = shelf.house.login(), shelf.house.login()
    first.get(f"/Export/{FILE}")
    shelf.place(FILE, "changed", size=8_000_000)
    begun = first.begin(f"RETR /Export/{FILE}")
    rest = second.begin(f"RETR /Export/{FILE}", 7_999_000)
    assert read_all(rest) == 1000
    rest.unwrap().close()
    assert second.last_reply().startswith("226 Transfer complete, but in parts: ")
    end(begun, "rst")


@pytest.mark.parametrize("size", [5000, 9000, 500])
@pytest.mark.parametrize("tool", ["curl", "lftp"])
def test_real_clients_join_no_versions(shelf: Shelf, tool: str, size: int, tmp_path: Path) -> None:
    """They ask for the rest of what they have a part of, and say that they can't get it."""
    body = shelf.place(FILE, size=5000).read_bytes()
    assert len(shelf.house.login().get(f"/Export/{FILE}")) == 5000
    target = tmp_path / "a.csv"
    target.write_bytes(body[:1000])
    shelf.place(FILE, "changed", size)
    if tool == "curl":
        address = f"ftp://127.0.0.1:{shelf.house.port}/Export/{FILE}"
        done = run(*CURL, "--continue-at", "-", "--output", str(target), address)
    else:
        done = lftp(shelf.house, f"get -c -O {tmp_path} /Export/{FILE}")
    assert done.returncode != 0
    assert target.read_bytes() == body[:1000]
    assert shelf.state(FILE) == "mirrored"
