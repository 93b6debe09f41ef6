"""A self-signed certificate for a server that has none yet: ECDSA P-256, which costs half of RSA's handshake."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
import socket
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from certs.files import make_folder, write_pair
from certs.store import CertificateError, show
from errors import FtpdockError
from settings import Settings

DAYS = 825
"""How long a certificate lasts; some TLS stacks refuse longer ones."""
_NO_NAME = "{!r} is no host name: expected something like ftp.example.com"


def ensure(settings: Settings) -> None:
    """Make a certificate when none is configured and none was made yet."""
    if settings.certificate or settings.private_key:
        return
    if not (settings.certificate_path.exists() and settings.private_key_path.exists()):
        make(settings.certificate_path, settings.private_key_path)


def make(certificate: Path, key: Path, *names: str) -> None:
    """Write a new self-signed certificate and its key (mode 0600) as PEM.

    `names` are host names and addresses, by default those of `present`. Raises FtpdockError for what is neither.
    """
    for name in names:
        check_hostname(name)
    private = ec.generate_private_key(ec.SECP256R1())
    signed = _build(names or present(certificate), private).sign(private, hashes.SHA256())
    for path in (certificate, key):
        make_folder(path.parent)
    write_pair(key, _pem(private), certificate, signed.public_bytes(serialization.Encoding.PEM))


def present(certificate: Path) -> tuple[str, ...]:
    """Whom the present certificate names, without localhost and 127.0.0.1, else this machine: clients check the names.

    What the machine calls itself may be no host name, and is no reason not to start.
    """
    try:
        found = show(certificate).names
    except CertificateError:
        found = ()
    return tuple(name for name in found if name not in _ALWAYS and _is_host(name)) or (socket.gethostname(),)


_ALWAYS = ("localhost", "127.0.0.1")
"""In each certificate that is made here."""
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
_HOST = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")


def check_hostname(hostname: str) -> str:
    """A name or an address. Raises FtpdockError for what is neither."""
    name = _name(hostname)
    if isinstance(name, x509.DNSName) and not _HOST.fullmatch(name.value):
        raise FtpdockError(_NO_NAME.format(hostname))
    return hostname


def _is_host(name: str) -> bool:
    """Others, such as mail addresses, are not made anew."""
    try:
        check_hostname(name)
    except FtpdockError:
        return False
    return True


def _build(hosts: Sequence[str], key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
    today = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A partner's clock may be behind ours.
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(dict.fromkeys(map(_name, (*hosts, *_ALWAYS)))), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )


def _address(text: str) -> x509.IPAddress | None:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return None


def _name(hostname: str) -> x509.GeneralName:
    """Clients compare an address with addresses, and names in their form for the network: xn--... for other letters."""
    try:
        return _address(hostname) or x509.DNSName(hostname.encode("idna").decode("ascii"))
    except UnicodeError as error:
        raise FtpdockError(_NO_NAME.format(hostname)) from error


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
