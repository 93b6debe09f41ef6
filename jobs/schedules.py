"""When the uploads of an account are picked up: its schedules, and which accounts have a run that is due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from models import Account, EntitySettings, ScheduleState
from ticks import plan_one


def exceptions(account: Account) -> dict[str, str]:
    """Entity to schedule, where it is not `account.schedule`."""
    mine = (EntitySettings.account == account) & EntitySettings.schedule.is_null(False)
    return {row.entity: row.schedule for row in EntitySettings.select().where(mine)}


def plan(account: Account, entities: Iterable[str], moment: dt.datetime) -> None:
    """Bring the next runs in line with the account's schedules and time zone; what still holds is left, so that no
    missed run is forgotten. Called in the transaction that changed them."""
    set_apart = exceptions(account)
    for entity in entities:
        plan_one(account, entity, set_apart.get(entity, account.schedule), moment)


def due_accounts(moment: dt.datetime) -> set[int]:
    """Accounts with a run that is due."""
    due = (ScheduleState.next_run <= moment) & ScheduleState.is_of_imports()
    query = ScheduleState.select(ScheduleState.account).where(due).distinct()
    return {row.account_id for row in query}
