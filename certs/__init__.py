"""Makes, shows and replaces the server's certificate; reads those of clients."""

from certs.client import ended, fingerprint, fingerprints
from certs.make import check_hostname, ensure, make, present
from certs.store import (
    RENEWAL,
    CertificateError,
    Details,
    check_usable,
    install,
    missing,
    refusal,
    remedy,
    show,
)

__all__ = [
    "RENEWAL",
    "CertificateError",
    "Details",
    "check_hostname",
    "check_usable",
    "ended",
    "ensure",
    "fingerprint",
    "fingerprints",
    "install",
    "make",
    "missing",
    "present",
    "refusal",
    "remedy",
    "show",
]
