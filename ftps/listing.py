"""LIST and NLST, with patterns in the last name: `mget *.report.csv` of many clients is `NLST *.report.csv`."""

from __future__ import annotations

import fnmatch
import glob
import posixpath

from pyftpdlib.handlers.ftp.producers import BufferedIteratorProducer

from ftps.core import Core


class Listing(Core):
    """What pyftpdlib lists by path alone is listed by pattern, too; a file of just that name comes first."""

    def ftp_LIST(self, path: str) -> str | None:
        names = self._matches(path)
        if names is None:
            listed: str | None = super().ftp_LIST(path)
            return listed
        lines = self.fs.format_list(posixpath.dirname(path), names)
        self.push_dtp_data(BufferedIteratorProducer(lines), isproducer=True, cmd="LIST")
        return path

    def ftp_NLST(self, path: str) -> str | None:
        names = self._matches(path)
        if names is None:
            listed: str | None = super().ftp_NLST(path)
            return listed
        folder = posixpath.dirname(path)
        # A client fetches what it reads here: names from another folder need that folder in front.
        shown = names if folder == self.fs.cwd else [posixpath.join(folder, name) for name in names]
        self.push_dtp_data("".join(f"{name}\r\n" for name in shown).encode("utf-8"), cmd="NLST")
        return path

    def _matches(self, path: str) -> list[str] | None:
        """The names that match; None when `path` is no pattern, exists, or lies in no folder."""
        folder, pattern = posixpath.split(path)
        if not glob.has_magic(pattern) or self.fs.lexists(path) or not self.fs.isdir(folder):
            return None
        return fnmatch.filter(self.fs.listdir(folder), pattern)
