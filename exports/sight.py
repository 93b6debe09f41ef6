"""What lies at a path of the export tree, and whether it has rested."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from exports.tree import below, files_of_unit, is_odd, is_ours, odd_name, version
from models.export import is_unit
from models.ledger import Version


@dataclass(frozen=True)
class Sight:
    """A file, or the folder of an order or a customer with those of its files that are ours."""

    path: str
    folder: bool
    files: dict[str, Version]
    """Path below the export root to version."""


@dataclass(frozen=True)
class Odd:
    """Something that is left alone, and why."""

    reason: str


class Gone:
    """Nothing is there."""


class Folder:
    """A folder of another program."""


def look(root: Path, path: str) -> Sight | Folder | Odd | Gone:
    """What lies at `path` below `root`."""
    if reason := odd_name(path):
        return Odd(reason)
    try:
        found = os.lstat(root / path)
    except (FileNotFoundError, NotADirectoryError):
        return Gone()
    except OSError as error:
        return Odd(str(error))
    if is_odd(found.st_mode):
        return Odd("it is neither a file nor a folder")
    if not stat.S_ISDIR(found.st_mode):
        return Sight(path, False, {path: version(found)})
    if is_unit(path):
        files = files_of_unit(root / path).items()
        return Sight(path, True, {below(path, name): each for name, each in files if is_ours(name)})
    return Folder()


def beside(root: Path, unit: str) -> list[str]:
    """The files that other programs have put into the folder of an order or customer, by their paths below `root`."""
    return [below(unit, name) for name in files_of_unit(root / unit) if not is_ours(name)]


class Resting:
    """What other programs are writing: it has to stay as it is for some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[str, tuple[dict[str, Version], float]] = {}

    def left(self, sight: Sight) -> float:
        """Seconds that it has to rest on; 0.0 or less: it is at rest."""
        before, since = self._since.get(sight.path, (None, 0.0))
        if before != sight.files:
            since = time.monotonic()
            self._since[sight.path] = sight.files, since
        left = since + self._seconds - time.monotonic()
        if left <= 0:
            self.forget(sight.path)
        return left

    def forget(self, path: str) -> None:
        self._since.pop(path, None)
