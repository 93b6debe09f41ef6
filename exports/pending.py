"""What the outbox says is to be exported: each order or customer once, however many rows it has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from exports.known import chunks
from handlers.order_lines import in_parts
from models import Outbox, is_past, now, transaction

ROWS = 2_000
"""So many rows of the outbox are looked at for what is due: an order has one for each line that was written."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds before an export that failed is tried again, at first and at the most."""

_OURS = Outbox.kind.in_(("order", "customer"))

Key = tuple[int, str, str]
"""Account, kind and System ID."""


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
    """Up to `most` orders and customers that are due, in the order in which they were committed, and no more lines of
    orders than can be held at once."""
    due = is_past(Outbox.due_at, now(), LONGEST_PAUSE)
    rows = Outbox.select().where(_OURS & due).order_by(Outbox.number).limit(ROWS)
    grouped: dict[Key, list[Outbox]] = {}
    for row in rows:
        key = (row.account_id, row.kind, str(row.system_id or ""))
        if key in grouped or len(grouped) < most:
            grouped.setdefault(key, []).append(row)
    bearable = next(in_parts(list(grouped), itemgetter(2)), [])
    attempts = {key: {row.number: row.attempts for row in grouped[key]} for key in bearable}
    for *which, number, tried in _all_rows(bearable):
        attempts.get(tuple(which), {})[number] = tried
    return [
        Pending(*key, tuple(held), grouped[key][0].created_at, max(held.values())) for key, held in attempts.items()
    ]


def _all_rows(keys: Iterable[Key]) -> Iterable[tuple[Any, ...]]:
    """Account, kind, System ID, number and attempts of these, also of rows that come behind ROWS or are not due yet.

    What is read now answers all of them. An order of many lines would else be made as often as it has ROWS.
    """
    mine = _OURS & Outbox.system_id.in_([system_id for _, _, system_id in keys])
    query = Outbox.select(Outbox.account, Outbox.kind, Outbox.system_id, Outbox.number, Outbox.attempts).where(mine)
    return query.tuples().iterator()


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
