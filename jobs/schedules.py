"""The ticks: which runs are due, and who of several nodes runs one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import schedules
from models import Account, EntitySettings, ScheduleState


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


def plan_one(account: Account, entity: str, schedule: str, moment: dt.datetime) -> ScheduleState | None:
    """The state of one (account, entity), made anew when it does not hold any more; None where no times are named."""
    held = ScheduleState.of(account, entity, schedule)
    if held is not None:
        return held
    ScheduleState.delete().where((ScheduleState.account == account) & (ScheduleState.entity == entity)).execute()
    upcoming = schedules.next_run(schedule, account.time_zone, moment)
    if upcoming is None:
        return None
    made: ScheduleState = ScheduleState.create(account=account, entity=entity, schedule=schedule,
                                               time_zone=account.time_zone, next_run=upcoming)  # fmt: skip
    return made


def claim_tick(state: ScheduleState, moment: dt.datetime) -> bool:
    """Take the run that is due, however many were missed. False: it is not due, or another node has it.

    Called in the transaction that picks up, so that a tick is run with its pick-up or not at all.
    """
    if state.next_run > moment:
        return False
    upcoming = schedules.next_run(state.schedule, state.time_zone, moment)
    mine = (ScheduleState.id == state.id) & (ScheduleState.next_run == state.next_run)
    return bool(ScheduleState.update(last_run=moment, next_run=upcoming).where(mine).execute())


def due_accounts(moment: dt.datetime) -> set[int]:
    """Accounts with a run that is due."""
    query = ScheduleState.select(ScheduleState.account).where(ScheduleState.next_run <= moment).distinct()
    return {row.account_id for row in query}
