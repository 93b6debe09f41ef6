"""What is not yet in the partners' folders: for `exports list` and `status`."""

from __future__ import annotations

import datetime as dt
from typing import Any

from peewee import JOIN, fn

from models import Account, Export, Outbox, now

_KEY = (Outbox.account, Outbox.kind, Outbox.system_id)
_OF_EXPORT = (Export.account == Outbox.account) & (Export.kind == Outbox.kind) & (Export.system_id == Outbox.system_id)
"""Joins what is to be exported (again) with what was; a full export, which has no System ID, is another each day."""
_QUEUED = fn.EXISTS(Outbox.select(Outbox.number).where(_OF_EXPORT))
WAITING = (Export.state == "waiting") | _QUEUED
"""The exports that are not in the partner's folder, or not in their newest revision."""


def undispatched(account: Account | None = None, kind: str | None = None) -> list[dict[str, Any]]:
    """What the outbox has and the ledger has not, in the order of arrival: account, kind, system_id, entity,
    created_at, error."""
    query = (
        Outbox.select(
            Account.name.alias("account"), Outbox.kind, Outbox.system_id, Outbox.entity,
            fn.MIN(Outbox.created_at).alias("created_at"), fn.MAX(Outbox.error).alias("error"),
        )
        .join(Account)
        .switch(Outbox)
        .join(Export, JOIN.LEFT_OUTER, on=_OF_EXPORT)
        .where(Export.number.is_null())
        .group_by(Account.name, Outbox.kind, Outbox.system_id, Outbox.entity)
        .order_by(fn.MIN(Outbox.number))
    )  # fmt: skip
    if account is not None:
        query = query.where(Outbox.account == account)
    if kind is not None:
        query = query.where(Outbox.kind == kind)
    return list(query.dicts())


def queued() -> dict[tuple[int, str, str], str]:
    """Account, kind and System ID of the orders and customers in the outbox, with why they failed so far."""
    query = Outbox.select(*_KEY, fn.MAX(Outbox.error)).where(Outbox.system_id.is_null(False)).group_by(*_KEY)
    return {(account, kind, system_id): error for account, kind, system_id, error in query.tuples()}


def backlog(moment: dt.datetime | None = None) -> dict[str, int]:
    """waiting (not yet in the partner's folder, or not in its newest revision), retrying (of these: tried in vain),
    failed (given up), ready (not collected), oldest_waiting_seconds (0 when none waits)."""
    # What is in the outbox as well is counted there.
    settled = Export.select(Export.state, fn.COUNT(Export.number)).where(~_QUEUED).group_by(Export.state)
    counts = dict(settled.tuples())
    pending = Outbox.select(Outbox.account, Outbox.kind, Outbox.system_id, Outbox.entity).distinct()
    written = Export.state == "waiting"
    first = [Outbox.select(fn.MIN(Outbox.created_at)), Export.select(fn.MIN(Export.created_at)).where(written)]
    oldest = min((each for query in first if (each := query.scalar()) is not None), default=None)
    unplaced = Export.select().where(written & (Export.error != "") & ~_QUEUED)
    in_vain = pending.where(Outbox.attempts > 0).count() + unplaced.count()
    age = (moment or now()) - oldest if oldest else dt.timedelta(0)
    return {
        "waiting": counts.get("waiting", 0) + pending.count(),
        "retrying": in_vain,
        "failed": counts.get("failed", 0),
        "ready": counts.get("ready", 0),
        "oldest_waiting_seconds": max(0, int(age / dt.timedelta(seconds=1))),
    }
