"""FEAT and OPTS, and the small commands that clients like to send."""

from __future__ import annotations

from ftps.hashes import Hashes
from ftps.replies import lines


class Features(Hashes):
    """What the server can do, and what a client says of itself."""

    def ftp_FEAT(self, line: str) -> None:
        facts = "".join(f"{fact}{'*' if fact in self._current_facts else ''};" for fact in self._available_facts)
        listed = [
            "AUTH TLS", "AVBL", "CLNT", "EPRT", "EPSV", self.hash_feature, "MDTM", "MFMT", f"MLST {facts}", "PBSZ",
            "PROT", "REST STREAM", "SITE EXPORT;HELP;STATUS;VALIDATE", "SIZE", "TVFS", "UTF8", "XCRC", "XMD5", "XSHA1",
            "XSHA256",
        ]  # fmt: skip
        self.respond(lines(211, "Features supported:", listed, "End FEAT."))

    def ftp_OPTS(self, line: str) -> None:
        command, _, argument = line.partition(" ")
        if command.upper() == "HASH":
            return self.opts_hash(argument.strip())
        if command.upper() in ("UTF8", "UTF-8"):
            return self.respond("200 Always in UTF-8.")
        return super().ftp_OPTS(line)

    def ftp_TYPE(self, line: str) -> None:
        """A N (non-print) is what A alone means, and every server must take it (RFC 959, sections 3.1.1.5 and 5.1)."""
        super().ftp_TYPE("A" if line.upper().split() == ["A", "N"] else line)

    def ftp_CLNT(self, line: str) -> None:
        self.respond("200 Noted.")

    def ftp_AVBL(self, line: str) -> None:
        """draft-peterson-streamlined-ftp-command-extensions, section 4: bytes that may still be uploaded."""
        self.respond(f"213 {max(0, self.shared.partials.free())}")

    def ftp_NOOP(self, line: str) -> None:
        self.respond("200 OK.")
