"""Makes, shows and replaces the server's certificate; reads those of clients."""

from certs.client import ended, fingerprint, fingerprints
from certs.make import ensure, make
from certs.store import CertificateError, Details, check_usable, install, missing, remedy, show

__all__ = [
    "CertificateError",
    "Details",
    "check_usable",
    "ended",
    "ensure",
    "fingerprint",
    "fingerprints",
    "install",
    "make",
    "missing",
    "remedy",
    "show",
]
