"""FEAT and OPTS, and the small commands that clients like to send."""

from __future__ import annotations

import datetime as dt
import re

from ftps.hashes import Hashes
from ftps.replies import lines, one_line


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

    def ftp_MODE(self, line: str) -> None:
        """504 (RFC 959, section 4.2.1) for other modes, such as Z, which is spelled rightly but not known here."""
        if line.upper() == "S":
            return super().ftp_MODE(line)
        return self.respond("504 Only MODE S (stream) is known here.")

    def ftp_MFMT(self, path: str, timeval: str) -> None:
        """draft-somers-ftp-mfxx. MDTM tells early years in too few digits, and no disk holds them."""
        if not _is_time(timeval):
            found = one_line(timeval, 40)
            return self.respond(f"501 {found} is no time: expected YYYYMMDDHHMMSS (UTC), 1970 or later.")
        return super().ftp_MFMT(path, timeval)

    def ftp_CLNT(self, line: str) -> None:
        self.respond("200 Noted.")

    def ftp_AVBL(self, line: str) -> None:
        """draft-peterson-streamlined-ftp-command-extensions, section 4: bytes that may still be uploaded."""
        self.respond(f"213 {max(0, self.shared.partials.free())}")

    def ftp_NOOP(self, line: str) -> None:
        self.respond("200 OK.")


def _is_time(text: str) -> bool:
    """Whether it is a moment since 1970, as YYYYMMDDHHMMSS."""
    try:
        return bool(re.fullmatch("[0-9]{14}", text)) and dt.datetime.strptime(text, "%Y%m%d%H%M%S").year >= 1970
    except ValueError:
        return False
