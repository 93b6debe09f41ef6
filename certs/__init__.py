"""Makes, shows and replaces the server's certificate."""

from certs.make import ensure, make
from certs.store import CertificateError, Details, check_usable, install, show

__all__ = ["CertificateError", "Details", "check_usable", "ensure", "install", "make", "show"]
