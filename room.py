"""How much room is left on the file systems that ftpdock writes to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from layout import nearest
from settings import Settings

LEAST_BYTES, LEAST_FILES = 16 << 20, 100
"""With less than this nothing goes on for long, whatever `min_free_bytes` is."""


@dataclass(frozen=True, slots=True)
class Room:
    """Of the file system with `path`."""

    path: Path
    bytes: int
    files: int | None
    """How many more it takes (inodes); None: it does not count them, as btrfs."""

    @classmethod
    def of(cls, path: Path) -> Room:
        """Raises OSError."""
        found = os.statvfs(path)
        return cls(path, found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None)

    def few_files(self, times: int = 1) -> bool:
        return self.files is not None and self.files < times * LEAST_FILES


def rooms(settings: Settings) -> Iterator[Room]:
    """Of the home, then, where they lie on others, of SQLite's file and of the exports, if these can be looked at.
    Raises OSError if the home can't."""
    home, database = nearest(settings.home), settings.database_path
    yield Room.of(home)
    seen = {home.stat().st_dev}
    for folder in (database.parent if database else settings.home, settings.exports):
        with contextlib.suppress(OSError):
            path = nearest(folder)
            if (device := path.stat().st_dev) not in seen:
                seen.add(device)
                yield Room.of(path)
