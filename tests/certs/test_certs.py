"""Certificates are made, shown and replaced."""

from __future__ import annotations

import datetime as dt
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import certs
from settings import Settings, load
from tests.tls import write_self_signed


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(tmp_path / "home", environ={})


def test_a_missing_certificate_is_made_for_this_machine(settings: Settings) -> None:
    """ECDSA P-256, for the host name, localhost and 127.0.0.1; only its owner reads the key."""
    certs.ensure(settings)
    details = certs.show(settings.certificate_path)
    assert {"localhost", "127.0.0.1"} <= set(details.names)
    assert details.subject.startswith("CN=")
    assert len(details.fingerprint.split(":")) == 32
    assert details.not_after > dt.datetime.now(dt.UTC) + dt.timedelta(days=365)
    found = x509.load_pem_x509_certificate(settings.certificate_path.read_bytes())
    key = found.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert stat.S_IMODE(settings.private_key_path.stat().st_mode) == 0o600


def test_a_certificate_that_is_there_is_kept(settings: Settings) -> None:
    """Clients have trusted it."""
    certs.ensure(settings)
    before = certs.show(settings.certificate_path)
    certs.ensure(settings)
    assert certs.show(settings.certificate_path) == before


def test_a_configured_certificate_is_never_made(tmp_path: Path) -> None:
    """Its files are another program's."""
    settings = load(tmp_path, environ={}, certificate=str(tmp_path / "a.pem"), private_key=str(tmp_path / "a.key"))
    certs.ensure(settings)
    assert list(tmp_path.iterdir()) == []


def test_install_replaces_both_files(settings: Settings, tmp_path: Path) -> None:
    """The chain is kept whole; the key stays private."""
    certs.ensure(settings)
    ca = trustme.CA()
    issued = ca.issue_cert("ftp.example.com")
    chain, key = tmp_path / "chain.pem", tmp_path / "new.key"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems) + ca.cert_pem.bytes())
    issued.private_key_pem.write_to_path(str(key))
    details = certs.install(settings, chain, key)
    assert details.names == ("ftp.example.com",)
    assert settings.certificate_path.read_bytes() == chain.read_bytes()
    assert settings.private_key_path.read_bytes() == key.read_bytes()
    assert stat.S_IMODE(settings.private_key_path.stat().st_mode) == 0o600


def wrong_key(folder: Path) -> str:
    certs.make(folder / "other.pem", folder / "key")
    return "does not belong"


def no_key(folder: Path) -> str:
    (folder / "key").write_text("rubbish")
    return "not a private key"


def missing_key(folder: Path) -> str:
    (folder / "key").unlink()
    return "No such file"


def no_certificate(folder: Path) -> str:
    (folder / "chain").write_text("rubbish")
    return "not a certificate"


def over(folder: Path) -> str:
    ca = trustme.CA()
    ended = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    issued = ca.issue_cert("ftp.example.com", not_before=ended - dt.timedelta(days=2), not_after=ended)
    (folder / "chain").write_bytes(issued.cert_chain_pems[0].bytes())
    (folder / "key").write_bytes(issued.private_key_pem.bytes())
    return "ended on"


def to_come(folder: Path) -> str:
    begins = dt.datetime.now(dt.UTC) + dt.timedelta(days=2)
    write_self_signed(folder / "chain", folder / "key", ec.generate_private_key(ec.SECP256R1()), begins)
    return "begins on .*: install it when it has begun"


def weak(folder: Path) -> str:
    """The two belong together, but OpenSSL takes no such key where nobody lowers its level."""
    write_self_signed(folder / "chain", folder / "key", rsa.generate_private_key(65_537, 1_024))
    return r"\(ee key too small; expected are keys of RSA with 2,048 bits or more"


@pytest.mark.parametrize("spoil", [wrong_key, no_key, missing_key, no_certificate, over, to_come, weak])
def test_install_refuses_what_can_t_be_used(settings: Settings, tmp_path: Path, spoil: Callable[[Path], str]) -> None:
    """With the reason, and nothing is changed."""
    certs.ensure(settings)
    before = certs.show(settings.certificate_path)
    certs.make(tmp_path / "chain", tmp_path / "key")
    reason = spoil(tmp_path)
    with pytest.raises(certs.CertificateError, match=reason):
        certs.install(settings, tmp_path / "chain", tmp_path / "key")
    assert certs.show(settings.certificate_path) == before
    assert {path.name for path in settings.certificate_path.parent.iterdir()} == {"server.pem", "server.key"}
