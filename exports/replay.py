"""Puts exports back into their partners' folders, even if they were collected or removed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence

from peewee import fn

from exports.job import REPLAY
from models import Account, Export, ExportFile, Outbox, is_postgres, transaction

AT_ONCE = 500
"""Exports of one statement."""


def replay(exports: Iterable[Export]) -> int:
    """Ask for each to be put back, for all or for none; returns how many. The exporting node does it, now or when it
    starts.

    An order or customer is written again as a new revision. The request stands in the ledger until that is recorded,
    so that a kill in between neither loses nor doubles it. A full export is asked for anew.
    """
    count = 0
    with transaction():
        wanted = sorted(exports, key=lambda export: export.number)
        _hold_accounts({export.account_id for export in wanted})
        iterator = iter(wanted)
        while some := list(itertools.islice(iterator, AT_ONCE)):
            numbers = [export.number for export in some if export.kind != "full"]
            _hold_exports(numbers)
            _ask(numbers)
            Outbox.insert_many([_wanted(export) for export in some]).execute()
            count += len(some)
    return count


def _hold_accounts(accounts: set[int]) -> None:
    """Before their exports, as a removal does; the outbox refers to them."""
    if is_postgres():
        query = Account.select(Account.id).where(Account.id.in_(accounts)).order_by(Account.id)
        query.for_update("FOR KEY SHARE").execute()


def _hold_exports(numbers: Sequence[int]) -> None:
    """In the order in which mirror and dispatcher lock them, so that nobody waits crosswise."""
    if is_postgres():
        query = Export.select(Export.number).where(Export.number.in_(numbers)).order_by(Export.number)
        query.for_update().execute()


def _ask(numbers: Sequence[int]) -> None:
    """Note when each was asked for: no earlier than its files, which a clock that was ahead may have written. They
    would be taken for the answer."""
    asked = time.time_ns()
    Export.update(digest=f"{REPLAY}{asked}").where(Export.number.in_(numbers)).execute()
    later = ExportFile.export.in_(numbers) & (ExportFile.mtime_ns > asked)
    latest = ExportFile.select(ExportFile.export, fn.MAX(ExportFile.mtime_ns)).where(later).group_by(ExportFile.export)
    for number, moment in latest.tuples():
        Export.update(digest=f"{REPLAY}{moment}").where(Export.number == number).execute()


def _wanted(export: Export) -> dict[str, object]:
    return {"account": export.account_id, "kind": export.kind, "system_id": export.system_id, "entity": export.entity}
