"""LIST, NLST, MLSD and STAT of a path, made in the pool. LIST and NLST take patterns in the last name, too:
`mget *.report.csv` of many clients is `NLST *.report.csv`."""

from __future__ import annotations

import fnmatch
import functools
import glob
import os
import posixpath
import re
import stat
import time
from collections.abc import Callable

from ftps.core import Core
from ftps.entries import list_line, mlsx_line
from ftps.folders import Folder, Line
from ftps.replies import BUSY, NO_SUCH_FILE, Refusal, unreadable


class Blocks:
    """Gives a listing out piece by piece, as pyftpdlib takes what it sends."""

    def __init__(self, blocks: list[bytes]) -> None:
        self._blocks = iter(blocks)

    def more(self) -> bytes:
        return next(filter(None, self._blocks), b"")


class Listing(Core):
    """Commands that list."""

    def ftp_LIST(self, path: str) -> None:
        self._list("LIST", path, _like_ls())

    def ftp_NLST(self, path: str) -> None:
        folder = posixpath.dirname(path)
        # A client fetches what it reads here: names from another folder need that folder in front.
        matched = self._pattern(path) is not None and folder != self.fs.cwd
        self._list("NLST", path, functools.partial(_name, f"{folder.rstrip('/')}/" if matched else ""))

    def ftp_MLSD(self, path: str) -> None:
        try:
            found = self.fs.stat(path)
        except OSError as error:
            return self.respond(unreadable(error))
        if not stat.S_ISDIR(found.st_mode):
            # RFC 3659, section 7.2.1: only what is there can be the wrong thing to list.
            return self.respond("501 It is a file; MLSD lists folders (MLST tells of one file).")
        return self._list("MLSD", path, functools.partial(_facts, tuple(self._current_facts)))

    def ftp_STAT(self, path: str) -> None:
        """Of a path, over the control connection."""
        if not path:
            return super().ftp_STAT(path)
        return self._make(path, _like_ls(), functools.partial(self._status, path))

    def _list(self, cmd: str, path: str, line: Line) -> None:
        self._make(path, line, functools.partial(self._send, cmd))

    def _make(self, path: str, line: Line, then: Callable[[list[bytes]], None]) -> None:
        pattern = self._pattern(path)
        try:
            # One look: a folder that appears between two would be listed as a file in itself.
            if pattern is None and not stat.S_ISDIR((found := self.fs.stat(path)).st_mode):
                return then([line(posixpath.basename(path), found, self.fs.place(path).kind)])
            folder = self.fs.folder(path if pattern is None else posixpath.dirname(path))
        except OSError as error:
            return self.respond(unreadable(error))
        if not self.defer(functools.partial(_lines, folder, line, pattern), then):
            self.respond(BUSY)
        return None

    def _pattern(self, path: str) -> str | None:
        """None when `path` is no pattern, exists, or lies in no folder; a file of just that name comes first."""
        folder, pattern = posixpath.split(path)
        if not glob.has_magic(pattern) or self.fs.lexists(path) or not self.fs.isdir(folder):
            return None
        return pattern

    def _send(self, cmd: str, blocks: list[bytes]) -> None:
        try:
            # The client may have closed it while the listing was made.
            self.need_data_connection()
        except Refusal as refusal:
            return self.respond(refusal.reply)
        return self.push_dtp_data(Blocks(blocks), isproducer=True, cmd=cmd)

    def _status(self, path: str, blocks: list[bytes]) -> None:
        self.push(f'213-Status of "{path}":\r\n')
        self.push_with_producer(Blocks(blocks))
        self.respond("213 End of status.")

    def need_data_connection(self) -> None:
        raise NotImplementedError


def _like_ls() -> Line:
    now = time.time()
    return lambda name, found, kind: list_line(name, found, now)


def _name(folder: str, name: str, found: os.stat_result, kind: str) -> bytes:
    return f"{folder}{name}\r\n".encode("utf-8", "replace")


def _facts(facts: tuple[str, ...], name: str, found: os.stat_result, kind: str) -> bytes:
    return mlsx_line(name, found, kind, facts)


def _lines(folder: Folder, line: Line, pattern: str | None) -> list[bytes]:
    """Raises Refusal."""
    matches = re.compile(fnmatch.translate(pattern)).match if pattern is not None else None
    try:
        return folder.lines(line, matches and (lambda name: matches(name) is not None))
    except (FileNotFoundError, NotADirectoryError):
        raise Refusal(NO_SUCH_FILE) from None
