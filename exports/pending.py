"""What the outbox says is to be exported: each order or customer once, however many rows it has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from exports.known import chunks
from models import Outbox, is_past, now, transaction

ROWS = 2_000
"""So many rows of the outbox are read at once: an order has one for each line that was written."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds before an export that failed is tried again, at first and at the most."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An order or customer that was committed, and the rows that said so."""

    account: int
    kind: str
    system_id: str
    numbers: tuple[int, ...]
    created_at: dt.datetime
    """Of the first of them: the moment of the commit."""
    attempts: int


def take(most: int) -> list[Pending]:
    """Up to `most` orders and customers that are due, in the order in which they were committed."""
    moment = now()
    due = Outbox.kind.in_(("order", "customer")) & _is_due(moment)
    rows = Outbox.select().where(due).order_by(Outbox.number).limit(ROWS)
    grouped: dict[tuple[int, str, str], list[Outbox]] = {}
    for row in rows:
        key = (row.account_id, row.kind, str(row.system_id or ""))
        if key in grouped or len(grouped) < most:
            grouped.setdefault(key, []).append(row)
    for row in _postponed((key[2] for key in grouped), moment):
        # What is read now answers these, too.
        grouped.get((row.account_id, row.kind, str(row.system_id)), []).append(row)
    return [
        Pending(*key, tuple(row.number for row in held), held[0].created_at, max(row.attempts for row in held))
        for key, held in grouped.items()
    ]


def _is_due(moment: dt.datetime) -> Any:
    return is_past(Outbox.due_at, moment, LONGEST_PAUSE)


def _postponed(system_ids: Iterable[str], moment: dt.datetime) -> Iterable[Outbox]:
    """Rows that failed before and are not due yet."""
    mine = Outbox.kind.in_(("order", "customer")) & Outbox.system_id.in_(list(system_ids))
    return list(Outbox.select().where(mine & ~_is_due(moment)))


def done(pending: Iterable[Pending]) -> bool:
    """Delete the rows that were read, and no others. False: some were gone, so another node was at work on them."""
    numbers = [number for each in pending for number in each.numbers]
    if not numbers:
        return True
    with transaction():
        deleted = sum(Outbox.delete().where(Outbox.number.in_(some)).execute() for some in chunks(numbers))
    return deleted == len(numbers)


def postpone(each: Pending, error: str) -> float:
    """Try again later, after a longer pause each time; returns the pause in seconds."""
    # Of some thousand attempts 2**attempts would be too large for a float.
    pause = min(FIRST_PAUSE * 2 ** min(each.attempts, 30), LONGEST_PAUSE)
    due = now() + dt.timedelta(seconds=pause)
    later = Outbox.update(attempts=each.attempts + 1, due_at=due, error=error[:2000])
    with transaction():
        # What fails for days and is written again and again has more rows than one statement can name.
        for some in chunks(each.numbers):
            later.where(Outbox.number.in_(some)).execute()
    return pause


def look_again(pending: Sequence[Pending]) -> None:
    """Export them once more: what is on disk may be the work of two nodes."""
    Outbox.insert_many([{"account": each.account, "kind": each.kind, "system_id": each.system_id, "entity": each.kind}
                        for each in pending]).execute()  # fmt: skip
