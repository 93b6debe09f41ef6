"""Ticks of schedules: when the next run is, and who of several nodes takes one. Imports and exports both go by it."""

from __future__ import annotations

import datetime as dt

import schedules
from models import Account, ScheduleState


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

    Called in the transaction that does what the run is for, so that both are done or neither.
    """
    if state.next_run > moment:
        return False
    upcoming = schedules.next_run(state.schedule, state.time_zone, moment)
    mine = (ScheduleState.id == state.id) & (ScheduleState.next_run == state.next_run)
    return bool(ScheduleState.update(last_run=moment, next_run=upcoming).where(mine).execute())
