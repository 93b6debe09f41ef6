"""Puts exports back into their partners' folders, even if they were collected or removed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence

from exports.job import REPLAY
from models import Account, Export, Outbox, is_postgres, transaction

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
            Export.update(digest=f"{REPLAY}{time.time_ns()}").where(Export.number.in_(numbers)).execute()
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


def _wanted(export: Export) -> dict[str, object]:
    return {"account": export.account_id, "kind": export.kind, "system_id": export.system_id, "entity": export.entity}
