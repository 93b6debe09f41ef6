"""Tells the admin of exports that lie in their partners' folders for long and that nobody has fetched."""

from __future__ import annotations

import datetime as dt
from typing import Any

from peewee import fn

from models import Account, Export, Mail
from models.target import Delivery
from settings import Settings

LISTED = 50
"""Accounts that the mail names, those with the oldest first."""


def tell(settings: Settings, moment: dt.datetime) -> None:
    """Queue the alert, once a day, if there is something to be told and somebody to be told."""
    hours = settings.alert_not_collected_hours
    key = f"uncollected-{moment:%Y-%m-%d}"
    if not hours or not settings.admin_email or Mail.select().where(Mail.key == key).exists():
        return
    found = _by_account(moment - dt.timedelta(hours=hours))
    if not found:
        return
    lines = [f"{name}: {count}, the oldest {path}, there since {since.isoformat(timespec='minutes')}"
             for name, count, since, path in found[:LISTED]]  # fmt: skip
    if len(found) > LISTED:
        lines.append(f"... and {len(found) - LISTED} more accounts")
    Mail.alert(key, what="exports", count=sum(count for _, count, _, _ in found), hours=hours, listed=lines)


def _by_account(before: dt.datetime) -> list[tuple[str, int, dt.datetime, str]]:
    """Account, number of exports, and since when the oldest lies there at which path; the oldest first."""
    pushed = Delivery.select(Delivery.export).where(
        (Delivery.export == Export.number) & (Delivery.revision == Export.revision) & (Delivery.state == "delivered")
    )
    waiting = (Export.state == "ready") & (Export.ready_at < before) & ~fn.EXISTS(pushed)
    query = Export.select(Export.account, fn.COUNT(Export.number)).where(waiting)
    counts = dict(query.group_by(Export.account).tuples())
    oldest = [row for account in counts if (row := _oldest(account, waiting)) is not None]
    found = [(row.account.name, counts[row.account_id], row.ready_at, row.path) for row in oldest]
    return sorted(found, key=lambda each: each[2])


def _oldest(account: int, waiting: Any) -> Any:
    query = Export.select(Export, Account).join(Account).where(waiting & (Export.account == account))
    return query.order_by(Export.ready_at, Export.number).first()
