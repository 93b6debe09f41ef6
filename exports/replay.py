"""Puts exports back into their partners' folders, even if they were collected or removed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable

from exports.job import REPLAY
from models import Export, Outbox, transaction

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
        iterator = iter(exports)
        while some := list(itertools.islice(iterator, AT_ONCE)):
            numbers = [export.number for export in some if export.kind != "full"]
            Export.update(digest=f"{REPLAY}{time.time_ns()}").where(Export.number.in_(numbers)).execute()
            Outbox.insert_many([_wanted(export) for export in some]).execute()
            count += len(some)
    return count


def _wanted(export: Export) -> dict[str, object]:
    return {"account": export.account_id, "kind": export.kind, "system_id": export.system_id, "entity": export.entity}
