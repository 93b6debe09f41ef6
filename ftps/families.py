"""PASV, EPSV and EPRT for the client's own address family: of IPv4, or of IPv6 (RFC 2428)."""

from __future__ import annotations

from ftps.connecting import as_the_kernel_spells
from ftps.core import Core


class Families(Core):
    """Refuses what is of the other family, before anything is opened or closed for it."""

    @property
    def family(self) -> str:
        """The number that EPSV and EPRT have for it. An IPv4 client of a server for both comes as ::ffff:192.0.2.1."""
        return "2" if ":" in as_the_kernel_spells(self.remote_ip) else "1"

    def ftp_PASV(self, line: str) -> None:
        if self.family == "2":
            # Its reply has room for an IPv4 address alone, at which the port would not be open.
            return self.respond("522 PASV is for IPv4, and this connection is IPv6; use EPSV.")
        return super().ftp_PASV(line)

    def ftp_EPSV(self, line: str) -> None:
        if _is_number(line) and line != self.family:
            return self._not_supported()
        if line and line != self.family and line.upper() != "ALL":
            return self.respond("501 EPSV takes 1 (IPv4), 2 (IPv6), ALL or nothing.")
        # pyftpdlib would ask the listener's family, which may be both.
        return super().ftp_EPSV("" if line == self.family else line)

    def ftp_EPRT(self, line: str) -> None:
        protocol = line[1:].partition(line[0])[0]
        if _is_number(protocol) and protocol != self.family:
            return self._not_supported()
        return super().ftp_EPRT(line)

    def _not_supported(self) -> None:
        # RFC 2428, section 2: clients read the number in parentheses.
        self.respond(f"522 Network protocol not supported, use ({self.family}).")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
