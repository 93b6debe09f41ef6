"""Reads what a certificate says, and puts a new one in place after checking that it fits its key."""

from __future__ import annotations

import datetime as dt
import shlex
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

from certs.files import make_folder, write_pair
from errors import FtpdockError
from settings import Settings

_LEVEL = "DEFAULT:@SECLEVEL=2"
"""What OpenSSL demands of keys and signatures where nobody says otherwise, which is how the server loads them."""


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
    not_before: dt.datetime
    not_after: dt.datetime


def show(certificate: Path) -> Details:
    """The details of the first certificate of a PEM file. Raises CertificateError."""
    found = _certificate(certificate, read(certificate))
    digest = found.fingerprint(hashes.SHA256()).hex(":").upper()
    try:
        return Details(found.subject.rfc4514_string(), _names(found), digest, found.not_valid_before_utc,
                       found.not_valid_after_utc)  # fmt: skip
    except ValueError as error:
        raise CertificateError(f"{certificate}: it is not as X.509 has it ({error})") from error


def install(settings: Settings, certificate: Path, key: Path) -> Details:
    """Replace the server's certificate and key by these PEM files. Raises CertificateError and changes nothing.

    The running server notices and uses them for the connections that follow.
    """
    chain, private = read(certificate), read(key)
    check_pair(_certificate(certificate, chain), key, private)
    for path in (settings.certificate_path, settings.private_key_path):
        make_folder(path.parent)
    write_pair(settings.private_key_path, private, settings.certificate_path, chain, check_usable)
    return show(settings.certificate_path)


def remedy(settings: Settings) -> str:
    """What to do about files that can't be used: those that settings name are another program's."""
    named = [name for name in ("certificate", "private_key") if getattr(settings, name)]
    if not named:
        return "`ftpdock cert install` or `ftpdock cert make` replaces them"
    return f"put a certificate and its key there, or take {' and '.join(map(settings.out_of, named))}"


def missing(settings: Settings) -> Path | None:
    """The certificate, else the key, that is not there."""
    files = settings.certificate_path, settings.private_key_path
    return next((path for path in files if not path.exists()), None)


def check_pair(certificate: x509.Certificate, key: Path, private: bytes) -> None:
    """Raise CertificateError unless the key is the certificate's, and the certificate is still good."""
    if _public(_key(key, private).public_key()) != _public(certificate.public_key()):
        raise CertificateError(f"{key}: this key does not belong to the certificate")
    if certificate.not_valid_after_utc < dt.datetime.now(dt.UTC):
        raise CertificateError(f"The certificate ended on {certificate.not_valid_after_utc:%Y-%m-%d}, and clients "
                               "refuse it: have it renewed")  # fmt: skip
    if certificate.not_valid_before_utc > dt.datetime.now(dt.UTC):
        raise CertificateError(f"The certificate begins on {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} (UTC), "
                               "and clients refuse it until then: install it when it has begun, or set this "
                               "machine's clock if that is wrong")  # fmt: skip


RENEWAL = "renew it (`ftpdock cert make` or `cert install`, or where the settings name another file)"


def refusal(details: Details, moment: dt.datetime) -> str:
    """Why clients refuse the certificate at that moment, and what to do about it; empty when they don't."""
    if details.not_after < moment:
        return (f"it ended at {details.not_after.isoformat(timespec='seconds')}, and clients refuse it since then: "
                f"{RENEWAL}")  # fmt: skip
    if details.not_before > moment:
        return (f"it begins at {details.not_before.isoformat(timespec='seconds')} only, and clients refuse it until "
                "then: renew it, or set this machine's clock if that is wrong")  # fmt: skip
    return ""


def check_usable(certificate: Path, key: Path) -> None:
    """Load both files as the server will, chain and all. Raises CertificateError."""
    # OpenSSL does not say which of them it can't read.
    for path in (certificate, key):
        read(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(_LEVEL)
    try:
        # A passphrase, which the server could not be asked for, is not asked for here either.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        raise CertificateError(_refusal(error)) from error


def _refusal(error: ssl.SSLError) -> str:
    reason = (error.reason or "no reason is known").replace("_", " ").lower()
    weak = ("; expected are keys of RSA with 2,048 bits or more, or of an elliptic curve such as P-256, and "
            "signatures by SHA-256 or better, in all of the chain: have another one issued")  # fmt: skip
    return (
        f"TLS refuses the certificate or its key ({reason}{weak if reason.endswith(('too small', 'too weak')) else ''})"
    )


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
        if pem.lstrip().startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----"):
            command = f"ssh-keygen -p -m PEM -f {shlex.quote(str(path))}"
            raise CertificateError(f"{path}: a private key in OpenSSH's form: expected is PEM without a passphrase, "
                                   f"which `{command}` makes of one of RSA or ECDSA, in place") from error  # fmt: skip
        raise CertificateError(f"{path}: not a private key in PEM form without a passphrase") from error


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        # OpenSSL, and so the server, looks at less, and takes such a certificate.
        return (f"(can't be read: {error})",)
    return tuple(str(name.value) for name in found)
