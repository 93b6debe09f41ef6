"""What the mirror writes into the ledger: first that files are about to appear, then that they did."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from peewee import EXCLUDED, ModelSelect

from exports.known import SETTLED, States, chunks, states
from models import Export, ExportFile, is_postgres, now, transaction
from models.ledger import Version, settle

_ABSENT = {"collected_at": None, "collected_by": None, "collected_from": None, "removed_at": None, "removed_by": None}


@dataclass
class Plan:
    """One folder of an order or customer, or one file, that is to appear in the partner's folder."""

    path: str
    """Below the export root."""
    files: dict[str, Version]
    """What it consists of: path below the export root to version."""
    export: Export | None = None
    """None: another program put it there."""
    folder: bool = False
    placing: dict[str, Version] = field(default_factory=dict)
    """Those of `files` that shall be there: not what the partner deleted in this very version. Filled by `announce`."""


def announce(account: int, plans: list[Plan]) -> None:
    """Record what is about to appear. A client that fetches or deletes it in the same instant finds its row.

    What was deleted in this version stays `removed`; a newer version of what was deleted appears.
    """
    with transaction():
        _hold_exports(plans)
        _drop_former(plans)
        for chunk in chunks([row for plan in plans for row in _rows(account, plan)]):
            _upsert(chunk)
        found = states(account, [path for plan in plans for path in plan.files])
    for plan in plans:
        plan.placing = {path: each for path, each in plan.files.items() if found[path][1] != "removed"}


def _rows(account: int, plan: Plan) -> Iterator[dict[str, object]]:
    moment = now()
    for path, version in sorted(plan.files.items()):
        yield {"account": account, "export": plan.export, "path": path, "size": version.size,
               "mtime_ns": version.mtime_ns, "state": "placing", "mirrored_at": moment}  # fmt: skip


def _upsert(rows: list[dict[str, object]]) -> None:
    mine, new = ExportFile, EXCLUDED
    same = (mine.size == new.size) & (mine.mtime_ns == new.mtime_ns)
    ExportFile.insert_many(rows).on_conflict(
        conflict_target=[mine.account, mine.path],
        preserve=[mine.export, mine.size, mine.mtime_ns, mine.state, mine.mirrored_at],
        update=_ABSENT,
        where=~same,
    ).execute()


def retime(account: int, plans: list[Plan], known: States) -> None:
    """Record the times that a copy, as of a backup, has given to files. What became of them stays."""
    with transaction():
        _hold_exports(plans)
        for path, version in sorted((path, each) for plan in plans for path, each in plan.files.items()):
            former = (ExportFile.size == version.size) & (ExportFile.mtime_ns == known[path][0].mtime_ns)
            mine = (ExportFile.account == account) & (ExportFile.path == path) & ExportFile.state.in_(SETTLED)
            ExportFile.update(mtime_ns=version.mtime_ns).where(mine & former).execute()


def _drop_former(plans: list[Plan]) -> None:
    """An older revision may have had files that this one has no more."""
    current = {path for plan in plans for path in plan.files}
    for chunk in chunks([plan.export for plan in plans if plan.export is not None]):
        rows = ExportFile.select(ExportFile.number, ExportFile.path).where(ExportFile.export.in_(chunk)).tuples()
        former = [number for number, path in rows if path not in current]
        if former:
            ExportFile.delete().where(ExportFile.number.in_(former)).execute()


def _hold_exports(plans: list[Plan]) -> dict[int, Export]:
    """Lock the exports before their files, as the front door does, and in one order, so that nobody waits crosswise."""
    numbers = sorted(plan.export.number for plan in plans if plan.export is not None)
    query: ModelSelect = Export.select().where(Export.number.in_(numbers)).order_by(Export.number)
    if is_postgres():
        query = query.for_update()
    return {each.number: each for each in query}


def confirm(account: int, plans: list[Plan]) -> Sequence[Any]:
    """Record that what was announced has appeared, for good; the numbers of the exports that are ready by that."""
    with transaction():
        held = _hold_exports(plans)
        for chunk in chunks(sorted(path for plan in plans for path in plan.placing)):
            mine = (ExportFile.account == account) & ExportFile.path.in_(chunk)
            ExportFile.update(state="mirrored").where(mine & (ExportFile.state == "placing")).execute()
        ready = [plan.export.number for plan in plans if plan.export is not None and _is_newest(plan.export, held)]
        _make_ready(ready)
    return ready


def _is_newest(export: Export, held: dict[int, Export]) -> bool:
    """False: the dispatcher has written a newer revision, which makes the export ready when it has appeared.

    Or it has found meanwhile that there can be none: that the former one is there does not take the reason away. A full
    export has no revisions: what failed is another one of that day.
    """
    current = held.get(export.number)
    if current is None or (current.state == "failed" and current.kind != "full"):
        return False
    return (current.revision, current.digest) == (export.revision, export.digest)


def _make_ready(numbers: Sequence[Any]) -> None:
    for chunk in chunks(numbers):
        Export.update(state="ready", ready_at=now(), error="", **_ABSENT).where(Export.number.in_(chunk)).execute()
        touched = ExportFile.export.in_(chunk) & (ExportFile.state != "mirrored")
        for (number,) in ExportFile.select(ExportFile.export).where(touched).distinct().tuples():
            settle(number)


def blame(account: int, path: str, error: str) -> None:
    """Record why what waits at this path has not appeared."""
    waiting = (Export.account == account) & (Export.path == path) & (Export.state == "waiting")
    Export.update(error=error[:2000]).where(waiting).execute()


def forget(account: int, paths: Collection[str]) -> None:
    """Another program took these files back: put there again, they appear again."""
    for chunk in chunks(paths):
        mine = (ExportFile.account == account) & ExportFile.export.is_null()
        ExportFile.delete().where(mine & ExportFile.path.in_(chunk)).execute()
