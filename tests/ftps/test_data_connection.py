"""When a client opens its data connection, and begins TLS on it, is its own affair."""

from __future__ import annotations

import errno
import ftplib
import functools
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ftps.farewell import Farewell
from ftps.identity import account_key
from models import Account
from tests.ftps.shelf import DATA, Shelf
from tests.visitor import BODY, PATH, Client, House


def _connected(client: Client) -> socket.socket:
    return socket.create_connection(client.makepasv(), timeout=20)


def _secured(client: Client, connection: socket.socket) -> ssl.SSLSocket:
    secured = client.context.wrap_socket(connection, server_hostname=client.host)
    client.opened.append(secured)
    return secured


def _finish(client: Client, connection: ssl.SSLSocket) -> str:
    connection.sendall(BODY)
    connection.unwrap().close()
    return client.voidresp()


@pytest.mark.parametrize("pause", [0.0, 0.1])
def test_tls_may_begin_before_the_command(house: House, pause: float) -> None:
    """The port is watched soon, though no command has come that needs it."""
    client = house.login()
    connection = _connected(client)
    time.sleep(pause)
    secured = _secured(client, connection)
    assert client.sendcmd(f"STOR {PATH}").startswith("125 ")
    assert _finish(client, secured).startswith("226 ")
    assert house.file(PATH).read_bytes() == BODY


@pytest.mark.parametrize("pause", [0.0, 0.1])
def test_the_connection_may_come_behind_the_command(house: House, pause: float) -> None:
    """There is nothing to take when the command comes."""
    client = house.login()
    address = client.makepasv()
    assert client.sendcmd(f"STOR {PATH}").startswith("150 ")
    time.sleep(pause)
    secured = _secured(client, socket.create_connection(address, timeout=20))
    assert _finish(client, secured).startswith("226 ")
    assert house.file(PATH).read_bytes() == BODY


def test_a_connection_that_is_there_is_taken_with_the_command(house: House) -> None:
    """Before the loop looks at the port at all: the reply comes before the connection is taken."""
    client = house.login()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ftps.connecting.GLANCE", 60.0)
        for _ in range(3):
            connection = _connected(client)
            assert client.sendcmd(f"STOR {PATH}").startswith("150 ")
            assert _finish(client, _secured(client, connection)).startswith("226 ")


def test_a_rest_behind_a_command_whose_connection_was_lost(shelf: Shelf) -> None:
    """Sent ahead, it is meant for the command that follows, not for the one that is given up."""
    shelf.place("a.csv", "0123456789")
    client = shelf.house.login()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ftps.connecting.GLANCE", 60.0)
        connection = _connected(client)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        connection.close()
        assert client.sock is not None
        # The others wait for the first one, which is answered by another thread.
        client.sock.sendall(b"SITE STATUS\r\nRETR /Export/a.csv\r\nREST 5\r\nEPSV\r\n")
        assert client.last_reply().startswith("211-")
        assert client.last_reply().startswith("150 ")
        assert client.last_reply() == "425 The data connection was lost before it was used."
        assert client.last_reply().startswith("350 ")
        _, port = ftplib.parse229(client.last_reply(), (client.host, 0))
        connection = socket.create_connection((client.host, port), timeout=20)
        assert client.sendcmd("RETR /Export/a.csv")[:3] in ("125", "150")
        assert _secured(client, connection).recv(64) == b"56789"


def test_ports_that_nobody_watches_are_closed_with_their_sessions(house: House) -> None:
    """Each PASV gives up the port before it; the last one goes with the session."""
    client = house.login()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ftps.connecting.GLANCE", 60.0)
        first, second = client.makepasv(), client.makepasv()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(first, timeout=20)
        client.quit()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(second, timeout=20).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.01)
    raise AssertionError("the port is open still")


@pytest.mark.parametrize("size", [1, 4096, 262_145, 6_000_000])
def test_what_leaves_with_the_handshake_is_whole(shelf: Shelf, size: int) -> None:
    """The first piece of a download does not wait for another turn of the loop."""
    body = os.urandom(size)
    (shelf.root / "a.bin").write_bytes(body)
    client = shelf.house.login()
    for reuse in (False, True):
        client.reuse = reuse
        got: list[bytes] = []
        assert client.retrbinary("RETR /Export/a.bin", got.append) == "226 Transfer complete."
        assert b"".join(got) == body


@pytest.mark.parametrize("pause", [0.0, 0.1])
def test_a_connection_that_was_reset_before_it_was_taken(house: House, pause: float) -> None:
    """The command is answered, and the session goes on."""
    client = house.login()
    connection = _connected(client)
    end_raw(connection, "rst")
    time.sleep(pause)
    reply = client.ask(f"STOR {PATH}")
    if reply.startswith("150 "):
        reply = client.last_reply()
    assert reply.startswith("425 ")
    assert client.put(PATH, BODY).startswith("226 ")


@pytest.mark.parametrize("command", [f"STOR {PATH}", "LIST"])
def test_the_port_may_fail_to_take_a_connection(house: House, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more open files, for one: 425 for the command that waits, and nothing else."""
    client = house.login()
    with monkeypatch.context() as patch:
        patch.setattr("ftps.connecting.GLANCE", 60.0)
        connection = _connected(client)
        patch.setattr("ftps.connecting.PassiveListener.accept", _no_more_files)
        assert client.sendcmd(command).startswith("150 ")
        assert client.last_reply() == "425 The data connection can't be taken now. Try again later."
    connection.close()
    assert client.put(PATH, BODY).startswith("226 ")


def test_a_stranger_at_the_port_is_not_told_of(house: House) -> None:
    """The client would take it for the reply to its next command."""
    client = house.login()
    for _ in range(3):
        address = client.makepasv()
        with socket.create_connection(address, timeout=20, source_address=("127.0.0.2", 0)) as stranger:
            time.sleep(0.05)
            assert client.sendcmd(f"STOR {PATH}").startswith("150 ")
            secured = _secured(client, socket.create_connection(address, timeout=20))
            assert _finish(client, secured).startswith("226 ")
            assert stranger.recv(1) == b""
    assert client.sendcmd("NOOP").startswith("200 ")


def test_a_goodbye_that_does_not_fit_comes_later(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket was full before the last bytes, and is again before TLS's own farewell."""
    said = Farewell.say
    refused: list[Farewell] = []

    def say(farewell: Farewell) -> bool:
        if farewell not in refused:
            refused.append(farewell)
            return False
        return said(farewell)

    def narrow(connection: Any) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)

    monkeypatch.setattr(Farewell, "say", say)
    monkeypatch.setattr("ftps.data.acknowledge", narrow)
    shelf.order(size=2_000_000)
    client = shelf.house.login()
    connection = client.begin(f"RETR /Export/{DATA}")
    connection.settimeout(10)
    got = 0
    while data := connection.recv(65536):
        got += len(data)
    connection.unwrap().close()
    assert got == 2_000_000
    assert client.voidresp() == "226 Transfer complete."
    assert len(refused) == 1


@pytest.mark.parametrize("active", [False, True], ids=["passive", "active"])
@pytest.mark.parametrize("command", [f"STOR {PATH}", "LIST", "RETR /Templates/x.csv"])
def test_a_client_that_never_begins_tls(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch, active: bool, command: str
) -> None:
    """Its transfer is not held until `data_timeout`; the session goes on."""
    monkeypatch.setattr("ftps.frontdoor.HANDSHAKE_WITHIN", 1)
    house = make_house()
    (house.root / "Templates" / "x.csv").write_text("x")
    client = house.login()
    client.set_pasv(not active)
    begun = time.monotonic()
    with ftplib.FTP.ntransfercmd(client, command)[0]:
        assert client.last_reply() == "522 No TLS on the data connection within 1 seconds."
    assert 0.9 < time.monotonic() - begun < 10
    assert not house.door.shared.claims.holds(account_key(Account.get()), PATH)
    assert client.put(PATH, BODY).startswith("226 ")


def test_a_handshake_that_stands_still(make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    """Begun is not done."""
    monkeypatch.setattr("ftps.frontdoor.HANDSHAKE_WITHIN", 0.5)
    client = make_house().login()
    connection = ftplib.FTP.ntransfercmd(client, f"STOR {PATH}")[0]
    with connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01")
        assert client.last_reply().startswith("522 ")


def test_a_connection_without_tls_and_command(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is said, because nothing was asked; the command that comes later has none."""
    monkeypatch.setattr("ftps.frontdoor.HANDSHAKE_WITHIN", 0.5)
    client = make_house().login()
    with _connected(client) as connection:
        connection.settimeout(10)
        assert connection.recv(1) == b""
        assert client.sendcmd("NOOP").startswith("200 ")
        assert client.ask(f"STOR {PATH}") == "425 Open a data connection first (PASV or EPSV)."


def test_a_listing_that_takes_long_may_be_waited_for(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients begin TLS with the reply, which comes when the listing is made; they have all of their time then."""
    monkeypatch.setattr("ftps.frontdoor.HANDSHAKE_WITHIN", 3)
    house = make_house(pool_threads=1)
    client, gate = house.login(), threading.Event()
    house.door.shared.pool.submit(functools.partial(hold, gate))
    connection = _connected(client)
    client.putcmd("NLST /")
    time.sleep(3.5)
    gate.set()
    assert client.last_reply()[:3] in ("125", "150")
    time.sleep(1)
    assert b"Products" in _secured(client, connection).recv(65536)


def test_the_handshake_has_its_own_limit(make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    """A transfer that stands still later is given up by `data_timeout`, and not before."""
    monkeypatch.setattr("ftps.frontdoor.HANDSHAKE_WITHIN", 1)
    house = make_house(data_timeout=4)
    client = house.login()
    connection = client.begin(f"STOR {PATH}")
    connection.sendall(BODY[:100])
    time.sleep(1.5)
    begun = time.monotonic()
    connection.sendall(BODY[100:200])
    assert client.last_reply() == "426 Nothing moved for 4 seconds; transfer aborted."
    assert time.monotonic() - begun > 3.9
    connection.close()


@pytest.mark.parametrize("moves_for", [0.0, 0.5, 2.5])
def test_nothing_moved_for_as_long_as_is_said(make_house: Callable[..., House], moves_for: float) -> None:
    """Counted from the last byte, not from the last ring of a timer."""
    house = make_house(data_timeout=2)

    def still() -> float:
        client = house.login()
        connection = client.begin(f"STOR {PATH}")
        begun = last = time.monotonic()
        connection.sendall(BODY[:100])
        while time.monotonic() - begun < moves_for:
            time.sleep(0.1)
            last = time.monotonic()
            connection.sendall(BODY[:100])
        assert client.last_reply() == "426 Nothing moved for 2 seconds; transfer aborted."
        connection.close()
        return time.monotonic() - last

    # Never too early; a busy machine may be late, but not each time.
    took: list[float] = []
    while len(took) < 3 and min(took, default=9) >= 3.2:
        took.append(still())
        assert took[-1] > 1.95
    assert min(took) < 3.2


def test_a_download_that_nobody_reads_is_given_up(make_house: Callable[..., House]) -> None:
    """When the buffers are full, which is at once here."""
    shelf = Shelf(make_house(data_timeout=2))
    (shelf.root / "a.bin").write_bytes(bytes(40_000_000))
    client = shelf.house.login()
    begun = time.monotonic()
    connection = client.begin("RETR /Export/a.bin")
    assert client.last_reply() == "426 Nothing moved for 2 seconds; transfer aborted."
    assert 1.95 < time.monotonic() - begun < 5
    connection.close()


def test_a_connection_does_not_age_while_the_server_works(make_house: Callable[..., House]) -> None:
    """A listing that takes longer than `data_timeout` is the server's affair."""
    house = make_house(pool_threads=1, data_timeout=1)
    client, gate = house.login(), threading.Event()
    connection = _secured(client, _connected(client))
    house.door.shared.pool.submit(functools.partial(hold, gate))
    client.putcmd("NLST /")
    time.sleep(2.5)
    gate.set()
    assert client.last_reply()[:3] in ("125", "150")
    assert b"Products" in connection.recv(65536)


def hold(gate: threading.Event) -> None:
    assert gate.wait(20)


def end_raw(connection: socket.socket, how: str) -> None:
    """End a connection that has no TLS yet."""
    if how == "rst":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()


def _no_more_files(_: object) -> object:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
