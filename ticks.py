"""Ticks of schedules: when the next run is, and who of several nodes takes one. Imports and exports both go by it."""

from __future__ import annotations

import datetime as dt

from peewee import Expression

import schedules
from models import AHEAD, Account, ScheduleState


def plan_one(account: Account, entity: str, schedule: str, moment: dt.datetime) -> ScheduleState | None:
    """The state of one (account, entity), made anew when it does not hold any more, put right when a clock was wrong;
    None where no times are named."""
    held = ScheduleState.of(account, entity, schedule)
    if held is not None:
        _put_right(held, moment)
        return held
    ScheduleState.delete().where((ScheduleState.account == account) & (ScheduleState.entity == entity)).execute()
    first = schedules.next_run(schedule, account.time_zone, moment)
    if first is None:
        return None
    made: ScheduleState = ScheduleState.create(
        account=account, entity=entity, schedule=schedule, time_zone=account.time_zone, last_run=moment, next_run=first
    )
    return made


def upcoming(state: ScheduleState, moment: dt.datetime) -> dt.datetime:
    """The next run, whatever a clock that was wrong has made of it. In a row that needs no mending: that of the row."""
    held, last = state.next_run, state.last_run
    if last is not None and held <= last <= moment:
        # Put back by a clock that was itself behind. That run is over, and the one after `last` is to come.
        return _after(state, last)
    # Of what was reckoned by the clock of another node, which may be a little ahead, nothing is taken back: it would be
    # run once more.
    if (last is None or last > moment + AHEAD) and held > _after(state, moment + AHEAD):
        return _after(state, moment)
    return held


def is_doubtful(moment: dt.datetime) -> Expression:
    """The condition that a row may need mending, because a clock was ahead; also that there is no row (of a join)."""
    ahead = (ScheduleState.last_run > moment + AHEAD) & (ScheduleState.next_run > ScheduleState.last_run)
    return ScheduleState.last_run.is_null() | ahead


def _put_right(state: ScheduleState, moment: dt.datetime) -> None:
    """`last_run` stays what it is, though it lie in the future: a clock that is behind must not undo what was right."""
    right = {"next_run": upcoming(state, moment), "last_run": state.last_run or moment}
    if right != {name: getattr(state, name) for name in right}:
        mine = (ScheduleState.id == state.id) & (ScheduleState.next_run == state.next_run)
        ScheduleState.update(**right).where(mine).execute()
        for name, value in right.items():
            setattr(state, name, value)


def _after(state: ScheduleState, moment: dt.datetime) -> dt.datetime:
    following = schedules.next_run(state.schedule, state.time_zone, moment)
    assert following is not None  # who names no times has no row
    return following.astimezone(dt.UTC)


def claim_tick(state: ScheduleState, moment: dt.datetime) -> bool:
    """Take the run that is due, however many were missed. False: it is not due, or another node has it.

    Called in the transaction that does what the run is for, so that both are done or neither.
    """
    if state.next_run > moment:
        return False
    following = _after(state, moment)
    mine = (ScheduleState.id == state.id) & (ScheduleState.next_run == state.next_run)
    return bool(ScheduleState.update(last_run=moment, next_run=following).where(mine).execute())
