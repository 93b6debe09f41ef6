"""Logins that need a client certificate besides their password, and who is asked for one."""

from __future__ import annotations

import ftplib
import gc
import logging
import re
import ssl
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from OpenSSL import SSL

import accounts
import certs
from ftps import tls
from ftps.identity import any_certificate
from ftps.tls import TlsError
from models import Account, Login, receipts
from models.prepared import Row
from settings import Settings
from tests.ftps.clients import CURL, lftp, rclone, run
from tests.ftps.shelf import on_loopback
from tests.pairs import Pair, crooked, issued, self_signed
from tests.tls import client_context
from tests.visitor import BODY, NAME, PASSWORD, PATH, Client, House, add_account, end

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return issued(tmp_path, "client")


@pytest.fixture
def bound(make_house: Callable[..., House], pair: Pair) -> Callable[..., House]:
    """bound(**settings) -> a house whose login needs the certificate of `pair`."""
    return lambda **settings: make_house(login={"client_certificates": [pair.fingerprint]}, **settings)


def bind(name: str, *pairs: Pair) -> None:
    """As `ftpdock login set --client-cert` does; without pairs as --no-client-cert."""
    found = certs.fingerprints([each.certificate for each in pairs])
    accounts.change_login(accounts.find_login(name), client_certificates=found)


def other(house: House) -> None:
    """A second account with its login."""
    add_account(house.settings, Login.get().password_hash, "other")


def curl(house: House, *options: str, path: str = "/") -> str:
    """What curl tells of its way; it has to succeed."""
    done = run(*CURL, "--verbose", *options, f"ftp://127.0.0.1:{house.port}{path}")
    assert done.returncode == 0, done.stderr
    return done.stderr


def reused_by_curl(told: str) -> bool:
    """Whether its data connection offered the control connection's session, and the server took it.

    Only then does no certificate of the server come a second time.
    """
    offered = len(re.findall("SSL re-?using session", told)) == 1
    return offered and len(re.findall(r"\(IN\), TLS handshake, Certificate", told)) == 1


def asked(house: House) -> bool:
    """Whether a client that has none is asked for a certificate."""
    return "Request CERT" in curl(house)


def refused(house: House, context: ssl.SSLContext, password: str = PASSWORD) -> str:
    client = house.connect(context=context)
    with pytest.raises(ftplib.error_perm) as caught:
        client.login("acme", password, secure=False)
    return str(caught.value)


def resumed(house: House, context: ssl.SSLContext, session: ssl.SSLSession | None) -> tuple[Client, bool]:
    """A client whose control connection offers a session of before, and whether the server took it."""
    client = Client(context=context, timeout=20)
    house.clients.append(client)
    client.connect("127.0.0.1", house.port)
    client.voidcmd("AUTH TLS")
    assert client.sock is not None
    wrapped = context.wrap_socket(client.sock, server_hostname=client.host, session=session)
    client.sock, client.file = wrapped, wrapped.makefile("r", encoding="utf-8")
    client.voidcmd("NOOP")
    return client, bool(wrapped.session_reused)


def session_of(client: Client) -> ssl.SSLSession:
    client.voidcmd("NOOP")
    assert isinstance(client.sock, ssl.SSLSocket)
    assert client.sock.session is not None
    return client.sock.session


@VERSIONS
def test_password_and_certificate_open_the_login(bound: Callable[..., House], pair: Pair, version: str) -> None:
    """And the session is resumed on data connections, as everybody's."""
    house = bound(tls_max_version=version)
    client = house.login(reuse=True, context=pair.context())
    assert isinstance(client.sock, ssl.SSLSocket)
    assert client.sock.version() == f"TLSv{version}"
    for _ in range(2):
        connection = client.begin(f"STOR {PATH}")
        connection.sendall(BODY)
        assert connection.session_reused
        connection.unwrap().close()
        assert client.voidresp().startswith("226 ")
    client.reuse = False
    assert client.put(PATH, BODY).startswith("226 ")
    assert NAME in client.nlst("/Products")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("none", "login 'acme' came without a client certificate"),
        ("another", "login 'acme' came with a client certificate that is not its own: {fingerprint}"),
        ("over", "login 'acme' came with a client certificate that ended on "),
        ("password", ""),
    ],
)
def test_what_was_wrong_is_logged_and_not_told(
    bound: Callable[..., House], tmp_path: Path, caplog: pytest.LogCaptureFixture, pair: Pair, reason: str, told: str
) -> None:
    """The reply is that to a wrong password, and it counts as one."""
    caplog.set_level(logging.INFO)
    house = bound(login_attempts=2)
    mine = pair if reason == "password" else issued(tmp_path, "mine", days=-1 if reason == "over" else 30)
    if reason == "over":
        Login.update(client_certificates=[mine.fingerprint]).execute()
    client = house.connect(context=client_context() if reason == "none" else mine.context())
    for expected in ("530 Login incorrect.", "530 Login incorrect. Disconnecting."):
        with pytest.raises(ftplib.error_perm) as caught:
            client.login("acme", "wrong" if reason == "password" else PASSWORD, secure=False)
        assert str(caught.value) == expected
    assert told.format(fingerprint=mine.fingerprint) in caplog.text
    assert ("client certificate" in caplog.text) == bool(told)
    assert house.hooks.logins == []


def test_as_much_is_looked_up_whatever_was_wrong(bound: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the time of the answer does not tell that the password was right."""
    house, acme = bound(), Login.get().id
    looked_up: list[int] = []
    row = receipts.login_row

    def noted(number: int) -> Row | None:
        looked_up.append(number)
        return row(number)

    monkeypatch.setattr(receipts, "login_row", noted)
    assert refused(house, client_context(), "wrong") == refused(house, client_context()) == "530 Login incorrect."
    with pytest.raises(ftplib.error_perm):
        house.connect().login("nobody", "wrong", secure=False)
    assert looked_up == [acme, acme, 0]


def test_one_of_several_is_enough(bound: Callable[..., House], tmp_path: Path, pair: Pair) -> None:
    """As while a partner changes from an old one to a new one, which may be self-signed."""
    house, following = bound(), self_signed(tmp_path, "next")
    bind("acme", pair, following)
    for each in (pair, following):
        assert house.login(context=each.context()).pwd() == "/"


def test_a_certificate_that_nobody_asked_for_does_no_harm(bound: Callable[..., House], tmp_path: Path) -> None:
    """A login that needs none is open to clients that have some."""
    house = bound()
    other(house)
    client = house.connect("other", reuse=True, context=self_signed(tmp_path, "any").context())
    assert client.put(PATH, BODY).startswith("226 ")


def test_what_is_wrong_inside_a_certificate_is_of_no_interest(make_house: Callable[..., House], tmp_path: Path) -> None:
    """The fingerprint decides; and another connection is not taken for failed by what OpenSSL finds wrong."""
    pair = crooked(tmp_path)
    house = make_house(login={"client_certificates": [pair.fingerprint]})
    other(house)
    Login.update(require_close_notify=False).where(Login.name == "other").execute()
    neighbour = house.connect("other")
    connection = neighbour.begin(f"STOR {PATH}")
    connection.sendall(BODY)

    client = house.login(context=pair.context())
    end(connection, "fin")

    assert neighbour.last_reply().startswith("226 ")
    assert client.put(PATH, BODY).startswith("226 ")


def test_only_the_client_s_own_certificate_is_looked_at(
    make_house: Callable[..., House], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its issuer's can be made to take long: each name that it forbids is compared with each of the client's."""
    pair, take_any, depths = crooked(tmp_path), tls._take_any, set()

    def looked_at(connection: object, certificate: object, error: int, depth: int, right: int) -> bool:
        depths.add(depth)
        return take_any()

    monkeypatch.setattr(tls, "_take_any", looked_at)
    house = make_house(login={"client_certificates": [pair.fingerprint]})
    house.login(context=pair.context())
    assert depths == {0}


@VERSIONS
def test_a_resumed_session_has_the_certificate_with_which_it_began(
    bound: Callable[..., House], caplog: pytest.LogCaptureFixture, pair: Pair, version: str
) -> None:
    """One that began without a certificate has none, though the client has one by now."""
    caplog.set_level(logging.INFO)
    house, context = bound(tls_max_version=version), pair.context()
    client, reused = resumed(house, context, session_of(house.login(context=context)))
    assert reused
    assert client.login("acme", PASSWORD, secure=False).startswith("230")

    context = client_context()
    session = session_of(house.connect(context=context))
    context.load_cert_chain(pair.certificate, pair.key)
    client, reused = resumed(house, context, session)
    assert reused
    with pytest.raises(ftplib.error_perm, match="530 Login incorrect"):
        client.login("acme", PASSWORD, secure=False)
    assert "login 'acme' came without a client certificate" in caplog.text


def test_no_session_is_kept_of_a_client_that_does_not_log_in(make_house: Callable[..., House], tmp_path: Path) -> None:
    """Nothing would bound them: each has all certificates that the client sent. Those of others are resumed as ever."""
    pair = crooked(tmp_path)
    house, context = make_house(login={"client_certificates": [pair.fingerprint]}), pair.context()
    context.options |= ssl.OP_NO_TICKET
    empty = len(house.door._loop.socket_map)

    def connections() -> set[SSL.Connection]:
        return {each for each in gc.get_objects() if isinstance(each, SSL.Connection)}

    def is_left(ours: weakref.WeakSet[SSL.Connection]) -> bool:
        # Until something comes, the loop holds on to what came last.
        house.door.shared.waker.post(lambda: None)
        gc.collect()
        return bool(len(ours))

    def kept(user: str) -> bool:
        before = weakref.WeakSet(connections())
        client = house.connect(user, context=context)
        ours = weakref.WeakSet(connections() - set(before))
        assert len(ours) == 1
        session = session_of(client)
        assert session.id
        assert not session.has_ticket
        assert isinstance(client.sock, ssl.SSLSocket)
        client.sock.unwrap()
        client.close()
        house.wait(lambda: len(house.door._loop.socket_map) == empty)
        # A session that is dropped goes with its connection; timers may hold that of a login for longer.
        house.wait(lambda: user or not is_left(ours))
        client, reused = resumed(house, context, session)
        client.close()
        return reused

    assert kept("acme")
    assert not kept("")


@VERSIONS
def test_a_session_of_the_time_before_is_not_resumed(
    make_house: Callable[..., House], pair: Pair, version: str
) -> None:
    """It would never be asked: a client that keeps its sessions could not come in until it is started again."""
    house, context = make_house(tls_max_version=version), pair.context()
    session = session_of(house.login(context=context))

    def taken() -> bool:
        client, reused = resumed(house, context, session)
        client.close()
        return reused

    assert taken()
    bind("acme", pair)
    house.wait(lambda: not taken())
    client, _ = resumed(house, context, session)
    assert client.login("acme", PASSWORD, secure=False).startswith("230")


def test_clients_are_asked_only_while_a_login_needs_it(
    settings: Settings, open_house: Callable[..., House], pair: Pair
) -> None:
    """Without a restart, on both engines; running sessions go on."""
    house = open_house(on_loopback(settings))
    other(house)
    client = house.login(reuse=True)
    assert not asked(house)
    bind("other", pair)
    house.wait(lambda: asked(house))
    accounts.change_login(accounts.find_login("other"), disabled=True)
    house.wait(lambda: not asked(house))
    accounts.change_login(accounts.find_login("other"), disabled=False)
    house.wait(lambda: asked(house))
    accounts.remove_login(accounts.find_login("other"))
    house.wait(lambda: not asked(house))
    assert client.put(PATH, BODY).startswith("226 ")


def test_a_login_that_nobody_can_use_needs_no_certificate(settings: Settings, pair: Pair) -> None:
    """One that is disabled, or whose account is; nor one that was told to need none."""
    add_account(settings, "", client_certificates=[pair.fingerprint])
    for table in (Login, Account):
        assert any_certificate()
        table.update(disabled=True).execute()
        assert not any_certificate()
        table.update(disabled=False).execute()
    assert any_certificate()
    bind("acme")
    assert not any_certificate()


def test_asking_begins_as_soon_as_it_can(
    house: House, pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no context could be made (no memory, no file descriptor), it is tried again, and told once."""
    make_context, failures = tls.make_context, [TlsError("no file descriptor")] * 3

    def at_last(certificate: Path, key: Path, *others: str) -> SSL.Context:
        if failures:
            raise failures.pop()
        return make_context(certificate, key, *others)

    monkeypatch.setattr(tls, "make_context", at_last)
    other(house)
    bind("other", pair)
    house.wait(lambda: asked(house))
    assert caplog.text.count("no file descriptor") == 1


@pytest.mark.parametrize(("following", "stays"), [("another", False), ("both", True), ("none", True)], ids=str)
def test_a_session_ends_when_its_certificate_is_taken_away(
    settings: Settings, open_house: Callable[..., House], tmp_path: Path, pair: Pair, following: str, stays: bool
) -> None:
    """421 within seconds, on both engines; it goes on if it could come in again as it did."""
    house = open_house(on_loopback(settings), client_certificates=[pair.fingerprint])
    client, another = house.login(context=pair.context()), self_signed(tmp_path, "another")
    [session] = house.door.shared.sessions
    bind("acme", *{"another": [another], "both": [pair, another], "none": []}[following])
    if not stays:
        assert client.getmultiline() == "421 This login was changed; log in again."
        assert refused(house, pair.context()) == "530 Login incorrect."
        return
    house.wait(lambda: len(session.identity.certificates) == (2 if following == "both" else 0))
    assert client.pwd() == "/"


def test_sessions_without_a_certificate_end_when_the_login_needs_one(house: House, pair: Pair) -> None:
    """Those of other logins go on."""
    other(house)
    client, neighbour = house.login(), house.connect("other")
    bind("acme", pair)
    assert client.getmultiline() == "421 This login was changed; log in again."
    assert neighbour.pwd() == "/"


@VERSIONS
def test_curl_comes_in_with_its_certificate(
    bound: Callable[..., House], tmp_path: Path, pair: Pair, version: str
) -> None:
    """And resumes the session on its data connection."""
    house = bound(tls_max_version=version)
    told = curl(house, "--cert", str(pair.certificate), "--key", str(pair.key))
    assert f"SSL connection using TLSv{version}" in told
    assert reused_by_curl(told)
    another = self_signed(tmp_path, "another")
    for options in ((), ("--cert", str(another.certificate), "--key", str(another.key))):
        done = run(*CURL, "--verbose", *options, f"ftp://127.0.0.1:{house.port}/")
        assert (done.returncode, "< 530 Login incorrect." in done.stderr) == (67, True)


def test_curl_uploads_with_its_certificate(bound: Callable[..., House], tmp_path: Path, pair: Pair) -> None:
    """In a resumed session, and in one that is begun for the data."""
    house, source = bound(), tmp_path / NAME
    source.write_bytes(BODY)
    mine = ("--cert", str(pair.certificate), "--key", str(pair.key), "--upload-file", str(source))
    for options in ((), ("--no-sessionid",)):
        told = curl(house, *mine, *options, path="/Products/")
        assert "< 226 Transfer complete" in told
        assert reused_by_curl(told) == (not options)


def test_lftp_comes_in_with_its_certificate(bound: Callable[..., House], tmp_path: Path, pair: Pair) -> None:
    """Without one it does not."""
    house, source = bound(), tmp_path / NAME
    source.write_bytes(BODY)
    mine = f"set ssl:cert-file {pair.certificate}; set ssl:key-file {pair.key}"
    done = lftp(house, f"{mine}; put -O /Products {source}; cls -1 /Products")
    assert (done.returncode, done.stderr) == (0, "")
    assert NAME in done.stdout
    assert "530" in lftp(house, "cls").stderr


@pytest.fixture
def asking(make_house: Callable[..., House], pair: Pair) -> Callable[[str], House]:
    """asking(version) -> a house that asks for certificates, and whose login acme needs none."""

    def make(version: str) -> House:
        house = make_house(tls_max_version=version)
        other(house)
        bind("other", pair)
        house.wait(lambda: asked(house))
        return house

    return make


def test_clients_without_a_certificate_upload_while_others_are_asked(
    asking: Callable[[str], House], tmp_path: Path
) -> None:
    """curl, lftp, rclone and ftplib, as ever."""
    house, folder = asking("1.2"), tmp_path / "out"
    names = [f"PRODUCT_18_09_2024_{client}.csv" for client in ("curl", "ftplib", "lftp", "rclone")]
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(BODY)

    told = curl(house, "--upload-file", str(folder / names[0]), path="/Products/")
    replied = house.login(reuse=True).put(f"/Products/{names[1]}", BODY)
    put = lftp(house, f"put -O /Products {folder / names[2]}")
    copied = rclone(house, tmp_path, "copy", str(folder / names[3]), "dock:Products")

    assert reused_by_curl(told)
    assert replied.startswith("226 ")
    assert (put.returncode, put.stderr) == (0, "")
    assert copied.returncode == 0, copied.stderr
    assert sorted(row.name for row in house.rows) == names


@VERSIONS
def test_clients_without_a_certificate_list_while_others_are_asked(
    asking: Callable[[str], House], tmp_path: Path, version: str
) -> None:
    """By TLS 1.3 as well, by which some of them lose uploads, asked or not."""
    house = asking(version)
    client = house.login(reuse=True)
    assert client.put(PATH, BODY).startswith("226 ")
    assert client.begin(f"STOR {PATH}").session_reused
    assert reused_by_curl(curl(house, path="/Products/"))
    assert NAME in lftp(house, "cls -1 /Products").stdout
    assert NAME in rclone(house, tmp_path, "lsf", "dock:Products").stdout
