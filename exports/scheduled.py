"""Full exports by the clock: when a run is due, what is to be exported is put into the outbox."""

from __future__ import annotations

import datetime as dt

from models import Account, EntitySettings, Outbox, ScheduleState, transaction
from models.schedule import EXPORT
from ticks import claim_tick, plan_one, upcoming


def tick(moment: dt.datetime) -> int:
    """Ask for what is due, once for each (account, entity) however many runs were missed. Returns how many were."""
    return sum(_ask(each, moment) for each in _due(moment))


def _due(moment: dt.datetime) -> list[EntitySettings]:
    """Those with a run that is due, or whose next run nobody has reckoned from what holds now."""
    planned = {
        (state.account_id, state.entity): state
        for state in ScheduleState.select().where(~ScheduleState.is_of_imports())
    }
    query = EntitySettings.select(EntitySettings, Account).join(Account)
    scheduled = query.where(EntitySettings.export_schedule.is_null(False))
    # An entity may have been taken from the account since.
    own = [each for each in scheduled if each.account.entities is None or each.entity in each.account.entities]
    return [each for each in own if _is_due(each, planned.get((each.account_id, EXPORT + each.entity)), moment)]


def _is_due(each: EntitySettings, state: ScheduleState | None, moment: dt.datetime) -> bool:
    if state is None or (state.schedule, state.time_zone) != (each.export_schedule, each.account.time_zone):
        return True
    right = upcoming(state, moment)
    return right <= moment or right != state.next_run


def _ask(each: EntitySettings, moment: dt.datetime) -> bool:
    with transaction():
        state = plan_one(each.account, EXPORT + each.entity, each.export_schedule, moment)
        if state is None or not claim_tick(state, moment):
            return False
        Outbox.create(account=each.account, kind="full", entity=each.entity, created_at=moment)
        return True
