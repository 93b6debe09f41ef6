"""What is not yet in the partners' folders: for `exports list` and `status`."""

from __future__ import annotations

import datetime as dt
from typing import Any

from peewee import JOIN, fn

from models import Account, Export, Outbox, now


def undispatched(account: Account | None = None, kind: str | None = None) -> list[dict[str, Any]]:
    """What the outbox has and the ledger has not, in the order of arrival: account, kind, system_id, entity,
    created_at, error."""
    known = (Export.account == Outbox.account) & (Export.kind == Outbox.kind) & (Export.system_id == Outbox.system_id)
    query = (
        Outbox.select(
            Account.name.alias("account"), Outbox.kind, Outbox.system_id, Outbox.entity,
            fn.MIN(Outbox.created_at).alias("created_at"), fn.MAX(Outbox.error).alias("error"),
        )
        .join(Account)
        .switch(Outbox)
        .join(Export, JOIN.LEFT_OUTER, on=known)
        .where(Export.number.is_null())
        .group_by(Account.name, Outbox.kind, Outbox.system_id, Outbox.entity)
        .order_by(fn.MIN(Outbox.number))
    )  # fmt: skip
    if account is not None:
        query = query.where(Outbox.account == account)
    if kind is not None:
        query = query.where(Outbox.kind == kind)
    return list(query.dicts())


def errors() -> dict[tuple[int, str, str], str]:
    """Account, kind and System ID of what could not be exported and is tried again, with the error."""
    query = Outbox.select(Outbox.account, Outbox.kind, Outbox.system_id, Outbox.error).where(Outbox.attempts > 0)
    return {(account, kind, system_id): error for account, kind, system_id, error in query.tuples()}


def backlog(moment: dt.datetime | None = None) -> dict[str, int]:
    """waiting (not yet in the partner's folder), retrying (of these: tried in vain), failed (given up), ready (not
    collected), oldest_waiting_seconds (0 when none waits)."""
    counts = dict(Export.select(Export.state, fn.COUNT(Export.number)).group_by(Export.state).tuples())
    pending = Outbox.select(Outbox.account, Outbox.kind, Outbox.system_id, Outbox.entity).distinct()
    written = Export.state == "waiting"
    first = [Outbox.select(fn.MIN(Outbox.created_at)), Export.select(fn.MIN(Export.created_at)).where(written)]
    oldest = min((each for query in first if (each := query.scalar()) is not None), default=None)
    in_vain = pending.where(Outbox.attempts > 0).count() + Export.select().where(written & (Export.error != "")).count()
    age = (moment or now()) - oldest if oldest else dt.timedelta(0)
    return {
        "waiting": counts.get("waiting", 0) + pending.count(),
        "retrying": in_vain,
        "failed": counts.get("failed", 0),
        "ready": counts.get("ready", 0),
        "oldest_waiting_seconds": max(0, int(age / dt.timedelta(seconds=1))),
    }
