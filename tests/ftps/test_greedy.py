"""Clients that ask and do not read, or that take what the system has: they cost no memory, no time, nobody else."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftps.core import LOGIN_WITHIN
from ftps.frontdoor import MOST_FILES
from ftps.origin import origin
from layout import account_root
from settings import Settings
from tests.system.server import Server
from tests.tls import client_context
from tests.visitor import PASSWORD, House


def _waiting(house: House) -> int:
    """Bytes of replies that the server keeps for clients."""
    sessions: set[Any] = house.door.shared.sessions
    waiting = [each for session in list(sessions) for each in list(session.producer_fifo)]
    return sum(len(each) if isinstance(each, bytes) else 1 for each in waiting)


def _flood(sock: socket.socket, line: bytes, seconds: float) -> None:
    """Send lines and read nothing, until the other end has had enough."""
    sock.settimeout(0.2)
    until, data = time.monotonic() + seconds, line * 1000
    while time.monotonic() < until:
        try:
            data = data[sock.send(data) :] or line * 1000
        except TimeoutError:
            continue
        except OSError:
            return


def test_replies_that_nobody_reads_are_not_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any login: a few bytes of a command would become hundreds of a reply."""
    monkeypatch.setattr("ftps.lines.LAST_WORDS", 60)
    other = house.login()
    with socket.socket() as greedy:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        greedy.connect(("127.0.0.1", house.port))
        _flood(greedy, b"FEAT\r\n", 5)
        assert _waiting(house) < 5_000
        assert other.sendcmd("NOOP").startswith("200 ")


def test_a_session_that_takes_no_goodbye_ends_all_the_same(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its buffers are full when it is told to go."""
    monkeypatch.setattr("ftps.lines.LAST_WORDS", 0.5)
    with socket.create_connection(("127.0.0.1", house.port)) as greedy:
        sent = 0
        while not _waiting(house):
            greedy.sendall(b"FEAT\r\n" * 100)
            sent += 1
            assert sent < 10_000
        for session in list(house.door.shared.sessions):
            house.door.shared.waker.post(lambda session=session: session.end("421 Enough."))  # type: ignore[misc]
        house.wait(lambda: not house.door.shared.sessions)


def test_a_slow_reader_gets_all_replies_in_order(house: House) -> None:
    """What it asked for waits until it has read what came before."""
    folder = account_root(house.settings, "acme") / "Products"
    for number in range(1500):
        (folder / f"PRODUCT_18_09_2024_{number:04}.csv").write_bytes(b"x")
    client = house.login()
    assert client.sock is not None
    count = 90
    client.sock.sendall(b"STAT /Products\r\nNOOP\r\n" * count)
    house.wait(lambda: _waiting(house))
    time.sleep(0.3)
    for _ in range(count):
        assert client.last_reply().count("PRODUCT_18_09_2024_") == 1500
        assert client.last_reply().startswith("200 ")


@pytest.mark.parametrize("how", ["plain", "handshake", "tls"])
def test_a_client_that_does_not_log_in_is_sent_away(house: House, how: str) -> None:
    """Whatever it asks for meanwhile. One that logs in anew has as long again."""
    known = house.login()
    with socket.create_connection(("127.0.0.1", house.port), timeout=20) as raw:
        assert raw.recv(100).startswith(b"220 ")
        raw.sendall(b"NOOP\r\n" if how == "plain" else b"AUTH TLS\r\n")
        raw.recv(100)
        client = client_context().wrap_socket(raw) if how == "tls" else raw
        if how == "tls":
            client.sendall(b"NOOP\r\n")
            client.recv(100)
        for session in list(house.door.shared.sessions):
            session.started -= LOGIN_WITHIN
        said = client.recv(100)
        assert said == (b"" if how == "handshake" else b"421 No login within 60 seconds.\r\n")
        house.wait(lambda: len(house.door.shared.sessions) == 1)
        client.close()
    assert known.ask("USER acme").startswith("331 ")
    [session] = house.door.shared.sessions
    house.door.shared.waker.post(session.end_stranger)
    assert known.ask(f"PASS {PASSWORD}").startswith("230 ")


def test_commands_give_a_client_without_a_login_no_more_time(house: House) -> None:
    """Neither a wrong password, nor those that are refused."""
    client = house.connect()
    [session] = house.door.shared.sessions
    began = session.started
    for command in ("NOOP", "USER acme", "PASS wrong", "REIN", "PASV", "nonsense"):
        client.ask(command)
    assert session.started == began


def test_one_address_without_a_login_leaves_room_for_others(make_house: Callable[..., House]) -> None:
    """It gets a quarter of the connections; those who are logged in do not count."""
    house = make_house(max_connections=8)
    known = house.login()
    strangers = [_greeting(house, "127.0.0.1") for _ in range(3)]
    other = _greeting(house, "127.0.0.2")
    try:
        assert [said[:4] for _, said in strangers] == ["220 ", "220 ", "421 "]
        assert other[1].startswith("220 ")
        strangers[0][0].close()
        house.wait(lambda: len(house.door.shared.sessions) == 3)
        clients = [known, house.login(), house.login()]
        assert [client.ask("NOOP")[:4] for client in clients] == ["200 "] * 3
    finally:
        for connection, _ in (*strangers, other):
            connection.close()


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::7", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::7%eth0", "fe80::/64"),
    ],
)
def test_a_host_is_known_by_its_network(address: str, counted: str) -> None:
    """An IPv6 host has 2^64 addresses, and gets no more than one."""
    assert origin(address) == counted


def test_a_network_gets_a_quarter_and_each_ipv4_client_its_own(
    make_settings: Callable[..., Settings], open_house: Callable[..., House]
) -> None:
    """On a socket for both families."""
    house = open_house(make_settings(host="::", port=0, max_connections=8))
    strangers = [_greeting(house, source) for source in ("::1", "::1", "127.0.0.1", "127.0.0.2", "::1")]
    try:
        assert [said[:4] for _, said in strangers] == ["220 "] * 4 + ["421 "]
        origins = [session.origin for session in house.door.shared.sessions if session.connected]
        assert sorted(origins)[:3] == ["127.0.0.1", "127.0.0.2", "::/64"]
    finally:
        for connection, _ in strangers:
            connection.close()


def _greeting(house: House, source: str) -> tuple[socket.socket, str]:
    """A connection from another address of this machine, and what the server says."""
    connection = socket.create_connection(("::1" if ":" in source else "127.0.0.1", house.port), 20, (source, 0))
    return connection, connection.recv(100).decode()


def test_a_line_that_is_too_long_is_answered_in_its_turn(house: House) -> None:
    """Not past all that waits, which nothing would bound. Its rest is no command."""
    client = house.login()
    assert client.sock is not None
    client.sock.sendall(b"STAT /Products\r\n" + b"A" * 5000 + b" NOOP\r\nNOOP\r\n")
    assert [client.last_reply()[:4] for _ in range(3)] == ["213-", "500 ", "200 "]


def test_a_server_without_file_descriptors_waits_and_goes_on(tmp_path: Path) -> None:
    """It says so, does not spin, and takes who came meanwhile."""
    server = Server(tmp_path, FTPDOCK_DATABASE=f"sqlite:///{tmp_path}/ftpdock.db")
    server.start()
    try:
        assert server.process is not None
        pid = server.process.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        assert soft == min(hard, MOST_FILES)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(list(Path(f"/proc/{pid}/fd").iterdir())), hard))
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
            time.sleep(0.3)
            before = _cpu(pid)
            time.sleep(2)
            assert _cpu(pid) - before < 0.5
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
            assert client.recv(4) == b"220 "
    finally:
        server.kill()


def _cpu(pid: int) -> float:
    """Seconds that a process has used."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
