"""What a partner sees: pyftpdlib's file system, in terms of virtual paths only.

pyftpdlib passes "real" paths around. Here they stay virtual (/Products/x.csv) until the moment a file is touched, so
that no reply, log line or mistake in a command can name or reach anything else.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyftpdlib.filesystems import AbstractedFS

from ftps.places import EXPORT, Map, Place, missing, on_disk
from ftps.shared import Shared
from layout import TEMPLATES

_PERMISSIONS = {"entity": "elw", "inbox": "adfw", "export": "rd"}
"""MLSx perm facts (RFC 3659, section 7.5.5), in the letters that pyftpdlib makes them of."""


class Outgoing(io.FileIO):
    """A file that is being sent."""

    virtual: str


class View(AbstractedFS):
    """The tree of one login."""

    def __init__(self, root: Path, session: Any, shared: Shared) -> None:
        super().__init__("/", session)
        self.home = root.resolve()
        self._shared = shared
        self.refresh(session.identity)

    def refresh(self, identity: Any) -> None:
        """Take over changed rights."""
        self.key = identity.key
        self.map = Map(identity, self._shared.schemas, self._shared.settings.temporary_names)

    # --- paths

    def ftp2fs(self, path: str) -> str:
        virtual: str = self.ftpnorm(path)
        return virtual

    def fs2ftp(self, path: str) -> str:
        return path

    def realpath(self, path: str) -> str:
        return path

    def validpath(self, path: str) -> bool:
        return True

    def place(self, path: str) -> Place:
        """Raises FileNotFoundError for what is not in this view."""
        place = self.map.place(path)
        if place is None:
            raise missing(path)
        return place

    def disk(self, path: str) -> Path:
        """The real path of what lies at `path`, which may be missing. Raises FileNotFoundError for a link."""
        return on_disk(self.home, self.place(path))

    # --- looking

    def stat(self, path: str) -> os.stat_result:
        """The complete file, else one that was picked up a moment ago, else one that is arriving."""
        place = self.place(path)
        try:
            return _plain(on_disk(self.home, place).lstat(), path)
        except FileNotFoundError:
            if place.kind != "inbox":
                raise
        if recent := self._shared.overlay.get(self.key, path):
            return _made_up(recent.size, recent.mtime, recent.number)
        if partial := self._shared.partials.stat(self.key, path):
            return partial
        raise missing(path)

    lstat = stat

    def complete(self, path: str) -> bool:
        """Whether a whole file shows up under this path of an entity folder."""
        return self.disk(path).is_file() or self._shared.overlay.get(self.key, path) is not None

    def _mode(self, path: str) -> int:
        try:
            return self.stat(path).st_mode
        except OSError:
            return 0

    def isdir(self, path: str) -> bool:
        return stat.S_ISDIR(self._mode(path))

    def isfile(self, path: str) -> bool:
        return stat.S_ISREG(self._mode(path))

    def islink(self, path: str) -> bool:
        return False

    def lexists(self, path: str) -> bool:
        return self._mode(path) != 0

    def getsize(self, path: str) -> int:
        return self.stat(path).st_size

    def getmtime(self, path: str) -> float:
        return self.stat(path).st_mtime

    def listdir(self, path: str) -> list[str]:
        place = self.place(path)
        folder = on_disk(self.home, place)
        if place.kind == "root":
            return [name for name in (*self.map.folders, TEMPLATES, EXPORT) if self.isdir(f"/{name}")]
        names = {entry.name for entry in os.scandir(folder) if not entry.is_symlink()}
        if place.kind == "entity":
            names.update(self._shared.overlay.names(self.key, path), self._shared.partials.names(self.key, path))
        return sorted(name for name in names if not name.startswith("."))

    # --- doing

    def chdir(self, path: str) -> None:
        if not self.isdir(path):
            raise missing(path)
        self.cwd = path

    def open(self, filename: str, mode: str) -> Outgoing:
        """Open a file for RETR; uploads go their own way."""
        path = self.disk(filename)
        if not stat.S_ISREG(path.lstat().st_mode):
            raise missing(filename)
        file = Outgoing(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC))
        file.virtual = filename
        return file

    def utime(self, path: str, timeval: float) -> None:
        self._shared.overlay.touch(self.key, path, timeval)
        for candidate in (self.disk(path), self._shared.partials.path(self.key, path)):
            try:
                os.utime(candidate, (timeval, timeval), follow_symlinks=False)
                return
            except FileNotFoundError:
                continue

    # --- listings

    def get_user_by_uid(self, uid: int) -> str:
        return "ftp"

    def get_group_by_gid(self, gid: int) -> str:
        return "ftp"

    def format_mlsx(
        self, basedir: str, listing: list[str], perms: str, facts: list[str], ignore_err: bool = True
    ) -> Iterator[bytes]:
        """Like pyftpdlib's, with the rights of each entry in place of the login's."""
        for name in listing:
            yield from super().format_mlsx(basedir, [name], self._permissions(basedir, name), facts, ignore_err)

    def _permissions(self, basedir: str, name: str) -> str:
        path = f"{basedir.rstrip('/')}/{name}"
        place = self.map.place(path)
        if place is None:
            return "el"
        if self.isdir(path):
            return "elw" if place.kind == "entity" else "el"
        return _PERMISSIONS.get(place.kind, "r")


def _plain(found: os.stat_result, path: str) -> os.stat_result:
    """Refuses everything but files and folders: links, sockets, devices."""
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise missing(path)
    return found


def _made_up(size: int, mtime: float, number: int) -> os.stat_result:
    return os.stat_result((stat.S_IFREG | 0o600, number, 0, 1, 0, 0, size, int(mtime), int(mtime), int(mtime)))
