"""Makes, shows and replaces the server's certificate."""

from certs.make import ensure, make
from certs.store import CertificateError, Details, install, show

__all__ = ["CertificateError", "Details", "ensure", "install", "make", "show"]
