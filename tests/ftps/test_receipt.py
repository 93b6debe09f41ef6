"""226 means whole, on disk and recorded; anything less is refused and leaves nothing to import."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import ftplib
import hashlib
import os
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import ftps.receipt
from errors import FileRefused
from layout import LOST, spool_folder
from models import Account, EntitySettings, ImportRun, Login, Upload
from settings import Settings
from tests.full_disk import statvfs_says
from tests.visitor import BODY, NAME, PATH, House, end


@pytest.mark.parametrize("reuse", [False, True], ids=["fresh-tls", "reused-tls"])
def test_226_names_the_import_whose_row_describes_the_file(
    settings: Settings, open_house: Callable[..., House], reuse: bool
) -> None:
    """On both engines the row, the file and the reply agree."""
    house = open_house(dataclasses.replace(settings, host="127.0.0.1", port=0))
    client = house.login(reuse)

    reply = client.put(PATH, BODY)

    [row] = house.rows
    assert reply == f"226 Transfer complete, queued as import {row.id}."
    assert (row.entity, row.name, row.size, row.state, row.origin) == ("product", NAME, len(BODY), "waiting", "ftp")
    assert row.sha256 == hashlib.sha256(BODY).hexdigest()
    assert (row.login, row.remote_ip) == ("acme", "127.0.0.1")
    assert house.file(PATH).read_bytes() == spooled(house, row) == BODY
    assert [event.name for event in house.hooks.received] == [NAME]


@pytest.mark.parametrize(("schedule", "rings"), [("immediate", 1), ("off", 0), ("0 2 * * *", 0)])
def test_the_bell_rings_for_what_a_worker_can_begin_with(house: House, schedule: str, rings: int) -> None:
    """An upload that waits for a schedule wakes nobody: workers look at the clock by themselves."""
    client = house.login()
    EntitySettings.update(schedule=schedule).execute()

    client.put(PATH, BODY)

    assert len(house.rung) == rings
    assert ImportRun.select().count() == rings


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("verb", ["STOR", "APPE"])
def test_a_cut_upload_is_refused_and_nothing_is_recorded(house: House, how: str, verb: str) -> None:
    """FIN without close_notify and RST are no end of a file."""
    client = house.login()
    partial = house.door.shared.partials.path(key(house), PATH)

    connection = client.begin(f"{verb} {PATH}")
    connection.sendall(BODY[:5000])
    # What has not been read when a reset comes never will be.
    house.wait(lambda: partial.exists() and partial.stat().st_size == 5000)
    end(connection, how)

    assert client.last_reply().startswith("426 ")
    assert house.rows == []
    assert not house.file(PATH).exists()
    [event] = house.wait(lambda: house.hooks.incomplete)
    assert (event.virtual_path, event.received, event.account) == (PATH, 5000, "acme")
    assert client.put(PATH, BODY).startswith("226 ")


@pytest.mark.parametrize("size", [300_000, 5000, 0])
def test_a_reset_right_behind_the_data_is_refused(house: House, size: int) -> None:
    """Also when the whole file was under way and only the end is missing."""
    client = house.login()
    connection = client.begin(f"STOR {PATH}")
    connection.sendall(BODY[:size])
    end(connection, "rst")
    assert client.last_reply().startswith("426 ")
    assert house.rows == []


def test_a_client_that_dies_with_both_connections_leaves_no_receipt(house: House) -> None:
    """Neither by RST nor by FIN on both."""
    for how in ("rst", "fin"):
        client = house.login()
        connection = client.begin(f"STOR {PATH}")
        connection.sendall(BODY[:9000])
        assert isinstance(client.sock, ssl.SSLSocket)
        end(client.sock, how)
        end(connection, how)
    house.wait(lambda: len(house.hooks.incomplete) == 2)
    assert house.rows == []
    assert not house.file(PATH).exists()


def test_a_whole_file_does_not_count_when_the_control_connection_is_gone(house: House) -> None:
    """Nobody would hear the 226."""
    client = house.login()
    connection = client.begin(f"STOR {PATH}")
    connection.sendall(BODY)
    assert isinstance(client.sock, ssl.SSLSocket)
    end(client.sock, "fin")
    with contextlib.suppress(OSError):  # The server may have hung up already.
        connection.unwrap()
    connection.close()
    [event] = house.wait(lambda: house.hooks.incomplete)
    assert "control connection" in event.reason
    assert house.rows == []


def test_a_login_may_do_without_close_notify_but_not_without_an_end(make_house: Callable[..., House]) -> None:
    """`require_close_notify = no` takes a FIN for the end; a reset never is one."""
    house = make_house(login={"require_close_notify": False})
    client = house.login()
    assert client.cut(PATH, BODY, "rst").startswith("426 ")
    assert client.cut(PATH, BODY, "fin") == "226 Transfer complete, queued as import 1."
    assert house.file(PATH).read_bytes() == BODY


def test_a_failed_replacement_leaves_the_older_file(house: House) -> None:
    """The complete file of that name and its row stay as they are."""
    client = house.login()
    client.put(PATH, b"older")
    client.cut(PATH, BODY[:5000])
    [row] = house.rows
    assert (row.state, row.size) == ("waiting", 5)
    assert house.file(PATH).read_bytes() == b"older"
    assert spooled(house, row) == b"older"


def test_a_replacement_takes_the_older_upload_out_of_the_queue(house: House) -> None:
    """One waiting row for a name, and it describes the bytes that lie there."""
    client = house.login()
    client.put(PATH, b"older")
    client.put(PATH, b"newer!")
    first, second = house.rows
    assert (first.state, second.state, second.size) == ("replaced", "waiting", 6)
    assert house.file(PATH).read_bytes() == spooled(house, second) == b"newer!"
    house.wait(lambda: not spool_folder(house.settings, first.id).exists())


def test_what_a_pickup_left_shown_does_not_hide_a_newer_upload(house: House) -> None:
    """It was killed before it could hide the file. SIZE and HASH tell of what was just uploaded, at once."""
    client = house.login()
    client.put(PATH, b"older")
    Upload.update(state="picked").execute()
    EntitySettings.update(schedule="immediate").execute()

    client.put(PATH, BODY)

    assert not house.file(PATH).exists()
    client.voidcmd("TYPE I")
    assert client.size(PATH) == len(BODY)
    assert hashlib.sha256(BODY).hexdigest() in client.ask(f"HASH {PATH}").lower()


def test_a_stale_spool_folder_is_not_taken_for_the_upload(house: House) -> None:
    """Its number is given to the next upload after a kill before the commit, or with a database from a backup, which
    may have lost what got its 226: it is put aside."""
    stale = spool_folder(house.settings, 1)
    stale.mkdir(parents=True)
    (stale / NAME).write_bytes(b"of nobody")
    house.login().put(PATH, BODY)
    assert spooled(house, house.rows[0]) == BODY
    (aside,) = (house.settings.spool / LOST).glob(f"000001-*/{NAME}")
    assert aside.read_bytes() == b"of nobody"


def test_a_hook_refuses_a_file_with_its_message(house: House) -> None:
    """The client sees 553 with the hook's words and the file is dropped."""

    def refuse(event: object) -> None:
        raise FileRefused("Not on Sundays.\r\n226 fooled")

    house.hooks.on_received = refuse
    client = house.login()

    with pytest.raises(ftplib.error_perm, match=r"^553 Not on Sundays\.  226 fooled$"):
        client.put(PATH, BODY)

    assert house.rows == []
    assert not house.file(PATH).exists()
    assert client.nlst("/Products") == ["failed", "processed", "reports"]


def test_a_hook_that_refuses_without_a_word(house: House) -> None:
    """553 says whom to ask."""

    def refuse(event: object) -> None:
        raise FileRefused("")

    house.hooks.on_received = refuse

    with pytest.raises(ftplib.error_perm, match=r"^553 A rule of this server's owner refuses the file: ask there"):
        house.login().put(PATH, BODY)


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, asyncio.CancelledError])
def test_a_hook_that_fails_stops_nothing(make_house: Callable[..., House], error: type[BaseException]) -> None:
    """Only FileRefused refuses. Whatever else is raised, the one thread that called it goes on."""
    house = make_house(pool_threads=1)

    def fail(event: object) -> None:
        raise error("broken plugin")

    house.hooks.on_received = fail
    client = house.login()
    for _ in range(2):
        assert client.put(PATH, BODY).startswith("226 ")


def test_a_login_that_is_disabled_during_the_upload_gets_no_receipt(house: House) -> None:
    """Rights are checked once more before the row is written."""
    client = house.login()
    connection = client.begin(f"STOR {PATH}")
    connection.sendall(BODY)
    Login.update(disabled=True).execute()
    connection.unwrap().close()
    assert client.last_reply()[:3] in ("553", "426")
    assert house.rows == []


def test_an_empty_file_is_a_receipt(house: House) -> None:
    """It is the import that says EMPTY_FILE."""
    assert house.login().put(PATH, b"") == "226 Transfer complete, queued as import 1."
    assert house.rows[0].size == 0


def test_ascii_mode_changes_no_byte(house: House) -> None:
    """What arrived is what was sent; SIZE tells its bytes in TYPE A too, as clients ask that never set a type."""
    client = house.login()
    client.voidcmd("TYPE A")
    connection = client.transfercmd(f"STOR {PATH}")
    connection.sendall(b"a\r\nb\rc\r")
    assert isinstance(connection, ssl.SSLSocket)
    connection.unwrap().close()
    assert client.voidresp().startswith("226 ")
    assert house.file(PATH).read_bytes() == b"a\r\nb\rc\r"
    assert client.sendcmd(f"SIZE {PATH}") == "213 7"


def test_a_file_that_is_too_large_is_refused_and_so_is_the_next_try(make_house: Callable[..., House]) -> None:
    """552, and the retry gets 552 before any data; ALLO with a right size lifts that."""
    house = make_house(max_file_size=50_000)
    client = house.login()
    connection = client.begin(f"STOR {PATH}")
    with contextlib.suppress(OSError):
        connection.sendall(BODY)
    assert client.last_reply().startswith("552 ")
    connection.close()
    with pytest.raises(ftplib.error_perm, match=r"^552 "):
        client.begin(f"STOR {PATH}")
    assert client.ask("ALLO 50001").startswith("552 ")
    assert client.ask("ALLO x").startswith("501 ")
    assert client.ask("ALLO 50000").startswith("200 ")
    assert client.put(PATH, BODY[:50_000]).startswith("226 ")
    assert [event.received for event in house.hooks.incomplete] == [0]


def test_a_full_disk_is_told_before_any_data(make_house: Callable[..., House]) -> None:
    """452 for STOR and ALLO when min_free_bytes would not stay free."""
    house = make_house(min_free_bytes=2**62)
    client = house.login()
    with pytest.raises(ftplib.error_temp, match=r"^452 "):
        client.begin(f"STOR {PATH}")
    assert client.ask("ALLO 1").startswith("452 ")
    assert client.ask("AVBL") == "213 0"


def test_a_disk_that_takes_no_more_files(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """ALLO and AVBL say so, whatever is free."""
    client = house.login()
    statvfs_says(monkeypatch, f_files=1000, f_favail=0)
    assert client.ask("ALLO 1").startswith("452 ")
    assert client.ask("AVBL") == "213 0"


def test_a_disk_that_fills_up_ends_the_upload(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """426, nothing recorded, and the session lives."""
    client = house.login()
    connection = client.begin(f"STOR {PATH}")
    connection.sendall(b"begin")
    house.wait(lambda: house.door.shared.partials.stat(key(house), PATH))

    def full(descriptor: int, pieces: list[bytes]) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("ftps.partials.os.writev", full)
    with contextlib.suppress(OSError):
        connection.sendall(BODY)
    reply = client.last_reply()
    monkeypatch.undo()
    assert reply.startswith("426 No space left")
    assert house.rows == []
    assert client.put(PATH, BODY).startswith("226 ")


def test_the_free_space_is_watched_during_an_upload(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other programs fill disks too."""
    monkeypatch.setattr("ftps.partials._FREE_EVERY", 10_000)
    client = house.login()
    connection = client.begin(f"STOR {PATH}")
    monkeypatch.setattr(type(house.door.shared.partials), "free", lambda self: -1)
    with contextlib.suppress(OSError):
        connection.sendall(BODY)
    assert client.last_reply() == "426 The disk is full; transfer aborted."


def test_an_upload_that_stalls_is_ended(make_house: Callable[..., House]) -> None:
    """`data_timeout` seconds without a byte."""
    house = make_house(data_timeout=1)
    client = house.login()
    connection = client.begin(f"STOR {PATH}")
    connection.sendall(b"SKU_ID")
    assert client.last_reply().startswith("426 Nothing moved")
    connection.close()
    assert house.rows == []
    assert client.ask("NOOP").startswith("200")


def test_abor_ends_an_upload(house: House) -> None:
    """426 for the transfer, 226 for ABOR (RFC 959); Telnet's IP and DM before it are skipped."""
    client = house.login()
    connection = client.begin(f"STOR {PATH}")
    connection.sendall(BODY[:5000])
    time.sleep(0.1)
    assert client.sock is not None
    client.sock.sendall(b"\xff\xf4\xff\xf2ABOR\r\n")
    assert [client.last_reply()[:3], client.last_reply()[:3]] == ["426", "226"]
    assert client.ask("ABOR").startswith("225")
    assert house.rows == []


def test_quit_during_an_upload_waits_for_its_receipt(house: House) -> None:
    """226 comes first, then 221 (RFC 959, section 4.1.1)."""
    client = house.login()
    connection = client.begin(f"STOR {PATH}")
    connection.sendall(BODY)
    client.putcmd("QUIT")
    connection.unwrap().close()
    assert [client.last_reply()[:3], client.last_reply()[:3]] == ["226", "221"]


def test_commands_sent_ahead_are_answered_in_order(house: House) -> None:
    """What comes while a receipt is made is run after it."""
    client = house.login()
    gate = threading.Event()
    house.hooks.on_received = lambda event: gate.wait(10)
    connection = client.begin(f"STOR {PATH}")
    assert client.sock is not None
    connection.sendall(BODY)
    connection.unwrap().close()
    client.sock.sendall(b"PWD\r\nNOOP\r\n")
    time.sleep(0.2)
    gate.set()
    assert [client.last_reply()[:3] for _ in range(3)] == ["226", "257", "200"]


def test_the_loop_is_free_while_a_hook_takes_its_time(house: House) -> None:
    """A slow hook holds up its own client only."""
    gate = threading.Event()
    house.hooks.on_received = lambda event: gate.wait(10)
    slow, other = house.login(), house.login()
    connection = slow.begin(f"STOR {PATH}")
    connection.sendall(BODY)
    connection.unwrap().close()
    started = time.monotonic()
    assert other.ask("NOOP").startswith("200")
    assert time.monotonic() - started < 3
    gate.set()
    assert slow.last_reply().startswith("226")


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize(("path", "step"), [(PATH, "_sha256_and_sync"), ("/Products/x.tmp", "_sync")])
def test_a_client_that_leaves_during_its_receipt_gets_none(
    house: House, monkeypatch: pytest.MonkeyPatch, path: str, step: str, how: str
) -> None:
    """One that gives up may end its data in order and its control connection a moment later. The next one goes on."""
    real, begun, gate = getattr(ftps.receipt, step), threading.Event(), threading.Event()

    def slow(*arguments: Any) -> Any:
        begun.set()
        assert gate.wait(20)
        return real(*arguments)

    monkeypatch.setattr(ftps.receipt, step, slow)
    client = house.login()
    connection = client.begin(f"STOR {path}")
    connection.sendall(BODY[:5000])
    connection.unwrap().close()
    assert begun.wait(10)
    assert isinstance(client.sock, ssl.SSLSocket)
    end(client.sock, how)
    time.sleep(0.1)
    gate.set()
    [event] = house.wait(lambda: house.hooks.incomplete)
    assert (event.virtual_path, event.received, event.reason) == (path, 5000, "The control connection was lost.")
    house.wait(lambda: not house.door.shared.sessions)
    assert house.rows == []
    assert not house.file(path).exists()
    again = house.login()
    assert again.size(path) == 5000
    assert again.put(path, BODY[5000:], rest=5000).startswith("226 ")
    assert house.file(path).read_bytes() == BODY


def test_stopping_waits_for_a_receipt_in_the_making(house: House) -> None:
    """226 still comes, then 421."""
    gate = threading.Event()
    house.hooks.on_received = lambda event: gate.wait(10)
    client, idle = house.login(), house.login()
    connection = client.begin(f"STOR {PATH}")
    connection.sendall(BODY)
    connection.unwrap().close()
    house.wait(lambda: house.hooks.received)
    house.door.stop()
    assert idle.last_reply() == "421 The server is stopping."
    gate.set()
    assert [client.last_reply()[:3], client.last_reply()[:3]] == ["226", "421"]
    house.thread.join(10)
    assert not house.thread.is_alive()


def test_a_fetched_file_is_told_to_hooks(house: House) -> None:
    """on_file_sent after the whole file; not after a part."""
    path = house.root / "Products" / "processed" / "PRODUCT_18_09_2024.000042.csv"
    path.write_bytes(BODY * 20)
    client = house.login()
    assert client.get("/Products/processed/" + path.name) == BODY * 20
    [event] = house.wait(lambda: house.hooks.sent)
    assert (event.virtual_path, event.size) == (f"/Products/processed/{path.name}", len(BODY) * 20)
    connection = client.begin(f"RETR /Products/processed/{path.name}")
    connection.recv(10)
    end(connection, "rst")
    assert client.last_reply().startswith("426 ")
    assert len(house.hooks.sent) == 1


def key(house: House) -> str:
    account = Account.get()
    return f"{account.id}-{int(account.created_at.timestamp() * 1_000_000):x}"


def spooled(house: House, row: Upload) -> bytes:
    return (spool_folder(house.settings, row.id) / row.name).read_bytes()
