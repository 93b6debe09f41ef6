"""When a waiting upload is picked up, as replies tell it. Runs in the pool."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import schedules
from models import Account, EntitySettings, ScheduleState, Upload, now
from ticks import upcoming


def next_pickup(account: Account, entity: str) -> dt.datetime | None:
    """The next pick-up in the account's zone; None for those that wait for nothing or for nobody knows what, as where
    this machine knows no such zone: the schedule stands still then.

    It is read from the table where it stands there: an upload that is recorded before its tick is run belongs to it.
    """
    schedule = EntitySettings.of(account.id, entity).schedule
    state = ScheduleState.of(account, entity, schedule)
    try:
        zone = zoneinfo.ZoneInfo(account.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None
    if state is None:
        return schedules.next_run(schedule, account.time_zone, now())
    return upcoming(state, now()).astimezone(zone)


def pickup_told(number: int) -> str:
    """The part of a reply behind an import's number: ` for 2026-11-24 02:00 CET`, or nothing when it is at once."""
    upload = Upload.select(Upload, Account).join(Account).where(Upload.id == number, Upload.state == "waiting").first()
    moment = next_pickup(upload.account, upload.entity) if upload else None
    if moment is None or moment <= now():
        return ""
    return f" for {schedules.told(moment, upload.account.time_zone)}"
