"""TLS versions, certificates that are replaced, passive ports."""

from __future__ import annotations

import dataclasses
import datetime as dt
import ftplib
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID
from OpenSSL import SSL

import certs
from errors import FtpdockError
from ftps import FrontDoor, tls
from ftps.tls import TlsError
from hooks import Hooks
from schemas import SCHEMAS
from settings import Settings
from tests.ports import free_ports
from tests.tls import client_context, write_self_signed
from tests.visitor import BODY, PATH, House


@pytest.mark.parametrize(("setting", "version"), [("1.2", "TLSv1.2"), ("1.3", "TLSv1.3")])
@pytest.mark.parametrize("reuse", [False, True])
def test_the_newest_version_is_the_setting_s(
    make_house: Callable[..., House], setting: str, version: str, reuse: bool
) -> None:
    """A client that knows 1.3 gets at most what is set, and uploads and downloads work."""
    house = make_house(tls_max_version=setting)
    client = house.login(reuse)
    assert isinstance(client.sock, ssl.SSLSocket)
    assert client.sock.version() == version
    (house.root / "Products" / "processed" / "a.csv").write_bytes(BODY * 10)
    for _ in range(3):
        assert client.put(PATH, BODY).startswith("226 ")
        assert client.get("/Products/processed/a.csv") == BODY * 10


def test_sessions_are_resumed_on_the_data_connection(house: House) -> None:
    """With the control connection's session (what strict clients expect)."""
    client = house.login(reuse=True)
    for _ in range(3):
        connection = client.begin(f"STOR {PATH}")
        connection.sendall(BODY)
        assert connection.session_reused
        connection.unwrap().close()
        assert client.voidresp().startswith("226 ")


def test_tls_1_1_is_refused(house: House) -> None:
    """The handshake fails, and the server goes on."""
    context = client_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, OSError)):
        house.connect(context=context)
    assert house.login().ask("NOOP").startswith("200")


def seen(house: House) -> bytes | None:
    client = house.connect()
    assert isinstance(client.sock, ssl.SSLSocket)
    found = client.sock.getpeercert(binary_form=True)
    client.close()
    return found


def test_a_new_certificate_is_used_without_a_restart(house: House) -> None:
    """New connections get it, running sessions go on with the old one."""
    client, before = house.login(reuse=True), seen(house)
    folder = house.settings.home
    certs.make(folder / "new.pem", folder / "new.key")
    certs.install(house.settings, folder / "new.pem", folder / "new.key")
    house.wait(lambda: seen(house) != before)
    assert client.put(PATH, BODY).startswith("226 ")
    assert house.login(reuse=True).put(PATH, BODY).startswith("226 ")


def test_a_broken_certificate_is_logged_and_the_old_one_stays(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """And a right one after it is used."""
    before = seen(house)
    house.settings.certificate_path.write_text("rubbish")
    house.wait(lambda: "The new certificate is not used" in caplog.text)
    assert seen(house) == before
    certs.make(house.settings.certificate_path, house.settings.private_key_path)
    house.wait(lambda: seen(house) != before)


@pytest.mark.parametrize(("begins", "said"), [(-30, "it ended at "), (2, "it begins at ")])
def test_a_certificate_that_clients_refuse_is_used_and_logged(
    house: House, caplog: pytest.LogCaptureFixture, begins: int, said: str
) -> None:
    """Some look at nothing; of the others nobody would tell the admin."""
    before = seen(house)
    begin = dt.datetime.now(dt.UTC) + dt.timedelta(days=begins)
    files = house.settings.certificate_path, house.settings.private_key_path
    write_self_signed(*files, ec.generate_private_key(ec.SECP256R1()), begin, begin + dt.timedelta(days=10))
    house.wait(lambda: seen(house) != before)

    assert f"The certificate {files[0]} can't be trusted: {said}" in caplog.text


def test_a_certificate_that_only_openssl_reads_is_used(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """What else can't be read of it is no reason: it has worked for its clients. Its names can't be shown."""
    before = seen(house)
    files = house.settings.certificate_path, house.settings.private_key_path
    address_of_three_bytes = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
                                                        b"\x30\x05\x87\x03\x01\x02\x03")  # fmt: skip
    write_self_signed(*files, ec.generate_private_key(ec.SECP256R1()), extensions=[address_of_three_bytes])
    house.wait(lambda: seen(house) != before)

    (names,) = certs.show(files[0]).names
    assert names.startswith("(can't be read: ")
    assert "Traceback" not in caplog.text


def test_a_certificate_that_can_t_be_used_keeps_the_door_shut(make_settings: Callable[..., Settings]) -> None:
    """open() says which file."""
    settings = make_settings(host="127.0.0.1", port=0)
    settings.certificate_path.parent.mkdir()
    settings.certificate_path.write_text("rubbish")
    settings.private_key_path.write_text("rubbish")
    with pytest.raises(TlsError, match=r"server\.pem"):
        FrontDoor(settings, Hooks(), SCHEMAS, lambda: None).open()


def test_two_servers_in_one_process_share_nothing(
    make_house: Callable[..., House], make_settings: Callable[..., Settings]
) -> None:
    """Neither the certificate nor a setting."""
    house = make_house(banner="one")
    other = dataclasses.replace(house.settings, home=house.settings.home / "two", banner="two")
    door = FrontDoor(other, Hooks(), SCHEMAS, lambda: None)
    door.open()
    client = house.connect()
    assert client.welcome == "220 one"
    assert door.address != house.door.address
    door.close()
    assert client.ask("NOOP").startswith("200")


@pytest.mark.parametrize(("command", "opened"), [("PASV", "227"), ("EPSV", "229")])
def test_a_passive_range_that_is_used_up_is_told(make_house: Callable[..., House], command: str, opened: str) -> None:
    """425 and a count, not a port that the firewall blocks; it works again once a port is free."""
    first, last = free_ports(2)
    house = make_house(passive_ports=f"{first}-{last}")
    clients = [house.login() for _ in range(3)]
    assert [client.ask(command)[:3] for client in clients] == [opened, opened, "425"]
    assert house.door.passive_used_up == 1
    assert clients[0].ask("ABOR").startswith("225")
    assert clients[2].put(PATH, BODY).startswith("226 ")


def test_the_public_address_is_told_in_pasv(make_house: Callable[..., House]) -> None:
    """For a server behind NAT."""
    house = make_house(public_address="192.0.2.7")
    assert "(192,0,2,7," in house.login().ask("PASV")


def test_too_many_connections_get_421(make_house: Callable[..., House]) -> None:
    """And a place that becomes free is given away again."""
    house = make_house(max_connections_per_ip=2)
    first, _ = house.connect(), house.connect()
    with pytest.raises((ftplib.error_temp, EOFError, OSError)):
        house.connect()
    first.close()
    house.wait(lambda: len(house.door.shared.sessions) == 1)
    assert house.connect().ask("NOOP").startswith("200")


def test_an_idle_session_ends(make_house: Callable[..., House]) -> None:
    """421 after `idle_timeout` seconds."""
    house = make_house(idle_timeout=3)
    assert house.login().last_reply().startswith("421 ")


def test_a_certificate_that_becomes_readable_later_is_used_then(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As where root renews it, and gives it to the server's group a moment later: only its rights change."""
    before = seen(house)
    make_context = tls.make_context

    def by_others(certificate: Path, key: Path, *others: str) -> SSL.Context:
        # Root may read everything.
        if not key.stat().st_mode & 0o004:
            raise TlsError("may not be read")
        return make_context(certificate, key, *others)

    monkeypatch.setattr(tls, "make_context", by_others)
    certs.make(house.settings.certificate_path, house.settings.private_key_path)
    house.wait(lambda: "The new certificate is not used" in caplog.text)
    assert seen(house) == before

    house.settings.private_key_path.chmod(0o644)

    house.wait(lambda: seen(house) != before)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"server.pem": "rubbish", "server.key": "rubbish"}, "The certificate"),
        ({"server.pem": "rubbish"}, "there is no .*server.key"),
    ],
)
def test_why_a_certificate_can_not_be_used_is_told_in_a_sentence(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    """With both files, and what to do."""
    for name, content in files.items():
        (tmp_path / name).write_text(content)

    with pytest.raises(FtpdockError, match=message) as found:
        tls.make_context(tmp_path / "server.pem", tmp_path / "server.key", "1.2", "replace them")

    assert str(found.value).endswith("; replace them")
