"""When each scheduled (account, entity) is picked up next, and when it is exported."""

from __future__ import annotations

from peewee import AutoField, CharField, Expression, ForeignKeyField

from models.account import Account
from models.base import Base, UTCField

EXPORT = "export:"
"""Stands before the entity in the row of a schedule by which all of its records are exported."""


class ScheduleState(Base):
    """One row for each (account, entity) whose schedule names times; `immediate` and `off` have none.

    `schedule` and `time_zone` are those that `next_run` was reckoned from: a row that disagrees with the account is out
    of date. `next_run` in the past is a run that is due, or was missed while no worker ran. `last_run` is the moment it
    was reckoned from: that of the last run, or in which it was planned; later than `next_run` where a clock that was
    ahead is to be put up with (ticks.upcoming).
    """

    id = AutoField()
    account = ForeignKeyField(Account, backref="schedule_states", on_delete="CASCADE")
    entity = CharField(max_length=63)
    schedule = CharField(max_length=64)
    time_zone = CharField(max_length=64)
    last_run = UTCField(null=True)
    next_run = UTCField(index=True)

    class Meta:
        indexes = ((("account", "entity"), True),)

    @classmethod
    def is_of_imports(cls) -> Expression:
        """The condition that a row is about pick-ups."""
        return ~cls.entity.startswith(EXPORT)

    @classmethod
    def of(cls, account: Account, entity: str, schedule: str) -> ScheduleState | None:
        """The row that still holds for the account's `schedule` of `entity`."""
        row: ScheduleState | None = cls.get_or_none((cls.account == account) & (cls.entity == entity))
        return row if row and (row.schedule, row.time_zone) == (schedule, account.time_zone) else None
