"""What the mirror writes into the ledger: first that files are about to appear, then that they did."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from peewee import EXCLUDED, ModelSelect

from exports.todo import Key
from models import Export, ExportFile, is_postgres, now, transaction
from models.ledger import Version, settle

_ABSENT = {"collected_at": None, "collected_by": None, "collected_from": None, "removed_at": None, "removed_by": None}
T = TypeVar("T")
_CHUNK = 200
"""Paths in one statement: SQLite takes 32,766 values, and eight stand in a row of the ledger."""


@dataclass
class Plan:
    """One folder of an order or customer, or one file, that is to appear in the partner's folder."""

    key: Key
    account: int
    files: dict[str, Version]
    """What it consists of: path below the export root to version."""
    export: Export | None = None
    """None: another program put it there."""
    folder: bool = False
    placing: dict[str, Version] = field(default_factory=dict)
    """Those of `files` that shall be there: not what the partner deleted in this very version. Filled by `announce`."""


@dataclass
class Known:
    """What the ledger has about some paths of one account."""

    files: dict[str, ExportFile]
    exports: dict[str, Export]

    def state(self, path: str, version: Version) -> str:
        """mirrored, collected, removed or placing; empty if this version of the file is not known."""
        row = self.files.get(path)
        return row.state if row is not None and Version(row.size, row.mtime_ns) == version else ""


def known(account: int, files: Collection[str], exports: Collection[str]) -> Known:
    """What the ledger has about the paths `files` and the exports that lie at the paths `exports`."""
    found_exports = {
        each.path: each
        for chunk in _chunks(exports)
        for each in Export.select().where((Export.account == account) & Export.path.in_(chunk))
    }
    found_files = {
        each.path: each
        for chunk in _chunks(files)
        for each in ExportFile.select().where((ExportFile.account == account) & ExportFile.path.in_(chunk))
    }
    return Known(found_files, found_exports)


def announce(account: int, plans: list[Plan]) -> None:
    """Record what is about to appear. A client that fetches or deletes it in the same instant finds its row.

    What was deleted in this version stays `removed`; a newer version of what was deleted appears.
    """
    with transaction():
        _hold_exports(plans)
        for plan in plans:
            _drop_former(plan)
        for chunk in _chunks([row for plan in plans for row in _rows(plan)]):
            _upsert(chunk)
        rows = known(account, [path for plan in plans for path in plan.files], ()).files
        for plan in plans:
            plan.placing = {path: each for path, each in plan.files.items() if rows[path].state != "removed"}


def _rows(plan: Plan) -> Iterable[dict[str, object]]:
    moment = now()
    for path, version in sorted(plan.files.items()):
        yield {"account": plan.account, "export": plan.export, "path": path, "size": version.size,
               "mtime_ns": version.mtime_ns, "state": "placing", "mirrored_at": moment, **_ABSENT}  # fmt: skip


def _upsert(rows: list[dict[str, object]]) -> None:
    mine, new = ExportFile, EXCLUDED
    same = (mine.size == new.size) & (mine.mtime_ns == new.mtime_ns)
    every = [mine.export, mine.size, mine.mtime_ns, mine.state, mine.mirrored_at]
    ExportFile.insert_many(rows).on_conflict(
        conflict_target=[mine.account, mine.path],
        preserve=[*every, *(getattr(mine, name) for name in _ABSENT)],
        where=~same,
    ).execute()


def _drop_former(plan: Plan) -> None:
    """An older revision had files that this one has no more."""
    if plan.export is not None:
        mine = ExportFile.export == plan.export
        ExportFile.delete().where(mine & ExportFile.path.not_in(list(plan.files))).execute()


def _hold_exports(plans: list[Plan]) -> dict[int, Export]:
    """Lock the exports before their files, as the front door does, and in one order, so that nobody waits crosswise."""
    numbers = sorted(plan.export.number for plan in plans if plan.export is not None)
    query: ModelSelect = Export.select().where(Export.number.in_(numbers)).order_by(Export.number)
    if is_postgres():
        query = query.for_update()
    return {each.number: each for each in query}


def confirm(plans: list[Plan]) -> Sequence[Any]:
    """Record that what was announced has appeared, for good; the numbers of the exports that are ready by that."""
    with transaction():
        held = _hold_exports(plans)
        for plan in plans:
            for chunk in _chunks(sorted(plan.placing)):
                mine = (ExportFile.account == plan.account) & ExportFile.path.in_(chunk)
                ExportFile.update(state="mirrored").where(mine & (ExportFile.state == "placing")).execute()
        ready = [plan.export.number for plan in plans if plan.export is not None and _is_newest(plan, held)]
        _make_ready(ready)
    return ready


def _is_newest(plan: Plan, held: dict[int, Export]) -> bool:
    """False: the dispatcher has begun to write a newer revision, which makes the export ready when it has appeared."""
    assert plan.export is not None
    current = held.get(plan.export.number)
    return current is not None and (current.revision, current.digest) == (plan.export.revision, plan.export.digest)


def _make_ready(numbers: Sequence[Any]) -> None:
    """These exports lie in their partners' folders. Called in a transaction that holds them."""
    for chunk in _chunks(numbers):
        Export.update(state="ready", ready_at=now(), error="", **_ABSENT).where(Export.number.in_(chunk)).execute()
        touched = ExportFile.export.in_(chunk) & (ExportFile.state != "mirrored")
        for (number,) in ExportFile.select(ExportFile.export).where(touched).distinct().tuples():
            settle(number)


def forget(account: int, paths: Collection[str]) -> None:
    """Another program took these files back: the ledger knows nothing of them any more."""
    for chunk in _chunks(paths):
        mine = (ExportFile.account == account) & ExportFile.export.is_null()
        ExportFile.delete().where(mine & ExportFile.path.in_(chunk)).execute()


def at(account: int, path: str) -> list[ExportFile]:
    """The file at `path`, or those of the export at `path`."""
    mine = ExportFile.account == account
    exact = list(ExportFile.select().where(mine & (ExportFile.path == path)))
    if exact:
        return exact
    export = Export.select(Export.number).where((Export.account == account) & (Export.path == path))
    return list(ExportFile.select().where(mine & (ExportFile.export == export)))


def states(account: int, paths: Collection[str]) -> dict[str, tuple[Version, str]]:
    """Version and state of those of the files that the ledger knows."""
    table = ExportFile
    columns = (table.path, table.size, table.mtime_ns, table.state)
    return {
        path: (Version(size, mtime_ns), state)
        for chunk in _chunks(paths)
        for path, size, mtime_ns, state in table.select(*columns)
        .where((table.account == account) & table.path.in_(chunk))
        .tuples()
    }


def waiting(account: int, paths: Collection[str]) -> set[str]:
    """Those of the exports at `paths` that are not in the partner's folder as they are now."""
    mine = (Export.account == account) & (Export.state == "waiting")
    return {
        path
        for chunk in _chunks(paths)
        for (path,) in Export.select(Export.path).where(mine & Export.path.in_(chunk)).tuples()
    }


def after(account: int, last: str, most: int) -> list[tuple[str, str, bool]]:
    """Path, state, and whether it is of an export of ours: files that were deleted or that other programs put there.

    Up to `most`, by path, behind `last`.
    """
    table = ExportFile
    concerned = (table.state == "removed") | table.export.is_null()
    mine = (table.account == account) & (table.path > last) & concerned
    rows = table.select(table.path, table.state, table.export).where(mine).order_by(table.path).limit(most).tuples()
    return [(path, state, export is not None) for path, state, export in rows]


def _chunks(items: Collection[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, _CHUNK)):
        yield chunk
