"""The deliveries: which are to be made, which is next, what became of it. Each step is one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from peewee import JOIN, fn

from models import Account, Delivery, Export, Mail, Target, is_past, now, transaction

PAUSES = (5, 15, 60, 300, 900)
"""Seconds after the first attempt that did not get as far as a file, the second ...; the last one repeats."""
PATIENCE = dt.timedelta(days=3)
"""How long a delivery waits for a target that can't be reached."""
IDLE = dt.timedelta(hours=1)
"""A stop or sleep of the server that is shorter makes no difference to that."""
REFUSAL_PAUSES = (5, 15, 60, 300)
"""Seconds after each refusal of one file; after one more it has failed, and the stream goes on."""
AT_ONCE = 500
"""Exports that are planned in one transaction."""
_AFRESH: dict[str, Any] = {"failures": 0, "error": "", "unreachable_since": None, "due_at": None}
"""The state of a stream that was never held."""


def plan(target: Target, exports: Sequence[int] | None = None) -> int:
    """Queue up to AT_ONCE exports that became ready and have no delivery yet, in order of arrival; return how many.

    `exports` narrows it down to the numbers of some that are known to have become ready.
    """
    theirs = (Delivery.export == Export.number) & (Delivery.revision == Export.revision) & (Delivery.target == target)
    ready = (Export.account == target.account_id) & Export.state.in_(("ready", "collected", "removed"))
    # What our own retention took away has no files any more.
    ready &= Export.removed_by.is_null() | (Export.removed_by != "retention")
    if target.since is not None:
        ready &= Export.ready_at >= target.since
    if target.kinds is not None:
        ready &= Export.kind.in_(target.kinds)
    if exports is not None:
        ready &= Export.number.in_(exports)
    query = Export.select(Export.number, Export.revision).join(Delivery, JOIN.LEFT_OUTER, on=theirs)
    missing = query.where(ready & Delivery.number.is_null()).order_by(Export.ready_at, Export.number).limit(AT_ONCE)
    rows = [{"target": target, "export": export, "revision": revision} for export, revision in missing.tuples()]
    if rows:
        # In one statement, by which they are numbered in this order. Nobody else plans.
        Delivery.insert_many(rows).on_conflict_ignore().execute()
    return len(rows)


def due(moment: dt.datetime, only: int | None = None) -> list[int]:
    """Numbers of the targets whose streams may go on; with `only` that of this one at the most."""
    waits = Delivery.select().where((Delivery.target == Target.number) & (Delivery.state == "waiting"))
    at_once = is_past(Target.due_at, moment, PAUSES[-1])
    wanted = ~Target.disabled & ~Account.disabled & at_once & fn.EXISTS(waits)
    if only is not None:
        wanted &= Target.number == only
    return [number for (number,) in Target.select(Target.number).join(Account).where(wanted).tuples()]


def head(target: int) -> Delivery | None:
    """The delivery that is to be made next, with its export and target; None if there is none or the stream is held."""
    if not due(now(), target):
        return None
    query = Delivery.select(Delivery, Export, Target).join(Export).switch(Delivery).join(Target)
    waiting = (Delivery.target == target) & (Delivery.state == "waiting")
    while (first := query.where(waiting).order_by(Delivery.number).first()) is not None:
        if first.export.revision == first.revision:
            return first
        _settle(first, state="skipped", error="")
    return None


def waits(delivery: Delivery) -> bool:
    """False: another node has settled it, while this one stood still; or its target has moved since `head`."""
    return bool(Delivery.select().where(_still(delivery)).exists())


def delivered(delivery: Delivery) -> None:
    with transaction():
        _settle(delivery, state="delivered", error="", delivered_at=now(), attempts=Delivery.attempts + 1)
        _reached(delivery.target_id)


def refused(delivery: Delivery, words: str, moment: dt.datetime) -> str:
    """The server does not take this one: try again some times, then go on with the next. Returns its state."""
    last = delivery.refusals >= len(REFUSAL_PAUSES)
    state = "failed" if last else "waiting"
    pause = None if last else moment + dt.timedelta(seconds=REFUSAL_PAUSES[delivery.refusals])
    changes = {"state": state, "error": words, "refusals": delivery.refusals + 1, "attempts": Delivery.attempts + 1}
    with transaction():
        if not _settle(delivery, **changes):
            return "settled already"
        _reached(delivery.target_id, due_at=pause)
        if last:
            _alert(delivery.target_id, "target_refused", f"{moment:%Y-%m-%d}", words, file=delivery.export.path)
    return state


def missing(delivery: Delivery, words: str) -> None:
    """It is not there to be delivered, and no later attempt would find it: the stream goes on with the next at once."""
    _settle(delivery, state="failed", error=words, attempts=Delivery.attempts + 1)


def held(target: int, words: str, moment: dt.datetime, took: dt.timedelta = dt.timedelta(0), url: str = "") -> int:
    """Nothing can be delivered now: the stream pauses. Returns how many deliveries were given up for that.

    `took` is how long the attempt was at it, the machine being awake. `url` is where: that of a target that has moved
    since is no reason to wait.
    """
    with transaction():
        row = Target.get_or_none(Target.number == target)
        if row is None or (url and row.url != url):
            return 0
        row.failures, row.error = row.failures + 1, words
        row.unreachable_since = min(row.unreachable_since or moment, moment) + _idle(row, moment - took)
        row.due_at = moment + dt.timedelta(seconds=PAUSES[min(row.failures, len(PAUSES)) - 1])
        row.save(only=["failures", "error", "unreachable_since", "due_at"])
        first = Delivery.select(fn.MIN(Delivery.number)).where(_waiting(target))
        Delivery.update(attempts=Delivery.attempts + 1).where(Delivery.number == first.scalar()).execute()
        return _give_up(row, words, moment)


def _idle(target: Target, began: dt.datetime) -> dt.timedelta:
    """How long nobody tried before an attempt, as while the machine slept: that is none of the three days."""
    if target.unreachable_since is None or began - target.due_at <= IDLE:
        return dt.timedelta(0)
    late: dt.timedelta = began - target.due_at
    return late


def _give_up(target: Target, words: str, moment: dt.datetime) -> int:
    if moment - target.unreachable_since <= PATIENCE:
        return 0
    old = _waiting(target.number) & (Delivery.created_at < moment - PATIENCE)
    count: int = Delivery.update(state="failed", error=words).where(old).execute()
    if count:
        # Once for each time that it can't be reached.
        _alert(target.number, "target", f"{target.unreachable_since:%Y%m%dT%H%M%S}", words)
    return count


def _alert(target: int, what: str, when: str, words: str, **data: str) -> None:
    row = Target.get_or_none(Target.number == target)
    if row is not None:
        Mail.alert(f"{what}-{target}-{when}", what=what, target=target, account=row.account.name, url=row.url,
                   words=words, **data)  # fmt: skip


def _waiting(target: int) -> Any:
    return (Delivery.target == target) & (Delivery.state == "waiting")


def _settle(delivery: Delivery, **changes: object) -> bool:
    """False: it waits no more, since a node that leads no longer may come too late; or it has to go elsewhere."""
    return bool(Delivery.update(**changes).where(_still(delivery)).execute())


def _still(delivery: Delivery) -> Any:
    """It waits, for the place that its target had when it was read."""
    here = Target.select(Target.number).where(Target.number == delivery.target_id, Target.url == delivery.target.url)
    return (Delivery.number == delivery.number) & (Delivery.state == "waiting") & Delivery.target.in_(here)


def _reached(target: int, due_at: dt.datetime | None = None) -> None:
    changes = _AFRESH | {"due_at": due_at}
    held_up = (Target.failures > 0) | Target.due_at.is_null(False)
    Target.update(**changes).where((Target.number == target) & (held_up if due_at is None else True)).execute()


def resume(moment: dt.datetime) -> None:
    """Before a pusher begins: time in which nobody tried, as while the machine was off, is none of the three days."""
    with transaction():
        for row in list(Target.select().where(Target.unreachable_since.is_null(False), Target.due_at < moment - IDLE)):
            since = row.unreachable_since + _idle(row, moment)
            mine = (Target.number == row.number) & (Target.due_at == row.due_at)
            Target.update(unreachable_since=since, due_at=moment).where(mine).execute()


def retry(target: Target) -> int:
    """Try what waits and what has failed again at once, and for three days more; return how many."""
    again = (Delivery.target == target) & (Delivery.state == "failed")
    with transaction():
        restart(target)
        Delivery.update(state="waiting", refusals=0, error="").where(again).execute()
        count: int = Delivery.select().where(_waiting(target.number)).count()
    return count


def restart(target: Target) -> None:
    """Let the stream go on at once, as if it had never been held."""
    Target.update(**_AFRESH).where(Target.number == target).execute()


def restart_all(account: Account) -> None:
    """The same for all targets of an account."""
    Target.update(**_AFRESH).where(Target.account == account).execute()
