"""Client certificates with their keys, as partners have them."""

from __future__ import annotations

import datetime as dt
import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import certs
from tests.tls import client_context

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM form."""

    certificate: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        """As `openssl x509 -fingerprint -sha256` prints it."""
        first = self.certificate.read_text().partition("-----END CERTIFICATE-----")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first[0] + first[1])).digest().hex(":").upper()

    def context(self) -> ssl.SSLContext:
        """Of a client that has it."""
        context = client_context()
        context.load_cert_chain(self.certificate, self.key)
        return context


def self_signed(folder: Path, name: str) -> Pair:
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    certs.make(pair.certificate, pair.key, name)
    return pair


def issued(folder: Path, name: str, days: int = 30) -> Pair:
    """By an authority that nobody knows here; over if `days` is negative."""
    made = trustme.CA().issue_cert(f"{name}@example.com", not_before=NOW - 60 * DAY, not_after=NOW + days * DAY)
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    made.cert_chain_pems[0].write_to_path(str(pair.certificate))
    made.private_key_pem.write_to_path(str(pair.key))
    return pair


def crooked(folder: Path) -> Pair:
    """With a chain: the authority's own certificate tells another key than that which has signed."""
    mine, another, signer = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    chain = [_signed("client", mine, signer), _signed("authority", another, signer)]
    pair = Pair(folder / "crooked.pem", folder / "crooked.key")
    pair.certificate.write_bytes(b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain))
    plain = serialization.NoEncryption()
    pair.key.write_bytes(mine.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return pair


def _signed(subject: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name, authority = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (subject, "authority"))
    builder = x509.CertificateBuilder(authority, name, key.public_key(), x509.random_serial_number())
    return builder.not_valid_before(NOW - DAY).not_valid_after(NOW + DAY).sign(signer, hashes.SHA256())
