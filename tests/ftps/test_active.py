"""Active mode (PORT, EPRT): the server calls the client."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from ftps.connecting import as_the_kernel_spells
from settings import Settings
from tests.ftps.shelf import Shelf
from tests.ports import free_port, has_ipv6
from tests.visitor import BODY, NAME, PATH, Client, House

NONE = "425 Open a data connection first (PASV or EPSV)."


def _active(house: House) -> Client:
    client = house.login()
    client.set_pasv(False)
    return client


def _port(port: int) -> str:
    return f"PORT 127,0,0,1,{port // 256},{port % 256}"


def test_files_and_listings_go_both_ways(shelf: Shelf) -> None:
    """With TLS, in which the client is the client though it was called."""
    (shelf.root / "a.bin").write_bytes(BODY)
    client = _active(shelf.house)
    for _ in range(2):
        assert client.put(PATH, BODY).startswith("226 ")
        assert client.get("/Export/a.bin") == BODY
        assert client.nlst("/Export") == ["a.bin"]


def test_who_was_called_does_not_end_the_sessions_of_others(house: House) -> None:
    """The data connection's number goes to the next one who comes, whom the caller must leave alone."""
    caller = _active(house)
    assert caller.put(PATH, BODY).startswith("226 ")
    others = [house.login() for _ in range(6)]
    assert caller.ask(_port(free_port())).startswith("425 ")
    caller.makepasv()
    caller.quit()
    for other in others:
        other.sock.settimeout(5)  # type: ignore[union-attr]
        assert other.sendcmd("NOOP").startswith("200 ")


def test_a_call_is_good_for_one_transfer(house: House) -> None:
    """The next one needs its own, and says so at once."""
    client = _active(house)
    client.put(PATH, BODY)
    assert client.ask(f"STOR {PATH}") == NONE
    assert client.ask("LIST") == NONE


@pytest.mark.parametrize("spelling", ["::1", "0:0:0:0:0:0:0:1", "0::1", "::0001", "::0.0.0.1"])
def test_an_address_may_be_spelled_in_any_way(
    make_settings: Callable[..., Settings], open_house: Callable[..., House], spelling: str
) -> None:
    """RFC 2428 takes every text that stands for the client's own address, and no other address."""
    assert as_the_kernel_spells(spelling) == "::1"
    if not has_ipv6():
        pytest.skip("there is no IPv6 here")
    client = open_house(make_settings(host="::1", port=0)).connect("acme", host="::1")
    client.set_pasv(False)
    client.sendeprt = lambda host, port: client.voidcmd(f"EPRT |2|{spelling}|{port}|")  # type: ignore[method-assign]
    assert client.put(PATH, BODY).startswith("226 ")
    assert client.nlst("/Products")[0] == NAME
    for foreign in ("2001:db8::1", "::2", "fe80::1%lo", "localhost"):
        assert client.ask(f"EPRT |2|{foreign}|{free_port()}|").startswith("501 Rejected data connection to foreign")


def test_an_ipv4_address_within_ipv6_is_that_address() -> None:
    """As clients of a server for both families have it."""
    assert as_the_kernel_spells("::ffff:192.0.2.1") == as_the_kernel_spells("192.0.2.1") == "192.0.2.1"


def test_nobody_answers_the_call(house: House) -> None:
    """425 for PORT, and for what needs a data connection then."""
    client, port = _active(house), free_port()
    assert client.ask(_port(port)) == f"425 Can't connect to 127.0.0.1:{port}."
    assert client.ask(f"STOR {PATH}") == NONE
    assert client.put(PATH, BODY).startswith("226 ")


def test_a_command_that_came_with_a_call_that_failed_is_answered(house: House) -> None:
    """Both in one packet."""
    client = _active(house)
    assert client.sock is not None
    client.sock.sendall(f"{_port(free_port())}\r\nSTOR {PATH}\r\n".encode())
    replies = [client.last_reply(), client.last_reply()]
    assert sorted(reply[:3] for reply in replies) in (["150", "425"], ["425", "425"])
    if any(reply.startswith("150 ") for reply in replies):
        assert client.last_reply().startswith("425 ")
    assert client.sendcmd("NOOP").startswith("200 ")


def test_a_call_that_takes_too_long(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener whose queue is full answers nobody."""
    monkeypatch.setattr("ftps.connecting.ActiveCall.timeout", 0.3)
    client = _active(house)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        assert client.ask(_port(port)) == f"425 Nobody answered at 127.0.0.1:{port} within 0.3 seconds."
        for each in waiting:
            each.close()
    assert client.ask(f"STOR {PATH}") == NONE


def test_aborting_what_was_called(house: House) -> None:
    """The transfer ends, the session goes on."""
    client = _active(house)
    connection = client.begin(f"STOR {PATH}")
    connection.sendall(BODY[:5000])
    client.putcmd("ABOR")
    assert client.last_reply().startswith("426 ")
    assert client.last_reply().startswith("226 ")
    assert client.put(PATH, BODY).startswith("226 ")
