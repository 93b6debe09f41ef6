"""Puts exports back into their partners' folders, even if they were collected or removed."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from peewee import fn

from exports.job import REPLAY
from models import Account, Export, ExportFile, Outbox, Target, is_postgres, transaction

AT_ONCE = 500
"""Exports that are read, and asked for, at once."""


@dataclass(frozen=True)
class Extent:
    """What a replay would do."""

    wanted: Any
    """The condition that these exports meet, and none that was made since."""
    account: Account
    kinds: dict[str, int]
    """Kind of export to the number of these."""
    oldest: dt.datetime
    newest: dt.datetime
    targets: int
    """To how many targets some of them are delivered again, at once or when they are enabled."""


def extent(account: Account, wanted: Any) -> Extent | None:
    """How far a replay of the account's exports that meet a condition would go; None: there are none."""
    wanted &= Export.account == account
    number, created = Export.number, Export.created_at
    query = Export.select(Export.kind, fn.COUNT(number), fn.MIN(created), fn.MAX(created), fn.MAX(number)).where(wanted)
    found = list(query.group_by(Export.kind).order_by(Export.kind.desc()).tuples())
    if not found:
        return None
    kinds, counts, oldest, newest, last = zip(*found, strict=True)
    return Extent(wanted & (number <= max(last)), account, dict(zip(kinds, counts, strict=True)), min(oldest),
                  max(newest), _targets(account, set(kinds)))  # fmt: skip


def _targets(account: Account, kinds: set[str]) -> int:
    """A revision becomes ready after all of them were added."""
    return sum(each.kinds is None or not kinds.isdisjoint(each.kinds)
               for each in Target.select().where(Target.account == account))  # fmt: skip


def replay(wanted: Any) -> int:
    """Ask for each export that meets a condition to be put back, for all or for none; returns how many. The exporting
    node does it, now or when it starts.

    An order or customer is written again as a new revision. The request stands in the ledger until that is recorded,
    so that a kill in between neither loses nor doubles it. A full export is asked for anew.
    """
    count = last = 0
    # Page by page: there may be more than fit into memory.
    page = Export.select().where(wanted).order_by(Export.number).limit(AT_ONCE)
    with transaction():
        _hold_accounts(wanted)
        while some := list(page.where(Export.number > last)):
            last = some[-1].number
            numbers = [export.number for export in some if export.kind != "full"]
            _hold_exports(numbers)
            _ask(numbers)
            Outbox.insert_many([_wanted(export) for export in some]).execute()
            count += len(some)
    return count


def _hold_accounts(wanted: Any) -> None:
    """Before their exports, as a removal does; the outbox refers to them."""
    if is_postgres():
        theirs = Account.id.in_(Export.select(Export.account).where(wanted))
        Account.select(Account.id).where(theirs).order_by(Account.id).for_update("FOR KEY SHARE").execute()


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
