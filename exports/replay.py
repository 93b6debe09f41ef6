"""Puts exports back into their partners' folders, even if they were collected or removed."""

from __future__ import annotations

import time
from collections.abc import Iterable

from exports.job import REPLAY
from models import Export, Outbox, transaction


def replay(exports: Iterable[Export]) -> int:
    """Ask for each to be put back; returns how many. The exporting node does it, now or when it starts.

    An order or customer is written again as a new revision. The request stands in the ledger until that is recorded,
    so that a kill in between neither loses nor doubles it. A full export is asked for anew.
    """
    count = 0
    with transaction():
        for export in exports:
            if export.kind != "full":
                asked = f"{REPLAY}{time.time_ns()}"
                Export.update(digest=asked).where(Export.number == export.number).execute()
            Outbox.create(account=export.account_id, kind=export.kind, system_id=export.system_id, entity=export.entity)
            count += 1
    return count
