"""Reads a folder of the view for a listing. In the pool: one with 100,000 entries takes its time."""

from __future__ import annotations

import heapq
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ftps.overlay import Recent
from ftps.places import Map, Place, on_disk
from ftps.shared import Shared

Line = Callable[[str, os.stat_result, str], bytes]
"""The line for an entry, from its name, its state and the kind of its place (or what ftps.entries knows besides)."""

SLICE = 128
"""Entries between two pauses: the loop waits for the interpreter no longer than these take."""
PAUSE = 0.0005
RUN = 1024
"""Entries that are sorted at once."""
BLOCK = 512
"""Lines that are sent as one piece."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of one login's view, as a pool thread needs to know it."""

    place: Place
    map: Map
    home: Path
    open: Callable[[], int]
    shown: Callable[[str, os.stat_result], None]
    """Called with what is listed."""
    key: str
    shared: Shared

    def lines(self, line: Line, wanted: Callable[[str], bool] | None = None) -> list[bytes]:
        """The lines of all entries (that are wanted), sorted by name, in blocks. Raises OSError."""
        runs: list[list[tuple[str, bytes]]] = [[]]
        for number, (name, found, kind) in enumerate(self._entries(), 1):
            if wanted is None or wanted(name):
                runs[-1].append((name, line(name, found, kind)))
                self.shown(name, found)
            if len(runs[-1]) == RUN:
                runs[-1].sort()
                runs.append([])
            if number % SLICE == 0:
                time.sleep(PAUSE)
        runs[-1].sort()
        return _blocks(runs)

    def _entries(self) -> Iterator[tuple[str, os.stat_result, str]]:
        """Each with its kind."""
        if self.place.kind == "root":
            for name, found in self._top():
                yield name, found, self._kind(name, found)
            return
        every = self.place.kind != "fixed" or len(self.place.parts) > 1
        names = set()
        for name, found in self._scan():
            if every or self.map.place(f"{self.place.virtual}/{name}") is not None:
                yield name, found, self._kind(name, found)
            if self.place.kind == "entity":
                names.add(name)
        if self.place.kind == "entity":
            yield from self._arriving(names)

    def _top(self) -> Iterator[tuple[str, os.stat_result]]:
        for name in self.map.top:
            place = self.map.place(f"/{name}")
            assert place is not None
            try:
                found = on_disk(self.home, place).lstat()
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(found.st_mode):
                yield name, found

    def _scan(self) -> Iterator[tuple[str, os.stat_result]]:
        """Files and folders, but no links, pipes or hidden ones."""
        handle = self.open()
        try:
            with os.scandir(handle) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
                        yield entry.name, found
        finally:
            os.close(handle)

    def _arriving(self, names: set[str]) -> Iterator[tuple[str, os.stat_result, str]]:
        """What was picked up a moment ago, and what is arriving, unless a complete file has that name."""
        folder, shared = self.place.virtual, self.shared
        shown = {*shared.overlay.names(self.key, folder), *shared.partials.names(self.key, folder)} - names
        for name in shown:
            found = arriving(shared, self.key, f"{folder}/{name}")
            if found is not None and not name.startswith("."):
                yield name, *found

    def _kind(self, name: str, found: os.stat_result) -> str:
        """Of the place of an entry. The kind of a folder's entries is its own but for these."""
        kind = self.place.kind
        if kind == "entity":
            return "inner" if stat.S_ISDIR(found.st_mode) else "inbox"
        if kind == "root" or (kind == "fixed" and len(self.place.parts) == 1):
            place = self.map.place(f"{self.place.virtual.rstrip('/')}/{name}")
            return place.kind if place is not None else kind
        return "export" if kind == "fixed" else kind


def arriving(shared: Shared, key: str, virtual: str) -> tuple[os.stat_result, str] | None:
    """What is shown under a path of an entity folder where no complete file lies, and its kind (see ftps.entries)."""
    if recent := shared.overlay.get(key, virtual):
        return _made_up(recent), "picked"
    if partial := shared.partials.stat(key, virtual):
        return partial, "busy" if shared.claims.holds(key, virtual) else "partial"
    return None


def _made_up(recent: Recent) -> os.stat_result:
    """The state of a file that was picked up a moment ago."""
    mode, mtime = stat.S_IFREG | 0o600, int(recent.mtime)
    return os.stat_result((mode, recent.number, 0, 1, 0, 0, recent.size, mtime, mtime, mtime))


def _blocks(runs: list[list[tuple[str, bytes]]]) -> list[bytes]:
    """Merged bit by bit: sorting 100,000 names at once would keep the interpreter from all other threads."""
    blocks, block = [], []
    for _, line in heapq.merge(*runs):
        block.append(line)
        if len(block) == BLOCK:
            blocks.append(b"".join(block))
            block = []
            time.sleep(PAUSE)
    return [*blocks, b"".join(block)]
