"""The queue of mails: which is due, who sends it, what became of it. Nothing is rendered or sent here."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from models import ImportRun, Mail, is_past, now, transaction

PAUSES = (10, 60, 300, 900, 3_600)
"""Seconds after the first failed attempt, the second ...; the last one repeats."""
PATIENCE = dt.timedelta(days=3)
"""How long a mail is tried."""
IDLE = dt.timedelta(hours=1)
"""A time without attempts that is shorter makes no difference to that."""
OPEN = ("waiting", "running")
AT_ONCE = 20
"""Mails that one look into the queue reads."""

Refused = dict[str, str]
"""Address to the words with which the server refused it."""


@dataclass(frozen=True)
class Delivery:
    """What came of one attempt; an address that is in none of the three was not tried."""

    taken: tuple[str, ...] = ()
    refused: Refused = field(default_factory=dict)
    """For good: there is no use in trying again."""
    later: Refused = field(default_factory=dict)
    """For now."""


def backlog(moment: dt.datetime | None = None) -> dict[str, int | None]:
    """`waiting` and `failed` mails, and the age of the `oldest_waiting_seconds` (None when none waits)."""
    waiting = Mail.select().where(Mail.state == "waiting")
    oldest = waiting.order_by(Mail.created_at).first()
    age = None if oldest is None else max(0, int(((moment or now()) - oldest.created_at).total_seconds()))
    failed = Mail.select().where(Mail.state == "failed").count()
    return {"waiting": waiting.count(), "failed": failed, "oldest_waiting_seconds": age}


def claim(owner: str, moment: dt.datetime, lease: int) -> Mail | None:
    """Take a mail that is due for `lease` seconds; None when there is none. A digest takes in all of its pick-up.

    By conditional updates: of two senders only one gets it.
    """
    for mail in _ready(moment, lease):
        with transaction():
            if not _take(mail, owner, moment, lease):
                continue
            if mail.pickup is not None:
                _gather(mail, moment, lease)
            claimed: Mail = Mail.get_by_id(mail.number)
            return claimed
    return None


def _ready(moment: dt.datetime, lease: int) -> list[Mail]:
    """Mails that are due, oldest first; of a pick-up the first alone, and only once all of its imports are done."""
    unfinished = ImportRun.select(ImportRun.pickup).where(ImportRun.pickup.is_null(False) & ImportRun.status.in_(OPEN))
    due = (Mail.state == "waiting") & is_past(Mail.due_at, moment, PAUSES[-1]) & _unleased(moment, lease)
    whole = Mail.pickup.is_null() | Mail.pickup.not_in(unfinished)
    # A list: on SQLite a query that is still being read keeps its own connection from writing.
    first = list(Mail.select().where(due & whole).order_by(Mail.number).limit(AT_ONCE))
    pickups = [mail.pickup for mail in first]
    return [mail for place, mail in enumerate(first) if mail.pickup is None or mail.pickup not in pickups[:place]]


def _unleased(moment: dt.datetime, lease: int) -> Any:
    return is_past(Mail.lease_until, moment, lease)


def _take(mail: Mail, owner: str, moment: dt.datetime, lease: int) -> bool:
    same = (Mail.number == mail.number) & (Mail.state == "waiting") & (Mail.due_at == mail.due_at)
    free = same & _unleased(moment, lease)
    until = {"lease_until": moment + dt.timedelta(seconds=lease)}
    if mail.lease_until is not None and mail.lease_until > moment:
        # By a clock that was ahead. Whoever still sends it renews this one; who is dead does not.
        Mail.update(**until).where(free).execute()
        return False
    changes = _without_idleness(mail, moment) | until
    return bool(Mail.update(lease_owner=owner, attempts=Mail.attempts + 1, **changes).where(free).execute())


def _without_idleness(mail: Mail, moment: dt.datetime) -> dict[str, dt.datetime]:
    """Changes by which the time since it was due, if nobody tried in it, is none of the three days.

    They don't begin in the future, where a clock that was ahead has put them.
    """
    retries_from: dt.datetime = mail.retries_from
    begun = min(retries_from, moment)
    idle: dt.timedelta = moment - mail.due_at
    return {"retries_from": begun + idle, "due_at": moment} if idle > IDLE else {"retries_from": begun}


def _gather(mail: Mail, moment: dt.datetime, lease: int) -> None:
    """The other mails of the pick-up become part of this one, which stays the same through all attempts.

    What comes in later is told by a mail of its own.
    """
    others = (Mail.pickup == mail.pickup) & (Mail.number != mail.number) & (Mail.state == "waiting")
    if mail.attempts == 0:
        changes = {"state": "gathered", "gathered_into": mail.number}
        Mail.update(**changes).where(others & (Mail.attempts == 0) & _unleased(moment, lease)).execute()


def runs_of(mail: Mail) -> list[ImportRun]:
    """The imports that a mail tells of, in order of arrival."""
    numbers = Mail.select(Mail.run).where((Mail.number == mail.number) | (Mail.gathered_into == mail.number))
    return list(ImportRun.select().where(ImportRun.number.in_(numbers)).order_by(ImportRun.number))


def renew(number: int, owner: str, moment: dt.datetime, lease: int) -> None:
    """Lengthen the lease of a mail that is being sent."""
    mine = (Mail.number == number) & (Mail.lease_owner == owner)
    Mail.update(lease_until=moment + dt.timedelta(seconds=lease)).where(mine).execute()


def record(mail: Mail, owner: str, addresses: list[str], outcome: Delivery, moment: dt.datetime) -> str:
    """Store what came of an attempt for those of `addresses` that were open; return the mail's state."""
    delivered = [*mail.delivered, *(each for each in outcome.taken if each not in mail.delivered)]
    refused = mail.refused | outcome.refused
    left = [each for each in addresses if each not in delivered and each not in refused]
    error = words_of(refused | outcome.later)
    state = "waiting" if left else "failed" if refused else "sent"
    changes = {"delivered": delivered, "refused": refused, "error": error, "state": state}
    if state == "sent":
        changes["sent_at"] = moment
    return _settle(mail, owner, moment, **changes)


def words_of(refused: Refused) -> str:
    return "; ".join(f"{address}: {words}" for address, words in refused.items())


def postpone(mail: Mail, owner: str, words: str, moment: dt.datetime) -> str:
    """An attempt that reached nobody: try again later; return the mail's state."""
    return _settle(mail, owner, moment, state="waiting", error=words)


def drop(mail: Mail, owner: str, moment: dt.datetime) -> str:
    """There is nobody (any more) to be told."""
    return _settle(mail, owner, moment, state="dropped")


def _settle(mail: Mail, owner: str, moment: dt.datetime, **changes: object) -> str:
    if changes["state"] == "waiting":
        due = moment + dt.timedelta(seconds=pause(mail.attempts))
        changes["due_at"] = due
        begun: dt.datetime = mail.retries_from
        if due - begun > PATIENCE:
            changes["state"] = "failed"
    mine = (Mail.number == mail.number) & (Mail.lease_owner == owner)
    Mail.update(lease_owner=None, lease_until=None, **changes).where(mine).execute()
    return str(changes["state"])


def pause(attempts: int) -> int:
    """Seconds to wait after so many attempts."""
    return PAUSES[min(attempts, len(PAUSES)) - 1]


def retry(number: int, moment: dt.datetime) -> bool:
    """Try a waiting or failed mail again at once and for three days more. False: there is none of that number."""
    changes = {"state": "waiting", "refused": {}, "error": "", "due_at": moment, "retries_from": moment}
    open_ = (Mail.number == number) & Mail.state.in_(("waiting", "failed"))
    return bool(Mail.update(**changes).where(open_).execute())
