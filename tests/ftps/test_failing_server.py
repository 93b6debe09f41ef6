"""What goes wrong on the server's side in the midst of a command is answered, and told as it is."""

from __future__ import annotations

import errno
import ftplib
import logging
import os
import resource
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from ftps.partials import Incoming
from layout import spool_folder
from models import EntitySettings, Login, Upload
from tests.visitor import BODY, PATH, House

OTHER = "/Products/PRODUCT_19_09_2024.csv"


def _fails(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


def _fail_once(monkeypatch: pytest.MonkeyPatch, number: int = errno.EIO) -> None:
    """The next fsync tells that something could not be written."""
    real, failed = os.fsync, threading.Event()

    def fsync(descriptor: int) -> None:
        if not failed.is_set():
            failed.set()
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize(
    ("number", "reply"),
    [
        (errno.ENOSPC, "452 There is not enough space. Try again later."),
        (errno.EDQUOT, "452 There is not enough space. Try again later."),
        (errno.EMFILE, "451 The server can't open a file for the upload; its log says why. Try again later."),
    ],
)
def test_no_file_can_be_opened_for_an_upload(
    house: House, number: int, reply: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session and the name stay free for the next try."""
    client = house.login()
    with monkeypatch.context() as patch:
        patch.setattr("ftps.partials._open", _fails(number))
        client.makepasv()
        assert client.ask(f"STOR {PATH}") == reply
    assert client.put(PATH, BODY).startswith("226 ")


@contextmanager
def no_file_descriptors() -> Iterator[None]:
    """For a while this process opens no more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_no_data_connection_can_be_opened(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """425 for who asks for one, 425 for who has asked before and is to be taken, and a line in the log for each."""
    client, other = house.login(), house.login()
    address = other.makepasv()
    assert other.ask("NLST").startswith("150 ")
    with socket.socket() as connection, no_file_descriptors():
        assert client.ask("EPSV") == "425 No data connection can be opened now. Try again later."
        assert client.ask("PASV") == "425 No data connection can be opened now. Try again later."
        # accept() fails so before anybody comes, too.
        with suppress(ConnectionRefusedError):
            connection.connect(address)
        assert other.last_reply() == "425 The data connection can't be taken now. Try again later."
        assert client.ask("NOOP").startswith("200 ")
    said = [record for record in caplog.records if "Too many open files" in record.getMessage()]
    assert [record.exc_info for record in said if record.exc_info] == []
    assert len(said) >= 3
    assert client.nlst("/Products") == ["failed", "processed", "reports"]


def test_nothing_that_a_step_raises_ends_the_thread_that_took_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """sys.exit() in a plugin would leave the session waiting for ever, and its name to nobody until a restart."""

    def leave(*_: Any) -> Any:
        sys.exit()

    client = house.login()
    with monkeypatch.context() as patch:
        patch.setattr("ftps.receipt.record", leave)
        for _ in range(house.settings.pool_threads + 1):
            with pytest.raises(ftplib.error_temp, match=r"^451 "):
                client.put(PATH, BODY)
    for _ in range(house.settings.pool_threads + 1):
        house.door.shared.pool.submit(sys.exit)
    assert client.put(PATH, BODY).startswith("226 ")


def test_a_session_whose_command_broke_down_is_not_left_waiting(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind work off the loop, where the loop itself does not notice."""
    client, other = house.login(), house.login()
    with monkeypatch.context() as patch:
        patch.setattr("ftps.listing.Listing._send", _fails(errno.EIO))
        client.makepasv()
        with pytest.raises((EOFError, ConnectionError, ssl.SSLError)):
            client.ask("LIST")
    assert other.nlst("/Products") is not None


def test_a_password_stands_in_no_log_when_its_check_breaks_down(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """451; the log names the step that failed, and not what it was given."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("ftps.entry.check", _fails(errno.EIO))
    client = house.connect()
    client.ask("USER acme")
    assert client.ask("PASS hunter2") == "451 The server failed to do this; its log says why."
    assert client.ask("NOOP").startswith("200 ")
    assert "enter failed" in caplog.text
    assert "hunter2" not in caplog.text + "".join(str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_at_the_last_step(
    house: House, number: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """452, as before the first byte; the log has a line."""
    _fail_once(monkeypatch, number)
    with pytest.raises(ftplib.error_temp, match=r"^452 There is not enough space\. Try again later\.$"):
        house.login().put(PATH, BODY)
    (said,) = (record for record in caplog.records if "no space left" in record.getMessage())
    assert said.exc_info is None


@pytest.mark.parametrize("path", [PATH, "/Products/x.tmp"])
def test_what_the_disk_has_not_taken_is_not_continued(house: House, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux tells of it once: the next fsync of the same bytes would succeed without having written them."""
    client = house.login()
    _fail_once(monkeypatch)
    with pytest.raises(ftplib.error_temp, match=r"^451 "):
        client.put(path, BODY)
    with pytest.raises(ftplib.error_perm, match=r"^554 REST \d+ is beyond the 0 bytes that arrived"):
        client.put(path, b"", rest=len(BODY))
    assert client.put(path, BODY).startswith("226 ")
    assert house.file(path).read_bytes() == BODY


def test_a_file_that_was_on_the_disk_already_is_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It got its 226 under a temporary name: what fails is to give it another one, which can be tried again."""
    client = house.login()
    client.put("/Products/x.tmp", BODY)
    _fail_once(monkeypatch)
    client.sendcmd("RNFR /Products/x.tmp")
    assert client.ask(f"RNTO {PATH}").startswith("451 ")
    client.sendcmd("RNFR /Products/x.tmp")
    assert client.ask(f"RNTO {PATH}") == "250 Renamed, queued as import 1."
    assert house.file(PATH).read_bytes() == BODY


@pytest.mark.parametrize("schedule", ["off", "every 30m"])
def test_what_fails_behind_the_record_takes_nothing_back(
    house: House, schedule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """451 would say that nothing is recorded, and the file would come twice."""
    EntitySettings.update(schedule=schedule).execute()
    client = house.login()
    with monkeypatch.context() as patch:
        patch.setattr("ftps.receipt.show", _fails(errno.ENOSPC))
        patch.setattr("ftps.receipt.pickup_told", _fails(errno.EIO))
        assert client.put(PATH, BODY) == "226 Transfer complete, queued as import 1."
    (row,) = Upload.select()
    assert row.state == "waiting"
    assert client.put(PATH, BODY + b"B1,Cup\r\n").startswith("226 Transfer complete, queued as import 2")
    assert house.file(PATH).read_bytes().endswith(b"Cup\r\n")


@pytest.mark.parametrize("source", ["/Products/x.tmp", PATH])
@pytest.mark.parametrize("schedule", ["off", "every 30m"])
def test_what_fails_behind_the_record_of_a_renamed_file_takes_nothing_back(
    house: House, schedule: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of one that came under a temporary name nor of one that is recorded already."""
    EntitySettings.update(schedule=schedule).execute()
    client = house.login()
    client.put(source, BODY)
    client.sendcmd(f"RNFR {source}")
    with monkeypatch.context() as patch:
        for name in ("ftps.receipt.show", "ftps.changes.show", "ftps.changes.hide"):
            patch.setattr(name, _fails(errno.ENOSPC))
        patch.setattr("ftps.receipt.pickup_told", _fails(errno.EIO))
        patch.setattr("ftps.partials.Partials.discard", _fails(errno.EIO))
        assert client.ask(f"RNTO {OTHER}") == "250 Renamed, queued as import 1."
    (row,) = Upload.select()
    assert (row.state, f"/Products/{row.name}") == ("waiting", OTHER)
    assert (spool_folder(house.settings, row.id) / row.name).read_bytes() == BODY


def test_an_end_that_was_not_yet_read_is_no_death(house: House) -> None:
    """Another session wants the name between the client's farewell and the server's look at it."""
    first, second = house.login(), house.login()
    connection = first.begin(f"STOR {PATH}")
    connection.sendall(BODY[:5000])
    second.voidcmd("TYPE I")
    second.makepasv()
    time.sleep(0.1)
    house.door.shared.waker.post(lambda: time.sleep(1))
    time.sleep(0.2)
    second.putcmd(f"STOR {PATH}")
    connection.sendall(BODY[5000:20_000])
    connection.setblocking(False)
    with pytest.raises(ssl.SSLWantReadError):
        connection.unwrap()
    connection.shutdown(socket.SHUT_WR)
    assert first.voidresp().startswith("226 ")
    with pytest.raises(ftplib.error_temp, match=r"^450 "):
        second.voidresp()


def test_an_upload_that_can_not_be_closed_is_not_whole(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS may say only then that there is no more room: nothing is recorded, nothing to be continued is left, and the
    name is free."""
    client, close = house.login(), Incoming.close

    def closed_before(self: Incoming) -> None:
        os.close(self._descriptor)
        close(self)

    with monkeypatch.context() as patch:
        patch.setattr(Incoming, "close", closed_before)
        with pytest.raises(ftplib.error_temp, match=r"^426 Bad file descriptor; transfer aborted\.$"):
            client.put(PATH, BODY)

    assert (house.rows, client.ask(f"SIZE {PATH}")[:3]) == ([], "550")
    assert client.put(PATH, BODY).startswith("226 ")


def test_descriptors_run_out_in_the_midst_of_opening(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was opened is closed, or its lock would keep the name busy until a restart."""
    client = house.login()
    with monkeypatch.context() as patch:
        patch.setattr("ftps.partials.os.dup", _fails(errno.EMFILE))
        client.makepasv()
        assert client.ask(f"STOR {PATH}").startswith("451 The server can't open a file for the upload")
    assert client.put(PATH, BODY).startswith("226 ")


NOT_NOW = "451 The server can't read it now; its log says why. Try again later."


def test_what_can_not_be_read_now_is_not_gone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many clients take 550 for the end of a file or folder; what passes is 451."""
    client = house.login()
    done = "/Products/processed/PRODUCT_18_09_2024.000001.csv"
    house.file(done).write_bytes(BODY)
    with monkeypatch.context() as patch:
        patch.setattr("ftps.view._open_file", _fails(errno.EMFILE))
        client.makepasv()
        assert client.ask(f"RETR {done}") == NOT_NOW
    with monkeypatch.context() as patch:
        patch.setattr("ftps.view.on_disk", _fails(errno.ESTALE))
        for command in ("LIST /Products", "MLSD /Products", "STAT /Products"):
            client.makepasv()
            assert client.ask(command) == NOT_NOW
    assert client.get(done) == BODY
    assert client.ask("STAT /Products/none")[:3] == "550"


def test_a_hash_that_can_not_be_made_now(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not said that there is no such file."""
    client, real = house.login(), os.open
    client.put(PATH, BODY)

    def no_descriptor(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).endswith(".csv"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", no_descriptor)
        assert client.ask(f"HASH {PATH}") == NOT_NOW
    assert client.ask(f"HASH {PATH}").startswith("213 ")


def test_a_session_that_can_not_be_ended_keeps_no_other(house: House) -> None:
    """Nor the server."""
    clients = [house.login() for _ in range(3)]
    for session in list(house.door.shared.sessions)[:2]:
        session.end = _fails(errno.EIO)
    house.door.stop()

    ended = 0
    for client in clients:
        with suppress(EOFError, OSError, ssl.SSLError):
            ended += client.last_reply() == "421 The server is stopping."
    house.thread.join(20)
    assert (ended, house.thread.is_alive()) == (1, False)


def test_a_session_that_can_not_be_told_keeps_no_other_from_being_told(house: House) -> None:
    """Of changes of their logins."""
    clients = [house.login() for _ in range(3)]
    for session in list(house.door.shared.sessions)[:2]:
        session.renewed = _fails(errno.EIO)
    Login.update(disabled=True).execute()

    ended = 0
    for client in clients:
        with suppress(EOFError, OSError, ssl.SSLError):
            ended += client.last_reply() == "421 This login was changed; log in again."
    assert ended == 1
