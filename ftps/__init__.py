"""The front door: explicit FTPS. The only importer of pyftpdlib and OpenSSL.SSL."""

from ftps.frontdoor import FrontDoor
from ftps.quiet import settle

__all__ = ["FrontDoor", "settle"]
