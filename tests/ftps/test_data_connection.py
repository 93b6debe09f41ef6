"""When a client opens its data connection, and begins TLS on it, is its own affair."""

from __future__ import annotations

import os
import socket
import ssl
import time

import pytest

from tests.ftps.shelf import Shelf
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
        patch.setattr("ftps.data.GLANCE", 60.0)
        for _ in range(3):
            connection = _connected(client)
            assert client.sendcmd(f"STOR {PATH}").startswith("150 ")
            assert _finish(client, _secured(client, connection)).startswith("226 ")


def test_ports_that_nobody_watches_are_closed_with_their_sessions(house: House) -> None:
    """Each PASV gives up the port before it; the last one goes with the session."""
    client = house.login()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ftps.data.GLANCE", 60.0)
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
