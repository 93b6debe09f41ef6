"""Targets: remote servers to which an account's exports are delivered too, and what became of each delivery."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from peewee import BooleanField, CharField, ForeignKeyField, IntegerField, JSONField, TextField, fn

from models.account import Account
from models.base import Base, NumberField, UTCField, now
from models.export import Export

AT_ONCE = 500
"""Exports that one statement names."""


class Target(Base):
    """A folder on somebody else's server. Its deliveries are one stream: the first that waits is made first."""

    number = NumberField()
    account = ForeignKeyField(Account, backref="targets", on_delete="CASCADE")
    name = CharField(max_length=63, default="")
    url = CharField(max_length=1000)
    """Without a user's name and without a password."""
    username = CharField(max_length=200, default="")
    secret = TextField(default="")
    """The password, or the passphrase of the key file, encrypted; empty: none, or `secret_env` has it."""
    secret_env = CharField(max_length=200, null=True)
    """The environment variable of the server that holds it."""
    options = JSONField(default=dict)
    """ca_file, key_file (paths), host_key (SHA256:...), mount_point (whether something has to be mounted)."""
    kinds = JSONField(null=True)
    """A list out of order, customer, full; NULL: all of them."""
    since = UTCField(null=True)
    """What became ready before is not delivered; NULL: everything is."""
    disabled = BooleanField(default=False)
    failures = IntegerField(default=0)
    """Attempts in a row that did not get as far as a file."""
    due_at = UTCField(null=True)
    """Not before then, after a failure; NULL: at once."""
    unreachable_since = UTCField(null=True)
    """Since when nothing can be delivered; NULL: the last attempt reached it."""
    error = TextField(default="")
    """Why not."""
    created_at = UTCField(default=now)


class Delivery(Base):
    """One revision of an export on its way to one target, in order of arrival.

    state: waiting | delivered | failed (given up; `error` says why) | skipped (a newer revision took its place).
    """

    number = NumberField()
    target = ForeignKeyField(Target, backref="deliveries", on_delete="CASCADE")
    export = ForeignKeyField(Export, backref="deliveries", on_delete="CASCADE")
    revision = IntegerField()
    state = CharField(max_length=9, default="waiting")
    attempts = IntegerField(default=0)
    refusals = IntegerField(default=0)
    """Attempts that the server answered with a refusal of this file."""
    error = TextField(default="")
    created_at = UTCField(default=now)
    delivered_at = UTCField(null=True)

    class Meta:
        indexes = (
            (("target", "export", "revision"), True),
            (("target", "state"), False),
        )


def deliveries_of(exports: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    """Number of an export to its deliveries, as `exports list --json` shows them; it has no key without any."""
    found: dict[int, list[dict[str, Any]]] = {}
    numbers = list(exports)
    for start in range(0, len(numbers), AT_ONCE):
        query = Delivery.select(Delivery, Target).join(Target)
        some = query.where(Delivery.export.in_(numbers[start : start + AT_ONCE])).order_by(Delivery.number)
        for each in some:
            found.setdefault(each.export_id, []).append(_object(each))
    return found


def _object(delivery: Delivery) -> dict[str, Any]:
    target = delivery.target
    waits = delivery.state == "waiting"
    return {
        "target": target.number,
        "name": target.name,
        "url": target.url,
        "revision": delivery.revision,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "delivered_at": delivery.delivered_at,
        "next_attempt": target.due_at if waits else None,
        "error": delivery.error or (target.error if waits else ""),
    }


def backlog(moment: dt.datetime | None = None) -> dict[str, int]:
    """`waiting` and `failed` deliveries, and the age of the `oldest_waiting_seconds` (0 when none waits)."""
    counts = dict(Delivery.select(Delivery.state, fn.COUNT(Delivery.number)).group_by(Delivery.state).tuples())
    first = Delivery.select().where(Delivery.state == "waiting").order_by(Delivery.number).first()
    age = 0 if first is None else max(0, int(((moment or now()) - first.created_at).total_seconds()))
    return {"waiting": counts.get("waiting", 0), "failed": counts.get("failed", 0), "oldest_waiting_seconds": age}


def counts(target: int) -> dict[str, int]:
    """State to the number of a target's deliveries in it."""
    mine = Delivery.select(Delivery.state, fn.COUNT(Delivery.number)).where(Delivery.target == target)
    return dict(mine.group_by(Delivery.state).tuples())
