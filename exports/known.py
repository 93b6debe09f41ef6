"""What the mirror asks the ledger. Each question is about one account, and about a bounded number of paths."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TypeVar

from models import Export, ExportFile
from models.ledger import Version

T = TypeVar("T")
CHUNK = 200
"""Paths or rows in one statement."""

States = dict[str, tuple[Version, str]]
"""Path of a file to its version and state."""
SETTLED = ("mirrored", "collected", "removed")
"""States of a file of which the mirror has done what there was to do."""


def chunks(items: Collection[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, CHUNK)):
        yield chunk


def states(account: int, paths: Collection[str]) -> States:
    """Those of the files that the ledger knows."""
    table = ExportFile
    columns = (table.path, table.size, table.mtime_ns, table.state)
    return {
        path: (Version(size, mtime_ns), state)
        for chunk in chunks(paths)
        for path, size, mtime_ns, state in table.select(*columns)
        .where((table.account == account) & table.path.in_(chunk))
        .tuples()
    }


def state(found: States, path: str, version: Version) -> str:
    """mirrored, collected, removed or placing; empty if this version of the file is not known."""
    known = found.get(path)
    return known[1] if known is not None and version.is_copy_of(known[0]) else ""


def exports(account: int, paths: Collection[str]) -> dict[str, Export]:
    """The exports that lie at these paths, by path."""
    return {
        each.path: each
        for chunk in chunks(paths)
        for each in Export.select().where((Export.account == account) & Export.path.in_(chunk))
    }


def waiting(account: int, paths: Collection[str]) -> set[str]:
    """Those of the exports at `paths` that are not in the partner's folder as they are now."""
    mine = (Export.account == account) & (Export.state == "waiting")
    return {
        path
        for chunk in chunks(paths)
        for (path,) in Export.select(Export.path).where(mine & Export.path.in_(chunk)).tuples()
    }


def at(account: int, path: str) -> list[ExportFile]:
    """The file at `path`, or those of the export at `path`."""
    mine = ExportFile.account == account
    exact = list(ExportFile.select().where(mine & (ExportFile.path == path)))
    if exact:
        return exact
    export = Export.select(Export.number).where((Export.account == account) & (Export.path == path))
    return list(ExportFile.select().where(mine & (ExportFile.export == export)))


def alone(account: int, last: str) -> list[str]:
    """Files that other programs put there and that were not deleted: some of them, by path, behind `last`."""
    table = ExportFile
    mine = (table.account == account) & (table.path > last) & table.export.is_null() & (table.state != "removed")
    return [path for (path,) in table.select(table.path).where(mine).order_by(table.path).limit(CHUNK).tuples()]


def removed(account: int, last: str) -> list[str]:
    """Files that were deleted: some of them, by path, behind `last`."""
    table = ExportFile
    mine = (table.account == account) & (table.path > last) & (table.state == "removed")
    return [path for (path,) in table.select(table.path).where(mine).order_by(table.path).limit(CHUNK).tuples()]


def removed_since(account: int, moment: dt.datetime) -> list[str]:
    """Files that were deleted since then."""
    table = ExportFile
    mine = (table.account == account) & (table.removed_at >= moment) & (table.state == "removed")
    return [path for (path,) in table.select(table.path).where(mine).tuples()]


@dataclass(frozen=True)
class Known:
    """All that the ledger has about some paths."""

    files: dict[str, ExportFile]
    exports: dict[str, Export]

    def state(self, path: str, version: Version) -> str:
        """mirrored, collected, removed or placing; empty if this version of the file is not known."""
        row = self.files.get(path)
        return row.state if row is not None and self.is_it(path, version) else ""

    def is_it(self, path: str, version: Version | None) -> bool:
        """Whether this version of a file, of which the ledger has a row, is the one that the ledger knows."""
        row = self.files[path]
        return version is not None and version.is_copy_of(Version(row.size, row.mtime_ns))


def look_up(account: int, files: Collection[str], paths: Collection[str]) -> Known:
    """What the ledger has about these files, and about the exports that lie at `paths`."""
    found = {
        each.path: each
        for chunk in chunks(files)
        for each in ExportFile.select().where((ExportFile.account == account) & ExportFile.path.in_(chunk))
    }
    return Known(found, exports(account, paths))
