"""Who gets in, over which connection, and how long it lasts."""

from __future__ import annotations

import dataclasses
import ftplib
import logging
import socket
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import psycopg
import pytest

import passwords
from errors import FileRefused
from ftps.login_times import LoginTimes
from ftps.overlay import Overlay
from ftps.pool import Pool
from hooks import Hooks
from hookspecs import hookimpl
from models import Account, Login, database, now, transaction
from settings import Settings
from tests.system.server import wait_for
from tests.tls import client_context
from tests.visitor import BODY, PASSWORD, Client, House, add_account


def plain(house: House) -> ftplib.FTP:
    client = ftplib.FTP(timeout=20)
    client.connect("127.0.0.1", house.port)
    return client


def refused(house: House, user: str, password: str) -> str:
    """The reply to a login that fails, and that it may be tried again."""
    client = house.connect()
    with pytest.raises(ftplib.error_perm) as caught:
        client.login(user, password, secure=False)
    assert client.ask("NOOP").startswith("200")
    return str(caught.value)


def test_the_banner_names_no_version(house: House) -> None:
    """220 tells neither the product's version nor the library."""
    with plain(house) as client:
        assert client.welcome == "220 ftpdock ready."


@pytest.mark.parametrize("command", ["USER acme", "PASS secret"])
def test_no_name_and_no_password_is_taken_in_plain_text(house: House, command: str) -> None:
    """USER and PASS get 530 before AUTH TLS."""
    with plain(house) as client:
        client.putcmd(command)
        assert client.getmultiline() == "530 TLS is required; send AUTH TLS first."


def test_commands_behind_auth_in_one_packet_are_thrown_away(house: House) -> None:
    """What came in plain text is not executed inside TLS (injection)."""
    with socket.create_connection(("127.0.0.1", house.port), timeout=10) as raw:
        assert raw.recv(1024).startswith(b"220")
        raw.sendall(b"AUTH TLS\r\nFEAT\r\nUSER acme\r\nHELP\r\nNOO")
        assert raw.recv(1024) == b"234 AUTH TLS successful.\r\n"
        with client_context().wrap_socket(raw) as tls:
            tls.sendall(b"NOOP\r\n")
            assert tls.recv(4096) == b"200 OK.\r\n"


def test_data_connections_without_tls_are_refused(house: House) -> None:
    """PASV before PROT P, and PROT C, get 5xx."""
    client = house.connect()
    client.login("acme", PASSWORD, secure=False)
    assert client.ask("EPSV").startswith("550")
    client.prot_p()
    assert client.ask("PROT C").startswith("534")
    assert client.nlst("/") == [
        "Addresses", "Categories", "Collections", "Contacts", "Customers", "Export", "Inventory", "Orders", "Products",
        "Templates",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"login": "nobody"},
        {"password": "wrong"},
        {"disabled": True},
        {"account_disabled": True},
        {"networks": ["192.0.2.0/24"]},
        {"networks": ["rubbish"]},
    ],
    ids=str,
)
def test_every_reason_to_refuse_a_login_is_answered_alike(house: House, change: dict[str, object]) -> None:
    """Nothing tells whether a name exists."""
    Login.update(disabled=change.get("disabled", False), networks=change.get("networks", [])).execute()
    Account.update(disabled=change.get("account_disabled", False)).execute()
    reply = refused(house, str(change.get("login", "acme")), str(change.get("password", PASSWORD)))
    assert reply == "530 Login incorrect."


def test_a_right_network_is_let_in(make_house: Callable[..., House]) -> None:
    """A login may be bound to networks."""
    house = make_house(login={"networks": ["192.0.2.0/24", "127.0.0.0/8"]})
    assert house.login().pwd() == "/"


def test_an_unknown_name_costs_as_much_as_a_wrong_password(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One argon2 check of the same cost is made in either case."""
    Login.update(password_hash=passwords.hash_password(PASSWORD)).execute()
    checked: list[str] = []

    def verify(hash: str, text: str) -> bool:
        checked.append(hash)
        return False

    monkeypatch.setattr(passwords, "verify", verify)
    refused(house, "acme", "wrong")
    refused(house, "nobody", "wrong")
    assert checked == [Login.get().password_hash, passwords.dummy_hash()]
    assert passwords.dummy_hash().startswith(checked[0].rpartition("$")[0].rpartition("$")[0])


def test_too_many_wrong_passwords_end_the_connection(make_house: Callable[..., House]) -> None:
    """`login_attempts` is the limit."""
    house = make_house(login_attempts=2)
    client = house.connect()
    for expected in ("530 Login incorrect.", "530 Login incorrect. Disconnecting."):
        with pytest.raises(ftplib.error_perm) as caught:
            client.login("acme", "wrong", secure=False)
        assert str(caught.value) == expected
    with pytest.raises((EOFError, OSError)):
        client.ask("NOOP")


def test_a_flood_of_logins_gets_421_and_the_loop_stays_free(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is checked, `login_queue` wait, the others are sent away; commands of others go on."""
    house = make_house(login_queue=2)
    free = threading.Event()
    monkeypatch.setattr(passwords, "verify", lambda hash, text: free.wait(10))
    clients = [house.connect() for _ in range(6)]
    for client in clients:
        assert client.ask("USER acme").startswith("331")
    for client in clients:
        client.putcmd("PASS x")
        time.sleep(0.05)
    started = time.monotonic()
    assert house.connect().ask("NOOP").startswith("200")
    assert time.monotonic() - started < 3
    late = [client.getmultiline() for client in clients[3:]]
    free.set()
    early = [client.getmultiline() for client in clients[:3]]
    assert late == ["421 Too many logins at the moment. Try again later."] * 3
    assert early == ["230 Logged in."] * 3


def test_one_address_leaves_room_in_the_queue_for_others(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have three quarters of it."""
    house = make_house(login_queue=12)
    free, checks = threading.Event(), house.door.shared.checks
    monkeypatch.setattr(passwords, "verify", lambda hash, text: free.wait(10))

    def waiting(source: str) -> Client:
        client = house.connect(source=source)
        client.ask("USER acme")
        before = checks.total()
        client.putcmd(f"PASS {PASSWORD}")
        house.wait(lambda: checks.total() == before + 1)
        return client

    def turned_away(source: str) -> bool:
        client = house.connect(source=source)
        client.ask("USER acme")
        return client.ask(f"PASS {PASSWORD}") == "421 Too many logins at the moment. Try again later."

    early = [waiting("127.0.0.2") for _ in range(9)]
    assert turned_away("127.0.0.2")
    early += [waiting("127.0.0.3") for _ in range(3)]
    early[0].close()
    free.set()
    assert [client.getmultiline() for client in early[1:]] == ["230 Logged in."] * 11
    house.wait(lambda: not checks)


def test_what_can_be_no_name_stands_in_no_log(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody could forge its lines, or push out what an admin looks for. It is checked as any other."""
    caplog.set_level(logging.INFO)
    checked: list[str] = []

    def verify(hash: str, text: str) -> bool:
        checked.append(hash)
        return False

    monkeypatch.setattr(passwords, "verify", verify)
    names = ["acme] logged in 198.51.100.9:1-[x", "x" * 2000, "x" * 64, "ACME", "?"]
    clients = [house.connect() for _ in names]
    for client, name in zip(clients, names, strict=True):
        assert client.ask(f"USER {name}") == "331 Username ok, send password."
        client.putcmd("PASS x")
    assert [client.getmultiline() for client in clients] == ["530 Login incorrect."] * 5
    assert checked == [passwords.dummy_hash()] * 5
    assert caplog.text.count("-[?] login of '?' failed") == 5
    assert [name for name in names[:4] if name in caplog.text] == []


def test_a_password_stands_in_no_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Not even at DEBUG, in a wrong place or after an error; nor does the session keep it."""
    caplog.set_level(logging.DEBUG)
    client = house.connect()
    for command in ("USER acme", "PASS hunter2-a", "pass hunter2-b", " PASS hunter2-c", "SITE PASS hunter2-d"):
        client.ask(command)
    with pytest.raises(ftplib.error_perm):
        client.login("acme", "hunter2-e", secure=False)
    house.login()
    assert "acme" in caplog.text
    assert "hunter2" not in caplog.text
    assert PASSWORD not in caplog.text
    assert [session.password for session in house.door.shared.sessions] == ["", ""]


def test_login_is_told_to_hooks_and_recorded(house: House) -> None:
    """on_login runs before 230, and last_login_at is set soon."""
    begun = now()
    house.login()
    [event] = house.hooks.logins
    assert (event.account, event.login, event.remote_ip) == ("acme", "acme", "127.0.0.1")
    assert begun <= house.wait(lambda: Login.get().last_login_at) <= now()


def test_many_logins_at_once_are_all_recorded(house: House) -> None:
    """They share transactions, and nobody waits for those: not even while somebody else writes."""
    for name in ("b", "c"):
        Login.create(account=Account.get(), name=name, password_hash=Login.get().password_hash)
    with transaction():
        for name in ("acme", "b", "c", "b"):
            house.connect(name)
    house.wait(lambda: Login.select().where(Login.last_login_at.is_null(False)).count() == 3)


@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
def test_logins_are_recorded_again_once_the_database_is_back(settings: Settings, postgres_uri: str) -> None:
    """Also when it took no connections for the thread that was to do so."""
    add_account(settings, "hash")
    login, name = Login.get(), database.connection().info.dbname
    pool = Pool("test", 1, 10)
    times = LoginTimes(pool)
    pool.start()
    try:
        with psycopg.connect(postgres_uri, autocommit=True) as admin:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
            times.note(login.id)
            wait_for(lambda: pool.idle)
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())
        times.note(login.id)
        wait_for(lambda: Login.get().last_login_at)
    finally:
        pool.stop()


def test_without_a_hook_a_login_comes_in_as_well(settings: Settings, open_house: Callable[..., House]) -> None:
    """Then there is nothing to call before 230."""
    house = open_house(dataclasses.replace(settings, host="127.0.0.1", port=0))
    house.door.shared.hooks = Hooks()
    assert house.login().pwd() == "/"
    assert house.hooks.logins == []


def test_a_login_is_not_refused_by_a_plugin(house: House) -> None:
    """FileRefused is for files: it was 451 for every login."""

    def refuse(event: object) -> None:
        raise FileRefused("not today")

    house.door.shared.hooks = Hooks(plugins=[SimpleNamespace(on_login=hookimpl(refuse))])
    assert house.login().pwd() == "/"


@pytest.mark.parametrize("what", ["account", "login", "password", "network", "removed"])
def test_a_session_ends_when_its_login_is_taken_away(
    settings: Settings, open_house: Callable[..., House], what: str
) -> None:
    """421 within seconds, on both engines; the sessions of others go on."""
    house = open_house(dataclasses.replace(settings, host="127.0.0.1", port=0))
    add_account(settings, Login.get().password_hash, "other")
    client, other = house.login(), house.connect("other")
    mine = Login.name == "acme"
    if what == "account":
        Account.update(disabled=True).where(Account.name == "acme").execute()
    elif what == "login":
        Login.update(disabled=True).where(mine).execute()
    elif what == "password":
        Login.update(password_hash=passwords.dummy_hash()).where(mine).execute()
    elif what == "network":
        Login.update(networks=["192.0.2.0/24"]).where(mine).execute()
    else:
        Account.delete().where(Account.name == "acme").execute()
    assert client.getmultiline() == "421 This login was changed; log in again."
    assert other.pwd() == "/"


def test_rights_that_change_reach_a_session(house: House) -> None:
    """A login that loses an entity does not see its folder any more."""
    client = house.login()
    assert client.cwd("/Products") == '250 "/Products" is the current directory.'
    Login.update(entities=["order"]).execute()
    house.wait(lambda: client.nlst("/") == ["Export", "Orders", "Templates"])
    assert client.ask("CWD /Products").startswith("550")


def test_what_a_login_may_not_see_any_more_is_not_sent_to_its_end(house: House) -> None:
    """Neither a download that goes on, nor one that waits for its data connection; what it may see goes on."""
    folders = [house.root / name / "processed" for name in ("Orders", "Products")]
    for folder in folders:
        (folder / "a.csv").write_bytes(BODY * 40)
    sending, waiting, other = (house.login() for _ in range(3))
    begun = sending.begin("RETR /Orders/processed/a.csv")
    kept = other.begin("RETR /Products/processed/a.csv")
    waiting.ask("EPSV")
    assert waiting.ask("RETR /Orders/processed/a.csv").startswith("150 ")
    Login.update(entities=["product"]).execute()
    for client in (sending, waiting):
        assert client.getmultiline() == "426 This login may not fetch this file any more; transfer aborted."
        assert client.ask("NOOP").startswith("200 ")
    assert sum(map(len, iter(lambda: kept.recv(65536), b""))) == len(BODY) * 40
    kept.unwrap()
    assert other.getmultiline() == "226 Transfer complete."
    begun.close()


def test_a_long_sweep_keeps_no_session_that_has_to_end(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With many accounts it takes long."""
    begun, free = threading.Event(), threading.Event()

    def sweep(self: Overlay) -> None:
        begun.set()
        free.wait(30)

    monkeypatch.setattr(Overlay, "sweep", sweep)
    client = make_house().login()
    assert begun.wait(10)
    try:
        Login.update(disabled=True).execute()
        assert client.getmultiline() == "421 This login was changed; log in again."
    finally:
        free.set()


@pytest.mark.parametrize("line", [b"NOOP\x00", b"CWD /a\rb", b"CWD /a\nb", b"CWD /\xff\xfe", "CWD /a\x85b".encode()])
def test_bytes_that_are_no_text_are_refused(house: House, line: bytes) -> None:
    """NUL, bare CR and LF, and what is not UTF-8 get 501."""
    client = house.login()
    assert client.sock is not None
    client.sock.sendall(line + b"\r\n")
    assert client.getline().startswith("501")


def test_the_rest_of_a_line_that_is_too_long_is_no_command(house: House) -> None:
    """One 500 for the whole line."""
    client = house.login()
    assert client.sock is not None
    client.sock.sendall(b"CWD /" + b"x" * 5000)
    assert client.getmultiline().startswith("500")
    client.sock.sendall(b"QUIT\r\nNOOP\r\n")
    assert client.getmultiline() == "200 OK."
