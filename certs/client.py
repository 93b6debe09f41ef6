"""Certificates of clients. Logins are bound to them by fingerprint: who signed them does not matter."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certs.store import CertificateError, read

MOST = 10
"""Certificates that a login may have: the one in use, the next one, some for other machines."""


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate in DER form, as AB:CD:..."""
    return hashlib.sha256(certificate).digest().hex(":").upper()


def ended(certificate: bytes) -> dt.datetime | None:
    """When a certificate in DER form ended, or None while it has not. ValueError for what is no certificate."""
    end = x509.load_der_x509_certificate(certificate).not_valid_after_utc
    return end if end < dt.datetime.now(dt.UTC) else None


def fingerprints(files: Sequence[Path]) -> list[str]:
    """Of all certificates in these PEM files, each once. Raises CertificateError."""
    found = list(dict.fromkeys(fingerprint(each) for path in files for each in _certificates(path)))
    if len(found) > MOST:
        raise CertificateError(f"These are {len(found)} certificates, and a login has {MOST} at most")
    return found


def _certificates(path: Path) -> list[bytes]:
    """The certificates of a file in DER form, none of them over."""
    pem = read(path)
    if b"PRIVATE KEY-----" in pem:
        raise CertificateError(
            f"{path}: there is a private key in it, which nobody but the client should have: "
            "give a file with the certificate alone"
        )
    try:
        found = [each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(pem)]
        over = [(each, moment) for each in found if (moment := ended(each))]
    except ValueError as error:
        raise CertificateError(f"{path}: not a certificate in PEM form") from error
    # One that is cut short is passed over in silence.
    if len(found) != pem.count(b"-----BEGIN "):
        raise CertificateError(f"{path}: there is something in it that is no certificate, or not all of one")
    for each, moment in over:
        raise CertificateError(f"{path}: the certificate {fingerprint(each)} ended on {moment:%Y-%m-%d}")
    return found
