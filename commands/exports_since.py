"""What `exports replay` asks before it puts many exports back: since when, how many, and who gets them again."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import click

from account_checks import zone_of
from errors import FtpdockError
from schedules import date_in

if TYPE_CHECKING:
    from exports.replay import Extent
    from models import Account

WORDS = {"order": "order", "customer": "customer", "full": "full export"}


def since_of(moment: dt.datetime, account: Account) -> dt.datetime:
    """The moment in UTC; a naive one is on the account's clock. Raises FtpdockError without such a clock: exports of
    some hours more or less would be put back."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_zone(account))
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        raise click.UsageError(f"--since {moment:%Y-%m-%d} is a time that no clock shows: give a day in this era, such "
                               "as 2026-11-20.") from None  # fmt: skip


def _zone(account: Account) -> dt.tzinfo:
    try:
        return zone_of(account.name, account.time_zone)
    except FtpdockError as error:
        raise FtpdockError(f"{error}. Or give --since with an offset, such as 2026-11-20T08:00+01:00, or as an age, "
                           "such as 24h") from error  # fmt: skip


def told(found: Extent) -> str:
    """412 exports of acme of 2026-11-20 to 2026-11-23 (400 orders, 12 customers)"""
    kinds = ", ".join(_count(count, WORDS.get(kind, kind)) for kind, count in found.kinds.items())
    first, last = (date_in(each, found.account.time_zone).isoformat() for each in (found.oldest, found.newest))
    days = first if first == last else f"{first} to {last}"
    return f"{_count(sum(found.kinds.values()), 'export')} of {found.account.name} of {days} ({kinds})"


def fate(found: Extent) -> str:
    """each as a new revision, which goes to 2 targets again; of one export without "each\""""
    again = f", which goes to {_count(found.targets, 'target')} again" if found.targets else ""
    return f"{'' if sum(found.kinds.values()) == 1 else 'each '}as a new revision{again}"


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}" + ("" if count == 1 else "s")
