"""Reads what a certificate says, and puts a new one in place after checking that it fits its key."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

from certs.files import write_pair
from errors import FtpdockError
from settings import Settings


class CertificateError(FtpdockError):
    """A certificate or key can't be read, or the two don't belong together."""


@dataclass(frozen=True, slots=True)
class Details:
    """What a person compares when a client asks whether to trust the server."""

    subject: str
    """RFC 4514, such as CN=ftp.example.com."""
    names: tuple[str, ...]
    """Host names and addresses of the subject alternative name."""
    fingerprint: str
    """SHA-256 of the certificate, as AB:CD:..."""
    not_after: dt.datetime


def show(certificate: Path) -> Details:
    """The details of the first certificate of a PEM file. Raises CertificateError."""
    found = _certificate(certificate, read(certificate))
    digest = found.fingerprint(hashes.SHA256()).hex(":").upper()
    return Details(found.subject.rfc4514_string(), _names(found), digest, found.not_valid_after_utc)


def install(settings: Settings, certificate: Path, key: Path) -> Details:
    """Replace the server's certificate and key by these PEM files. Raises CertificateError and changes nothing.

    The running server notices and uses them for the connections that follow.
    """
    chain, private = read(certificate), read(key)
    check_pair(_certificate(certificate, chain), key, private)
    for path in (settings.certificate_path, settings.private_key_path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_pair(settings.private_key_path, private, settings.certificate_path, chain)
    return show(settings.certificate_path)


def check_pair(certificate: x509.Certificate, key: Path, private: bytes) -> None:
    """Raise CertificateError unless the key is the certificate's, and the certificate is still good."""
    if _public(_key(key, private).public_key()) != _public(certificate.public_key()):
        raise CertificateError(f"{key}: this key does not belong to the certificate")
    if certificate.not_valid_after_utc < dt.datetime.now(dt.UTC):
        raise CertificateError(f"The certificate ended on {certificate.not_valid_after_utc:%Y-%m-%d}")


def read(path: Path) -> bytes:
    """Raises CertificateError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path}: {error.strerror}") from error


def _certificate(path: Path, pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(pem)[0]
    except ValueError as error:
        raise CertificateError(f"{path}: not a certificate in PEM form") from error


def _key(path: Path, pem: bytes) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise CertificateError(f"{path}: not a private key in PEM form without a passphrase") from error


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in found)
