"""The paths that the mirror has to look at: told of by others, found by looking, or due again later."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

MOST = 50_000
"""So many paths are kept at the most; when more come, a full look takes their place."""


class Key(NamedTuple):
    """Something below an account's folder in the export tree."""

    account: str
    path: str


class Todo:
    """A queue in which a path stands once. What was told comes before what was found. Used by several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._told: dict[Key, None] = {}
        self._found: dict[Key, None] = {}
        self._later: list[tuple[float, Key]] = []
        self._due: dict[Key, float] = {}
        self._awake = False
        self.overflowed = False
        """Paths were dropped: look everywhere."""

    def tell(self, key: Key) -> None:
        with self._changed:
            if len(self._told) < MOST:
                self._told[key] = None
            else:
                self.overflowed = True
            self._changed.notify()

    def find(self, keys: Iterable[Key]) -> None:
        """Look at these; at what is due again later, not before that: it was seen already."""
        with self._changed:
            self._found.update((key, None) for key in keys if key not in self._due)

    def later(self, key: Key, seconds: float) -> None:
        """Look again after so many seconds, or earlier if somebody else asked for that."""
        due = time.monotonic() + seconds
        with self._changed:
            if due < self._due.get(key, due + 1):
                self._due[key] = due
                heapq.heappush(self._later, (due, key))
                self._changed.notify()

    def take(self, most: int) -> list[Key]:
        """Up to `most` paths that are due."""
        with self._changed:
            while self._later and self._later[0][0] <= time.monotonic():
                due, key = heapq.heappop(self._later)
                if self._due.get(key) == due:
                    self._told[key] = None
            source = self._told or self._found
            keys = list(itertools.islice(source, most))
            for key in keys:
                del source[key]
                # Who looks now need not look again later, if that doesn't turn out anew.
                self._due.pop(key, None)
            return keys

    def wake(self) -> None:
        """End the wait that is going on, or the next."""
        with self._changed:
            self._awake = True
            self._changed.notify()

    def wait(self, seconds: float) -> None:
        """Wait until there is something to take, at most so long."""
        with self._changed:
            if self._later:
                seconds = min(seconds, max(0.0, self._later[0][0] - time.monotonic()))
            if not (self._told or self._found or self._awake):
                self._changed.wait(seconds)
            self._awake = False
