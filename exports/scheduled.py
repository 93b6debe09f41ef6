"""Full exports by the clock: when a run is due, what is to be exported is put into the outbox."""

from __future__ import annotations

import datetime as dt
import logging

from models import Account, EntitySettings, Outbox, ScheduleState, is_of_one_account, transaction
from models.schedule import EXPORT
from ticks import claim_tick, plan_one, upcoming

log = logging.getLogger("ftpdock.exports")

_complained: set[tuple[int, str]] = set()
"""Account and entity of what can't be asked for. It was told of."""


def tick(moment: dt.datetime) -> int:
    """Ask for what is due, once for each (account, entity) however many runs were missed. Returns how many were."""
    planned = {
        (state.account_id, state.entity): state
        for state in ScheduleState.select().where(~ScheduleState.is_of_imports())
    }
    query = EntitySettings.select(EntitySettings, Account).join(Account)
    scheduled = query.where(EntitySettings.export_schedule.is_null(False))
    # An entity may have been taken from the account since.
    own = [each for each in scheduled if each.account.entities is None or each.entity in each.account.entities]
    return sum(_guarded(each, planned.get((each.account_id, EXPORT + each.entity)), moment) for each in own)


def _guarded(each: EntitySettings, state: ScheduleState | None, moment: dt.datetime) -> bool:
    """Ask, if it is due. One that can't be reckoned, as in a time zone that is no more, keeps no other from it."""
    key = (each.account_id, each.entity)
    try:
        asked = _is_due(each, state, moment) and _ask(each, moment)
    except Exception as error:
        if not is_of_one_account(error):
            raise
        # Once, until it works again: it comes back each second.
        if key not in _complained:
            _complained.add(key)
            log.warning("the export of %s of account %s can't be asked for by its schedule; it is tried again",
                        each.entity, each.account.name, exc_info=True)  # fmt: skip
        return False
    _complained.discard(key)
    return asked


def _is_due(each: EntitySettings, state: ScheduleState | None, moment: dt.datetime) -> bool:
    """Whether a run is due, or nobody has reckoned the next one from what holds now."""
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
