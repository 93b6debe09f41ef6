"""TLS of the tests' clients."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Socket(ssl.SSLSocket):
    """Closed with the last reference to it.

    When a server dies before it has accepted a data connection, the standard library raises out of `wrap_socket` with
    the socket still open, where nobody can reach it any more.
    """

    def __del__(self) -> None:
        self.close()


def client_context(certificate: str = "") -> ssl.SSLContext:
    """Verifies the server by its certificate file, or takes any."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = Socket
    if certificate:
        context.load_verify_locations(certificate)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def write_self_signed(
    certificate: Path,
    key_file: Path,
    key: Key,
    begins: dt.datetime | None = None,
    ends: dt.datetime | None = None,
    extensions: Sequence[x509.ExtensionType] = (),
) -> None:
    """A certificate for ftp.example.com, good for 90 days from now on or from `begins` on, or until `ends`, and its
    key, as PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ftp.example.com")])
    begins = begins or dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends or begins + dt.timedelta(days=90))
    )
    for each in extensions:
        builder = builder.add_extension(each, critical=False)
    signed = builder.sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    certificate.write_bytes(signed.public_bytes(pem))
    key_file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
