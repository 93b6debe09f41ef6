"""Which import is next. The tables say what has to be done; nothing else is trusted to remember."""

from __future__ import annotations

import datetime as dt
from typing import Any

from peewee import Case, fn

from handlers.registry import Registry
from jobs.leases import reservation
from models import AHEAD, Account, ImportRun, database, is_past, is_postgres, now, transaction
from models.postgres import advisory
from settings import Settings

_LOCK = 0x66747071
"""Key of the advisory lock under which workers decide (the letters ftpq)."""

OPEN = ("waiting", "running")
LONGEST_REST = 60.0
"""Seconds for which an import rests at the most."""

Group = tuple[int, str]
"""An account's id and an entity: of their imports one runs at a time."""


def claim(settings: Settings, registry: Registry, owner: str, only: int | None = None) -> ImportRun | None:
    """Take the next import that may run (or `only` that one) for `owner`; None when there is none.

    One import of an (account, entity) at a time, in order of arrival; what depends on another entity's waiting files
    goes later. A running import whose lease has ended is taken over. Accounts take turns.
    """
    if not ImportRun.select().where(ImportRun.status.in_(OPEN)).exists():
        return None
    with transaction():
        if is_postgres():
            # Two workers that decide at the same time could both start an import of one entity. Not by the accounts'
            # locks: a receipt keeps its account's while it syncs folders, which other accounts must not wait for.
            database.execute_sql(advisory("pg_advisory_xact_lock", _LOCK))
        for number in _candidates(registry, owner, only):
            if run := _lock(number, owner):
                taken = {"status": "running", "attempts": run.attempts + 1, "started_at": run.started_at or now()}
                mine = ImportRun.number == number
                ImportRun.update(**taken, **reservation(settings, owner)).where(mine).execute()
                claimed: ImportRun = ImportRun.get_by_id(number)
                return claimed
    return None


def _lock(number: int, owner: str) -> ImportRun | None:
    """The run, locked. None: a worker that stands still in the midst of a transaction has it; others need not wait.

    Or it is over by now: on Postgres each question sees what was committed before it.
    """
    query = ImportRun.select().where((ImportRun.number == number) & ImportRun.status.in_(OPEN) & ~_held(owner))
    return (query.for_update("FOR UPDATE SKIP LOCKED") if is_postgres() else query).first()


def _candidates(registry: Registry, owner: str, only: int | None) -> list[int]:
    """Numbers of the imports that may run, the next one first."""
    ready = _ready(registry, owner) | _dry_runs(owner)
    if only is not None:
        return [only] if only in ready else []
    # A worker without the plugin leaves the plugin's entity to one that has it.
    return _in_turn(registry, {number: group for number, group in ready.items() if group[1] in registry.entities})


def _unfinished(dry_run: bool) -> Any:
    return ImportRun.status.in_(OPEN) & (ImportRun.dry_run == dry_run)


def _held(owner: str) -> Any:
    """Running imports are their worker's while its lease lasts; a waiting one may be reserved, or rest, in that way."""
    moment = now()
    lasts = ImportRun.lease_until.is_null(False) & (ImportRun.lease_until > moment)
    others = ImportRun.lease_owner.is_null() | (ImportRun.lease_owner != owner)
    # Of an owner's lease that is too long see jobs.leases.release_ahead.
    rested = ImportRun.lease_owner.is_null() & is_past(ImportRun.lease_until, moment, LONGEST_REST)
    return lasts & others & ~rested


def _ready(registry: Registry, owner: str) -> dict[int, Group]:
    """The first unfinished import of each group, where nobody has it and nothing must come before.

    One that is reserved holds up those behind it, and none that came earlier: who reserved it waits for these.
    """
    files = _unfinished(dry_run=False)
    group = (ImportRun.account, ImportRun.entity)
    query = ImportRun.select(*group, fn.MIN(ImportRun.number)).where(files).group_by(*group)
    first: dict[Group, int] = {(account, entity): number for account, entity, number in query.tuples()}
    # What is begun is ended first, even if a file of a smaller number has been picked up since: also what was put back
    # in the midst, as by a restart. Two files that take turns would leave values of both.
    in_the_midst = (ImportRun.status == "running") | (ImportRun.position > 0) | ImportRun.closing
    begun = ImportRun.select(*group, ImportRun.number).where(files & in_the_midst)
    running_last = Case(None, [(ImportRun.status == "running", 1)], 0)
    first.update({(account, entity): number for account, entity, number in begun.order_by(running_last).tuples()})
    held = {number for (number,) in ImportRun.select(ImportRun.number).where(files & _held(owner)).tuples()}
    return {number: group for group, number in first.items()
            if number not in held and not _must_wait(registry, group, first)}  # fmt: skip


def _dry_runs(owner: str) -> dict[int, Group]:
    """They change nothing: they wait for nothing, and nothing for them."""
    query = ImportRun.select(ImportRun.number, ImportRun.account, ImportRun.entity)
    free = query.where(_unfinished(dry_run=True) & ~_held(owner))
    return {number: (account, entity) for number, account, entity in free.tuples()}


def _must_wait(registry: Registry, group: Group, unfinished: dict[Group, int]) -> bool:
    """Whether a file of an entity that this one depends on is not finished."""
    account, entity = group
    before = registry.handler(entity).after if entity in registry.entities else ()
    return any((account, each) in unfinished for each in before)


def _in_turn(registry: Registry, ready: dict[int, Group]) -> list[int]:
    """The account first that was served longest ago; within it the order of entities, then that of arrival."""
    served = _served({account for account, _ in ready.values()})

    def turn(number: int) -> tuple[str, int, int]:
        account, entity = ready[number]
        return served.get(account, ""), registry.rank(entity), number

    return sorted(ready, key=turn)


def _served(accounts: set[int]) -> dict[int, str]:
    """When an import of each account was last begun, as text that sorts; those that never had one are left out."""
    if len(accounts) < 2:
        return {}
    # One that was begun by a clock that was ahead would else let everybody else go first for as long.
    mine = (ImportRun.account == Account.id) & (ImportRun.started_at < now() + AHEAD)
    last = ImportRun.select(fn.MAX(ImportRun.started_at)).where(mine)
    query = Account.select(Account.id, last).where(Account.id.in_(accounts))
    return {account: str(moment) for account, moment in query.tuples() if moment}


def give_back(run: ImportRun, owner: str, pause: float = 0.0, error: str = "") -> bool:
    """Put a claimed import back into the queue, where it rests for `pause` seconds; `error` says why.

    One that is decided keeps what the partner is to be told. False: it is the owner's no more.
    """
    mine = (ImportRun.number == run.number) & (ImportRun.lease_owner == owner)
    until = now() + dt.timedelta(seconds=pause) if pause else None
    told = Case(None, [(ImportRun.closing, ImportRun.error)], error)
    changes = {"status": "waiting", "lease_owner": None, "lease_until": until, "error": told}
    return bool(ImportRun.update(**changes).where(mine).execute())
