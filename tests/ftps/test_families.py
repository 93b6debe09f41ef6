"""IPv4 and IPv6: which of the commands for data connections fit the client's address (RFC 2428)."""

from __future__ import annotations

import ftplib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from settings import Settings
from tests.ftps.clients import CURL, lftp, rclone, run
from tests.ports import free_port, has_ipv6
from tests.visitor import BODY, NAME, PATH, Client, House

IPV4_ONLY = "522 PASV is for IPv4, and this connection is IPv6; use EPSV."
NOT_IPV4, NOT_IPV6 = (f"522 Network protocol not supported, use ({own})." for own in (2, 1))

needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here, as in some containers")


@pytest.fixture
def both(make_settings: Callable[..., Settings], open_house: Callable[..., House]) -> House:
    """A House that listens for both families, behind NAT for those of IPv4."""
    return open_house(make_settings(host="::", port=0, public_address="127.0.0.1"))


def _of_ipv6(house: House) -> Client:
    return house.connect("acme", host="::1")


@needs_ipv6
def test_pasv_over_ipv6_opens_no_port(both: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """No 227 has room for an IPv6 address, nor is it `public_address`; EPSV goes on."""
    client = _of_ipv6(both)
    monkeypatch.setattr("ftps.connecting.PassiveListener.bind", _must_not)
    assert client.ask("PASV") == IPV4_ONLY
    monkeypatch.undo()
    assert client.put(PATH, BODY).startswith("226 ")
    assert NAME in client.nlst("/Products")


@needs_ipv6
def test_a_pasv_that_is_refused_leaves_what_was_opened_before(both: House) -> None:
    """As every command does that is refused."""
    client = _of_ipv6(both)
    host, port = client.makepasv()
    assert client.ask("PASV") == IPV4_ONLY
    connection = socket.create_connection((host, port), timeout=20)
    assert client.sendcmd("NLST /")[:3] in ("125", "150")
    with client.context.wrap_socket(connection) as secured:
        assert b"Products" in secured.recv(65536)


@needs_ipv6
def test_clients_come_by_ipv6(both: House, tmp_path: Path) -> None:
    """curl, lftp and rclone ask for EPSV themselves."""
    (tmp_path / NAME).write_bytes(BODY)
    url = f"ftp://[::1]:{both.port}/Products/"
    sent = run(*CURL, "--upload-file", str(tmp_path / NAME), url)
    assert (sent.returncode, sent.stderr) == (0, "")
    listed = lftp(both, "cls -1 /Products", host="[::1]")
    assert NAME in listed.stdout, listed.stderr
    copied = rclone(both, tmp_path, "lsf", "dock:Products", host="[::1]")
    assert NAME in copied.stdout.split("\n"), copied.stderr


@needs_ipv6
def test_a_client_that_insists_on_pasv_is_told_of_epsv(both: House, tmp_path: Path) -> None:
    """rclone without EPSV gives up at once, and its user reads why."""
    told = rclone(both, tmp_path, "lsf", "dock:Products", "--ftp-disable-epsv", host="[::1]")
    assert told.returncode != 0
    assert IPV4_ONLY.removesuffix(".") in told.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::", marks=needs_ipv6)])
def test_an_ipv4_client_is_one_wherever_the_server_listens(
    make_settings: Callable[..., Settings], open_house: Callable[..., House], host: str
) -> None:
    """On a server for both families its address is ::ffff:127.0.0.1; the reply names what it can use."""
    house = open_house(make_settings(host=host, port=0))
    client = house.login()
    assert _opens(client, "EPSV 1", BODY)
    assert _opens(client, "EPSV", BODY)
    for command in ("EPSV 2", "EPSV 3", f"EPRT |2|::1|{free_port()}|", f"EPRT |3|127.0.0.1|{free_port()}|"):
        assert client.ask(command) == NOT_IPV6
    client.set_pasv(False)
    client.sendeprt = client.sendport = lambda host, port: client.voidcmd(f"EPRT |1|{host}|{port}|")  # type: ignore[method-assign]
    assert client.put(PATH, BODY).startswith("226 ")


@needs_ipv6
def test_an_ipv6_client(both: House) -> None:
    """What is of IPv4, or of neither, is not for it."""
    client = _of_ipv6(both)
    assert _opens(client, "EPSV 2", BODY)
    for command in ("EPSV 1", "EPSV 3", f"EPRT |1|127.0.0.1|{free_port()}|", f"EPRT |3|::1|{free_port()}|"):
        assert client.ask(command) == NOT_IPV4
    client.set_pasv(False)
    assert client.put(PATH, BODY).startswith("226 ")


@pytest.mark.parametrize(
    "line",
    ["EPSV x", "EPSV -1", "EPSV 1 2", "EPSV \u0661", "EPRT", "EPRT |", "EPRT 11", "EPRT |1|", "EPRT |||5000|",
     "EPRT |x|127.0.0.1|5000|", "EPRT |1|127.0.0.1|x|", "EPRT |\u0662|::1|5000|"],
)  # fmt: skip
def test_what_names_no_protocol_is_a_mistake(house: House, line: str) -> None:
    """501: there is no other protocol to go on with."""
    client = house.login()
    assert client.ask(line).startswith("501 ")
    assert client.put(PATH, BODY).startswith("226 ")


def test_behind_epsv_all_there_is_epsv_alone(house: House) -> None:
    """RFC 2428, section 4."""
    client = house.login()
    assert client.ask("EPSV ALL").startswith("220 ")
    for command in ("PASV", "PORT 127,0,0,1,100,1", f"EPRT |1|127.0.0.1|{free_port()}|"):
        assert client.ask(command).startswith("501 ")
    assert _opens(client, "EPSV 1", BODY)


def _opens(client: Client, command: str, body: bytes) -> bool:
    """Whether an upload goes through the port that `command` opens."""
    _, port = ftplib.parse229(client.sendcmd(command), (client.host, 0))
    connection = socket.create_connection((client.host, port), timeout=20)
    assert client.sendcmd(f"STOR {PATH}")[:3] in ("125", "150")
    with client.context.wrap_socket(connection, server_hostname=client.host) as secured:
        secured.sendall(body)
        secured.unwrap().close()
    return client.voidresp().startswith("226 ")


def _must_not(*_: object) -> None:
    raise AssertionError("a port was opened")
