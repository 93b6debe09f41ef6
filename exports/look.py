"""Finds what no event told of: compares the export tree, the ledger and the partner's folder, a little at a time.

A folder of orders in which nothing was added, exchanged or removed since the last look, on either side, is told by the
times of its last change: the 100,000 orders in it are not looked at again, but single files that lie beside them are.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from exports import known
from exports.todo import Key
from exports.tree import below, files_of_unit, hidden, is_odd, is_ours, odd_name, version, version_at
from models import now
from models.export import is_unit
from models.ledger import Version

log = logging.getLogger("ftpdock.exports")

CHUNK = 100
"""Entries between two steps."""
REST = 2.0
"""Seconds that a folder must have been left alone: two changes within a tick of the clock have one time."""
WHOLE_EVERY = dt.timedelta(days=1)
"""Between two looks at all that was ever deleted."""
OVERLAP = dt.timedelta(minutes=10)
"""What was deleted so long before the last look is looked at again: transactions take their time, clocks differ."""
SINGLE = 1_000
"""Single files of a folder that are remembered; with more there is little to be saved."""

Found = list[Key]
"""What differs, in one step of a look."""


@dataclass(frozen=True)
class _Seen:
    """Some entries of a folder, by their paths."""

    units: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    """What is left alone."""
    files: dict[str, Version] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: str, entries: Iterable[os.DirEntry[str]]) -> _Seen:
        seen = cls()
        for entry in entries:
            path = below(folder, entry.name)
            if is_unit(path):
                seen.units.append(path)
                continue
            found = entry.stat(follow_symlinks=False)
            if odd_name(path) or is_odd(found.st_mode):
                seen.odd.append(path)
            elif stat.S_ISDIR(found.st_mode):
                seen.folders.append(path)
            else:
                seen.files[path] = version(found)
        return seen


@dataclass(frozen=True)
class _Rested:
    """A folder in which all units were found to be as the ledger says, and what else lies there, by its paths."""

    times: tuple[int, int]
    files: list[str]
    folders: list[str]


class Looker:
    """Looks through one account. What it found unchanged it remembers, folder by folder, until the next look.

    `watch` is called with each folder, before its contents are read.
    """

    def __init__(self, source: Path, target: Path, account: str, number: int, watch: Callable[[str], None]) -> None:
        self._source, self._target, self._account, self._number = source, target, account, number
        self._watch = watch
        self._rested: dict[str, _Rested] = {}
        self._unreadable: set[str] = set()
        self._whole_at: dt.datetime | None = None
        """When all was looked at that the ledger says is deleted."""
        self._deleted_at = now()
        """When that was done last, for what was deleted of late."""

    def all(self) -> Iterator[Found]:
        """What is new or gone on either side."""
        if self._source.is_dir():
            yield from self.folder("")
            yield from self.withdrawn()
            yield from self._deleted()

    def folder(self, path: str) -> Iterator[Found]:
        """What is new below a folder of the export tree. One that can't be read is passed over."""
        try:
            self._watch(path)
            times = self._times_of(path)
            rested = self._rested.pop(path, None)
            if rested is not None and rested.times == times:
                yield from self._beside_units(rested)
                self._rested[path] = rested
            else:
                yield from self._contents(path, times)
        except (FileNotFoundError, NotADirectoryError):
            yield [Key(self._account, path)] if path else []
        except OSError as error:
            if not path:
                raise
            # What lies beside it is looked at all the same.
            self._warn(path, error)
        else:
            self._unreadable.discard(path)

    def _warn(self, path: str, error: OSError) -> None:
        """Once, until it works again."""
        if path not in self._unreadable:
            self._unreadable.add(path)
            log.warning("exports/%s/%s can't be looked through: %s", self._account, path, error)

    def _beside_units(self, rested: _Rested) -> Iterator[Found]:
        """Files change without a trace in the times of their folder."""
        for some in known.chunks(rested.files):
            there = {path: found for path in some if (found := version_at(self._source / path))}
            yield self._keys(self._differing({path: {path: found} for path, found in there.items()}))
        for each in rested.folders:
            yield from self.folder(each)

    def _contents(self, path: str, times: tuple[int, int] | None) -> Iterator[Found]:
        files: list[str] = []
        folders: list[str] = []
        units_rest = True
        with os.scandir(self._source / path) as entries:
            visible = (entry for entry in entries if not hidden(entry.name))
            while chunk := list(itertools.islice(visible, CHUNK)):
                seen = _Seen.of(path, chunk)
                files += itertools.islice(seen.files, max(0, SINGLE + 1 - len(files)))
                folders += seen.folders
                differing = self._differing(self._versions(seen))
                units_rest = units_rest and seen.files.keys() >= set(differing)
                yield self._keys(seen.odd + differing)
        if times is not None and units_rest and len(files) <= SINGLE:
            self._rested[path] = _Rested(times, files, folders)
        for each in folders:
            yield from self.folder(each)

    def _keys(self, paths: list[str]) -> Found:
        return [Key(self._account, path) for path in paths]

    def _versions(self, seen: _Seen) -> dict[str, dict[str, Version]]:
        """Path of an export, or of a file of another program, to its files and their versions.

        What is to be left alone in the folder of an export is added to `seen.odd`.
        """
        versions: dict[str, dict[str, Version]] = {path: {} for path in seen.units}
        alone = dict(seen.files)
        for path in seen.units:
            for name, each in files_of_unit(self._source / path).items():
                file = below(path, name)
                if odd_name(file):
                    seen.odd.append(file)
                    continue
                of = versions[path] if is_ours(name) else alone
                of[file] = each
        return versions | {path: {path: each} for path, each in alone.items()}

    def _differing(self, versions: dict[str, dict[str, Version]]) -> list[str]:
        states = known.states(self._number, [path for files in versions.values() for path in files])
        waiting = known.waiting(self._number, versions)
        return [
            path
            for path, files in versions.items()
            if path in waiting
            or any(self._differs(name, each, states) for name, each in files.items())
            or self._is_left_empty(path, files, states)
        ]

    def _differs(self, path: str, current: Version, states: known.States) -> bool:
        state = known.state(states, path, current)
        if state in ("", "placing"):
            return True
        there = version_at(self._target / path)
        is_there = there is not None and there.is_copy_of(states[path][0])
        return is_there if state == "removed" else not is_there

    def _is_left_empty(self, path: str, files: dict[str, Version], states: known.States) -> bool:
        """Whether the partner has deleted all files of a folder, and a kill kept the folder from going with them."""
        if not files or path in files:
            return False
        deleted = all(known.state(states, name, each) == "removed" for name, each in files.items())
        return deleted and os.path.lexists(f"{self._target}/{path}")

    def withdrawn(self) -> Iterator[Found]:
        """What other programs had put into the export tree, and have taken back."""
        for paths in self._pages(known.alone):
            yield self._keys([path for path in paths if not os.path.lexists(f"{self._source}/{path}")])

    def _deleted(self) -> Iterator[Found]:
        """What the ledger says is deleted and the partner's folder has still: a kill came between.

        The rows of what was deleted stay for ever. All of them are asked for at the first look and once a day, else
        those that are new.
        """
        moment = now()
        whole = self._whole_at is None or moment - self._whole_at >= WHOLE_EVERY
        since = self._deleted_at - OVERLAP
        for paths in self._pages(known.removed) if whole else known.chunks(known.removed_since(self._number, since)):
            yield self._keys([path for path in paths if os.path.lexists(f"{self._target}/{path}")])
        self._deleted_at = moment
        self._whole_at = moment if whole else self._whole_at

    def _pages(self, ask: Callable[[int, str], list[str]]) -> Iterator[list[str]]:
        last = ""
        while paths := ask(self._number, last):
            yield paths
            last = paths[-1]

    def _times_of(self, path: str) -> tuple[int, int] | None:
        """When the folder was last changed, on either side; None if that tells nothing."""
        try:
            found = [(each / path).stat().st_mtime_ns for each in (self._source, self._target)]
        except FileNotFoundError:
            return None
        rested = time.time_ns() - max(found) >= REST * 1e9
        return (found[0], found[1]) if rested else None
