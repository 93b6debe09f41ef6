"""Commands that come at a moment, or in a form, in which hardly any client sends them: each has its reply."""

from __future__ import annotations

import contextlib
import ftplib
import select
import socket

import pytest

from ftps.changes import Changes
from tests.tls import client_context
from tests.visitor import BODY, PASSWORD, PATH, Client, House


def connected(client: Client) -> socket.socket:
    """A data connection without TLS, so far."""
    return socket.create_connection(client.makepasv(), timeout=20)


@pytest.mark.parametrize("command", [f"STOR {PATH}", "RETR /Products/processed/a.csv", "LIST"])
def test_what_is_no_tls_on_the_data_connection(house: House, command: str) -> None:
    """522 (RFC 4217, section 10.2); the session goes on."""
    house.file("/Products/processed/a.csv").write_bytes(BODY)
    client = house.login()
    with connected(client) as raw:
        assert client.sendcmd(command)[:3] in ("125", "150")
        raw.sendall(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        assert client.last_reply() == "522 The TLS handshake on the data connection failed."
    assert house.rows == []
    assert client.put(PATH, BODY).startswith("226 ")


@pytest.mark.parametrize("command", ["RETR /Products/processed/a.csv", f"STOR {PATH}", "LIST"])
def test_a_data_connection_that_is_not_to_have_tls(house: House, command: str) -> None:
    """PASV is refused without PROT P. If the one were lost behind the other, not a byte would go in plain text."""
    house.file("/Products/processed/a.csv").write_bytes(BODY)
    client = house.login()
    client.voidcmd("TYPE I")
    [session] = house.door.shared.sessions
    address = client.makepasv()
    session._prot = False
    assert client.sendcmd(command).startswith("150 ")
    with socket.create_connection(address, timeout=20) as raw:
        with contextlib.suppress(ConnectionError):
            raw.sendall(BODY[:100])
            assert raw.recv(100) == b""
        assert client.last_reply()[:3] in ("425", "522")
    client.prot_p()
    assert house.rows == []
    assert client.put(PATH, BODY).startswith("226 ")


def test_a_second_password(house: House) -> None:
    """503, and the client is who it was."""
    client = house.login()
    assert client.ask(f"PASS {PASSWORD}") == "503 You are logged in already."
    assert client.ask("PASS wrong") == "503 You are logged in already."
    assert client.pwd() == "/"
    assert len(house.hooks.logins) == 1


def test_a_folder_is_not_listed_amid_a_transfer(house: House) -> None:
    """STAT asks for the transfer (RFC 959, section 4.1.3) unless it names a path: that waits for the end."""
    client = house.login()
    connection = client.begin(f"STOR {PATH}")
    assert client.ask("STAT").startswith("211-Status")
    client.putcmd("STAT /Products")
    assert client.sock is not None
    assert not select.select([client.sock], [], [], 0.2)[0]
    connection.sendall(BODY)
    connection.unwrap().close()
    assert client.last_reply().startswith("226 ")
    assert client.last_reply().startswith('213-Status of "/Products"')


def test_a_verb_of_other_letters(house: House) -> None:
    """None has them; in upper case some would become another's."""
    client = house.login()
    assert client.ask("\u00e4BOR") == "500 Command not understood."
    assert client.ask("\u017fTAT") == "500 Command not understood."
    assert client.ask("NOOP").startswith("200 ")


def test_a_path_for_which_the_system_has_no_bytes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where names are not UTF-8."""
    monkeypatch.setattr(Changes, "ftp_MKD", lambda _, path: path.encode("latin-1"))
    client = house.login()
    assert client.ask("MKD /\u20ac") == "501 This path can't be represented here."
    assert client.ask("NOOP").startswith("200 ")


def test_stou_is_refused_as_any_upload(house: House) -> None:
    """Without a data connection the client would wait for ever."""
    client = house.login()
    client.cwd("/Products")
    assert client.ask("STOU") == "425 Open a data connection first (PASV or EPSV)."
    assert client.ask("NOOP").startswith("200 ")
    assert not list(house.door.shared.partials.folder.glob("*/*/*"))


def test_many_commands_sent_ahead(house: House) -> None:
    """200 wait for the end of a transfer; with one more the session ends, and the transfer with it."""
    client = house.login()
    assert client.sock is not None
    connection = client.begin(f"STOR {PATH}")
    client.sock.sendall(b"PWD\r\n" * 200)
    connection.sendall(BODY)
    connection.unwrap().close()
    assert [client.last_reply()[:3] for _ in range(201)] == ["226"] + ["257"] * 200
    client.begin(f"STOR {PATH}")
    client.sock.sendall(b"PWD\r\n" * 201)
    assert client.last_reply().startswith("426 ")
    assert client.last_reply() == "421 Too many commands at once."


def test_abor_closes_a_data_connection_that_nothing_uses(house: House) -> None:
    """225 (RFC 959, section 5.4)."""
    client = house.login()
    [session] = house.door.shared.sessions
    raw = connected(client)
    with client.context.wrap_socket(raw) as connection:
        house.wait(lambda: session.data_channel)
        assert client.ask("ABOR") == "225 No transfer to abort."
        with contextlib.suppress(OSError):  # Reset, without close_notify.
            assert connection.recv(1) == b""
    assert session.data_channel is None
    assert client.put(PATH, BODY).startswith("226 ")


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("PROT C", "534 Data connections need TLS; use PROT P."),
        ("PROT s", "536 TLS has no PROT S; use PROT P."),
        ("PROT E", "536 TLS has no PROT E; use PROT P."),
        ("PROT X", "504 This PROT is not known here; use PROT P."),
        ("PROT P P", "504 This PROT is not known here; use PROT P."),
        ("MODE B", "504 Only MODE S (stream) is known here."),
        ("MODE Z", "504 Only MODE S (stream) is known here."),
    ],
)
def test_a_level_or_mode_that_there_is_not(house: House, command: str, reply: str) -> None:
    """As RFC 2228, section 3, and RFC 959 have it; what was agreed on before holds."""
    client = house.login()
    assert client.ask(command) == reply
    assert client.put(PATH, BODY).startswith("226 ")


@pytest.mark.parametrize("mechanism", ["KERBEROS", "GSSAPI", "TLS TLS"])
def test_a_mechanism_that_there_is_not(house: House, mechanism: str) -> None:
    """504 (RFC 2228, section 3), upon which clients ask for TLS; a command sent right behind it has its reply."""
    with socket.create_connection(("127.0.0.1", house.port), timeout=10) as raw:
        replies = raw.makefile("rb")
        assert replies.readline().startswith(b"220")
        raw.sendall(f"AUTH {mechanism}\r\nNOOP\r\n".encode())
        assert replies.readline() == b"504 This mechanism is not known here; use AUTH TLS.\r\n"
        assert replies.readline() == b"200 OK.\r\n"
        raw.sendall(b"AUTH TLS \r\n")
        assert replies.readline() == b"234 AUTH TLS successful.\r\n"
        with client_context().wrap_socket(raw) as tls:
            tls.sendall(b"AUTH TLS\r\nNOOP\r\n")
            assert tls.recv(4096).startswith(b"503 ")


def test_prot_needs_tls_and_pbsz(house: House) -> None:
    """503 (RFC 4217, sections 8 and 9)."""
    with ftplib.FTP(timeout=20) as plain:
        plain.connect("127.0.0.1", house.port)
        for level in "PCSX":
            plain.putcmd(f"PROT {level}")
            assert plain.getmultiline().startswith("503 ")
    assert house.connect().ask("PROT P") == "503 You must issue the PBSZ command prior to PROT."


@pytest.mark.parametrize(
    "command",
    ["PBSZ 0 ", "PROT P ", "PROT  P", "MODE S ", "STRU F ", "TYPE I ", "ALLO  5 ", "EPSV 1 ", "EPSV  ", "PASV "],
)
def test_blanks_around_a_word(house: House, command: str) -> None:
    """They are no part of it, where it is no name."""
    client = house.login()
    assert client.ask(command)[:3] in ("200", "227", "229")
    assert client.put(PATH, BODY).startswith("226 ")


def test_blanks_within_a_site_command(house: House) -> None:
    """However many: `SITE  STATUS` is `SITE STATUS`."""
    client = house.login()
    client.put(PATH, BODY)
    for blanks in ("", " ", "  "):
        assert client.ask(f"SITE {blanks}STATUS") == client.ask("SITE STATUS")
        assert client.ask(f"site {blanks}status{blanks} 1") == client.ask("SITE STATUS 1")
        assert client.ask(f"SITE{blanks}").startswith("5")
