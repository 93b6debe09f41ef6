"""The front door: explicit FTPS. The only importer of pyftpdlib and OpenSSL.SSL."""

from ftps.frontdoor import FrontDoor

__all__ = ["FrontDoor"]
