"""The folder of one exported order or customer: staged aside, made to last, put into place; what lies there."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from exports.files import Files
from exports.swap import STAGING, replace_folder
from layout import sync_folder
from settings import Settings


class Staging:
    """Where one dispatcher makes folders ready, on the file system of the export tree. Used by one thread."""

    def __init__(self, settings: Settings) -> None:
        self._all = settings.exports / STAGING / "dispatcher"
        self._root = self._all / uuid.uuid4().hex

    def clear(self) -> None:
        """Remove what a dispatcher that was killed has left."""
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

    def put(self, staged: Path, target: Path) -> None:
        """Rename it into place; the former one, if any, is deleted. Sync the parent afterwards."""
        aside = self._root / f"{staged.name}.old"
        if replace_folder(staged, target, aside):
            shutil.rmtree(aside)


def sync(folder: Path) -> None:
    """Make a folder with its files last."""
    with os.scandir(folder) as entries:
        for entry in entries:
            handle = os.open(entry.path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    sync_folder(folder)


def stamp(handle: int, later_than: int) -> None:
    """Give an open file the time of now, or one later than `later_than`, in the steps that the file system keeps."""
    moment = max(time.time_ns(), later_than + 1)
    os.utime(handle, ns=(moment, moment))
    while os.fstat(handle).st_mtime_ns <= later_than:
        moment += 1_000_000_000
        os.utime(handle, ns=(moment, moment))


def read_folder(folder: Path) -> Files | None:
    """What lies in it; None if it is not there."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: Path(entry.path).read_bytes() for entry in entries if entry.is_file()}
    except FileNotFoundError:
        return None


def oldest(folder: Path) -> int:
    """The earliest time (ns) of its files; 0 if there are none."""
    return min(_times(folder), default=0)


def newest(folder: Path) -> int:
    """The latest one."""
    return max(_times(folder), default=0)


def _times(folder: Path) -> Iterable[int]:
    try:
        with os.scandir(folder) as entries:
            return [entry.stat(follow_symlinks=False).st_mtime_ns for entry in entries]
    except FileNotFoundError:
        return []


def make_parent(target: Path, root: Path) -> None:
    """Make the folders above `target`, up to `root`, which is there, and let their names last."""
    parent = target.parent
    if not parent.is_dir():
        make_parent(parent, root)
        parent.mkdir(exist_ok=True)
        sync_folder(parent.parent)
