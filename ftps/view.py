"""What a partner sees: pyftpdlib's file system, in terms of virtual paths only.

pyftpdlib passes "real" paths around. Here they stay virtual (/Products/x.csv) until the moment a file is touched, so
that no reply, log line or mistake in a command can name or reach anything else.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pyftpdlib.filesystems import AbstractedFS

from ftps.entries import mlsx_line
from ftps.folders import Folder, arriving
from ftps.outgoing import Exported, Outgoing
from ftps.pins import FOLDER, Key, Pin, version
from ftps.places import Map, Place, missing, on_disk
from ftps.replies import Refusal, is_passing, one_line, unreadable
from ftps.shared import Shared
from models.export import is_unit


class View(AbstractedFS):
    """The tree of one login."""

    rest = 0
    """Where the next file that is opened will be begun (REST)."""

    def __init__(self, root: Path, session: Any, shared: Shared) -> None:
        super().__init__("/", session)
        self.home = root.resolve()
        self._shared = shared
        self.refresh(session.identity)

    def refresh(self, identity: Any) -> None:
        """Take over changed rights."""
        self.key = identity.key
        self._login = identity.login_id
        settings = self._shared.settings
        self.map = Map(identity, self._shared.schemas, settings.temporary_names, settings.export_folder)

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

    # --- revisions of exports

    def pinned(self, place: Place) -> tuple[Key, Path, str] | None:
        """Of a folder that may be exchanged, or a file in it: the pin's key, the folder, and the file's name in it."""
        parts = place.parts
        if place.kind != "export" or not 3 <= len(parts) <= 4 or not is_unit("/".join(parts[1:3])):
            return None
        key = (self.key, self._login, "/" + "/".join(parts[:3]))
        return key, self.home.joinpath(*place.on_disk[:3]), "".join(parts[3:])

    def _stat_pinned(self, place: Place) -> os.stat_result | None:
        """As it is in the revision that this login is on; None when it is on none, or is now."""
        held = self.pinned(place)
        pin = self._shared.pins.get(held[0]) if held else None
        if held is None or pin is None:
            return None
        try:
            return pin.stat(held[2])
        except FileNotFoundError:
            self._shared.pins.drop(held[0], pin)
            return None

    # --- looking

    def stat(self, path: str) -> os.stat_result:
        return self._look(path)[0]

    def _look(self, path: str) -> tuple[os.stat_result, str]:
        """The complete file, else one that was picked up a moment ago, else one that is arriving; and the kind of it.

        Raises FileNotFoundError.
        """
        place = self.place(path)
        try:
            return _plain(self._stat_pinned(place) or on_disk(self.home, place).lstat(), path), place.kind
        except FileNotFoundError:
            if place.kind != "inbox":
                raise
        if found := arriving(self._shared, self.key, path):
            return found
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

    def folder(self, path: str) -> Folder:
        """What a pool thread needs to list the folder at `path`. Raises FileNotFoundError."""
        place = self.place(path)
        disk = on_disk(self.home, place)
        held = self.pinned(place)
        open_it: Callable[[], int] = functools.partial(os.open, disk, FOLDER)
        shown: Callable[[str, os.stat_result], None] = _nothing
        if held is not None and not held[2]:
            open_it = self._shared.pins.opener(held[0], held[1])
        elif place.exported:
            shown = functools.partial(self._shared.pins.listed, (self.key, self._login, path))
        return Folder(place, self.map, self.home, open_it, shown, self.key, self._shared)

    # --- doing

    def chdir(self, path: str) -> None:
        if not self.isdir(path):
            raise missing(path)
        held = self.pinned(self.place(path))
        if held is not None:
            try:
                self._shared.pins.take(*held[:2])
            except OSError as error:
                if not is_passing(error):  # else it is taken with its first file
                    raise
        self.cwd = path

    def open(self, filename: str, mode: str) -> Outgoing:
        """Open a file for RETR; uploads go their own way. Raises OSError and Refusal."""
        try:
            return self._open(filename)
        except OSError as error:
            if is_passing(error):
                raise Refusal(unreadable(error)) from error
            raise

    def _open(self, filename: str) -> Outgoing:
        place = self.place(filename)
        path = on_disk(self.home, place)
        held = self.pinned(place)
        pin, descriptor = self._open_pinned(*held) if held is not None else (None, _open_file(path))
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise missing(filename)
        file = Outgoing(descriptor)
        file.virtual = filename
        if place.kind == "export":
            key = held[0] if held else (self.key, self._login, place.folder)
            file.export = Exported(place.below_export, version(os.fstat(descriptor)), key, pin, place.name)
            if not self.rest:
                self._shared.beginnings.forget_others(file.export)
            elif self._shared.beginnings.are_of_another(file.export):
                file.close()
                # Not 554, after which lftp takes all of it and leaves out as many bytes as it has.
                raise Refusal(f"450 {one_line(place.name)} was exported anew; fetch it from the beginning.")
        if pin is not None:
            pin.asked(place.name)
        return file

    def _open_pinned(self, key: Key, folder: Path, name: str) -> tuple[Pin | None, int]:
        """From the revision that this login is on; when it is not there (deleted, or swept), from the newest."""
        pins = self._shared.pins
        pin = pins.take(key, folder)
        try:
            return pin, pin.open(name)
        except FileNotFoundError:
            pins.drop(key, pin)
        pin = pins.take(key, folder)
        return pin, pin.open(name)

    def held(self, path: str) -> Callable[[], int] | None:
        """Opens a file of the revision that this login is on, from any thread; None when it is on none."""
        held = self.pinned(self.place(path))
        pin = self._shared.pins.get(held[0]) if held else None
        return functools.partial(pin.open, held[2]) if held is not None and pin is not None else None

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
            path = f"{basedir.rstrip('/')}/{name}"
            yield mlsx_line(name, *self._look(path), facts)


def _nothing(name: str, found: os.stat_result) -> None:
    pass


def _open_file(path: Path) -> int:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise missing(str(path))
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _plain(found: os.stat_result, path: str) -> os.stat_result:
    """Refuses everything but files and folders: links, sockets, devices."""
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise missing(path)
    return found
