"""The folder of one exported order or customer: staged aside, made to last, put into place; what lies there."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import time
import uuid
from collections.abc import Collection, Iterable
from pathlib import Path

from exports.files import Files
from exports.swap import STAGING, replace_folder
from layout import sync_folder
from settings import Settings

APART = 1_000_000
"""Nanoseconds between two revisions at the least: a copy that keeps the end of no time makes one of them else."""


class Staging:
    """Where one dispatcher makes folders ready, on the file system of the export tree. Used by one thread."""

    def __init__(self, settings: Settings) -> None:
        self._exports = settings.exports
        self._all = settings.exports / STAGING / "dispatcher"
        self._root = self._all / uuid.uuid4().hex

    def clear(self) -> None:
        """Remove what a dispatcher that was killed has left. A former folder goes back if nothing took its place.

        Where two names can't be exchanged a kill may come in between, and other programs' files are in there.
        """
        for aside in self._all.glob("*/*/*/*.old"):
            _, *path = aside.relative_to(self._all).parts
            with contextlib.suppress(OSError):  # something lies there, or the account was removed
                aside.rename(self._exports.joinpath(*path).with_suffix(""))
        shutil.rmtree(self._all, ignore_errors=True)

    def stage(self, name: str, files: Files, later_than: int) -> Path:
        """A folder `name` with these files, not yet synced; each has a time (ns) later than `later_than`."""
        folder = self._root / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file, content in files.items():
            with (folder / file).open("wb") as handle:
                handle.write(content)
                handle.flush()
                stamp(handle.fileno(), later_than)
        return folder

    def keep(self, former: Path, staged: Path, ours: Collection[str]) -> None:
        """Take along what other programs have put beside our files."""
        try:
            others = [path for path in former.iterdir() if path.name not in ours]
        except FileNotFoundError:
            return
        for path in others:
            if path.is_dir() and not path.is_symlink():
                shutil.copytree(path, staged / path.name, symlinks=True)
            else:
                _link(path, staged / path.name)

    def put(self, staged: Path, target: Path, ours: Collection[str]) -> None:
        """Rename it into place; the former one, if any, is deleted. Sync the parent afterwards."""
        aside = self._root / f"{target.relative_to(self._exports)}.old"
        aside.parent.mkdir(parents=True, exist_ok=True)
        if replace_folder(staged, target, aside):
            _empty(aside, target, ours)


def _empty(former: Path, target: Path, ours: Collection[str]) -> None:
    """Delete a former folder. What other programs have put there since `keep` looked at it moves to the new one."""
    while True:
        for path in list(former.iterdir()):
            if path.name not in ours and not _has(target / path.name, path):
                path.replace(target / path.name)
            elif path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        try:
            return former.rmdir()
        except OSError as error:  # another one came just now
            if error.errno != errno.ENOTEMPTY:
                raise


def _has(target: Path, path: Path) -> bool:
    """Whether it was taken along as it is: as a link or a copy."""
    try:
        there, found = target.lstat(), path.lstat()
    except FileNotFoundError:
        return False
    folder = stat.S_ISDIR(there.st_mode)
    return folder or there.st_ino == found.st_ino or (there.st_size, there.st_mtime_ns) == (
        found.st_size, found.st_mtime_ns)  # fmt: skip


def sync(folder: Path) -> None:
    """Make a folder with its files last."""
    with os.scandir(folder) as entries:
        files = [entry.path for entry in entries if entry.is_file(follow_symlinks=False)]
    for file in files:
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    sync_folder(folder)


def stamp(handle: int, later_than: int) -> None:
    """Give an open file the time of now, or one later than `later_than`, in the steps that the file system keeps."""
    moment = max(time.time_ns(), later_than + APART)
    os.utime(handle, ns=(moment, moment))
    while os.fstat(handle).st_mtime_ns <= later_than:
        moment += 1_000_000_000
        os.utime(handle, ns=(moment, moment))


def _link(path: Path, target: Path) -> None:
    try:
        target.hardlink_to(path)
    except OSError:
        shutil.copy2(path, target, follow_symlinks=False)


def read_folder(folder: Path, names: Iterable[str]) -> Files | None:
    """Those of the files `names` that lie in it; None if it is not there."""
    if not folder.is_dir():
        return None
    found = {}
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            found[name] = (folder / name).read_bytes()
    return found


def times(folder: Path, names: Iterable[str]) -> list[int]:
    """When (ns) those of the files `names` that lie there were written."""
    found = []
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            found.append((folder / name).stat().st_mtime_ns)
    return found


def make_parent(target: Path, root: Path) -> None:
    """Make the folders above `target`, up to `root`, which is there, and let their names last."""
    parent = target.parent
    if not parent.is_dir():
        make_parent(parent, root)
        parent.mkdir(exist_ok=True)
        sync_folder(parent.parent)
