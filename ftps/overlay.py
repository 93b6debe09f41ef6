"""Keeps an upload visible after it was picked up: rclone, WinSCP and Camel look again (design section 3)."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Recent:
    """A file that was received whole a moment ago."""

    number: int
    entity: str
    name: str
    size: int
    sha256: str
    mtime: float
    """Seconds since the epoch."""
    until: float
    """On the monotonic clock."""


class Overlay:
    """What is shown in an entity folder although it no longer lies there. Keyed by account key and virtual path.

    Held by the loop and by pool threads, hence the lock.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._recent: dict[tuple[str, str], Recent] = {}

    def add(
        self, key: str, virtual: str, number: int, entity: str, size: int, sha256: str, mtime: float, age: float = 0.0
    ) -> None:
        """Show a file that was received `age` seconds ago. Its `mtime` is what its clients have seen by now."""
        until = time.monotonic() + self._seconds - age
        name = virtual.rpartition("/")[2]
        with self._lock:
            self._recent[key, virtual] = Recent(number, entity, name, size, sha256, mtime, until)

    def get(self, key: str, virtual: str) -> Recent | None:
        with self._lock:
            found = self._recent.get((key, virtual))
        return found if found is not None and found.until > time.monotonic() else None

    def names(self, key: str, folder: str) -> list[str]:
        """The names shown in `folder`, given as /Products."""
        now = time.monotonic()
        with self._lock:
            return [
                recent.name
                for (owner, virtual), recent in self._recent.items()
                if owner == key and recent.until > now and virtual == f"{folder}/{recent.name}"
            ]

    def touch(self, key: str, virtual: str, mtime: float) -> None:
        with self._lock:
            if found := self._recent.get((key, virtual)):
                self._recent[key, virtual] = replace(found, mtime=mtime)

    def forget(self, key: str, virtual: str) -> None:
        with self._lock:
            self._recent.pop((key, virtual), None)

    def sweep(self) -> None:
        """Drop what is over."""
        now = time.monotonic()
        with self._lock:
            self._recent = {place: recent for place, recent in self._recent.items() if recent.until > now}
