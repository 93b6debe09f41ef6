"""Which import is next. The tables say what has to be done; nothing else is trusted to remember."""

from __future__ import annotations

from handlers.registry import Registry
from jobs.leases import reservation
from models import Account, ImportRun, is_postgres, now, transaction
from settings import Settings

OPEN = ("waiting", "running")


def claim(settings: Settings, registry: Registry, owner: str, only: int | None = None) -> ImportRun | None:
    """Take the next import that may run (or `only` that one) for `owner`; None when there is none.

    One import of an (account, entity) at a time, in order of arrival; what depends on another entity's waiting files
    goes later. A running import whose lease has ended is taken over.
    """
    if not ImportRun.select().where(ImportRun.status.in_(OPEN)).exists():
        return None
    with transaction():
        if is_postgres():
            # Two workers that decide at the same time could both start an import of one entity.
            Account.select(Account.id).order_by(Account.id).for_update("FOR NO KEY UPDATE").execute()
        run = _next(registry, owner, only)
        if run is None:
            return None
        taken = {"status": "running", "attempts": run.attempts + 1, "started_at": run.started_at or now()}
        ImportRun.update(**taken, **reservation(settings, owner)).where(ImportRun.number == run.number).execute()
        claimed: ImportRun = ImportRun.get_by_id(run.number)
        return claimed


def _next(registry: Registry, owner: str, only: int | None) -> ImportRun | None:
    query = ImportRun.select(ImportRun, Account).join(Account).where(ImportRun.status.in_(OPEN))
    unfinished = list(query.order_by(ImportRun.number))
    ready = [run for run in unfinished if _is_free(run, owner) and not _must_wait(run, unfinished, registry)]
    if only is not None:
        return next((run for run in ready if run.number == only), None)
    ready = [run for run in ready if _is_known(run, registry)]
    return min(ready, key=lambda run: (registry.rank(run.entity), run.number), default=None)


def _is_known(run: ImportRun, registry: Registry) -> bool:
    """A worker without the plugin leaves the plugin's entity to one that has it."""
    return run.entity in registry.entities


def _is_free(run: ImportRun, owner: str) -> bool:
    """Running imports are their worker's while its lease lasts; a waiting one may be reserved in the same way."""
    return run.lease_until is None or run.lease_until <= now() or run.lease_owner == owner


def _must_wait(run: ImportRun, unfinished: list[ImportRun], registry: Registry) -> bool:
    """Whether an earlier file of the entity, or a file of an entity that it depends on, is not finished."""
    if run.dry_run:
        return False
    before = set(registry.handler(run.entity).after) if run.entity in registry.entities else set()
    return any(
        other.account_id == run.account_id
        and not other.dry_run
        and ((other.entity == run.entity and other.number < run.number) or other.entity in before)
        for other in unfinished
        if other.number != run.number
    )


def give_back(run: ImportRun, owner: str) -> None:
    """Put a claimed import back into the queue."""
    mine = (ImportRun.number == run.number) & (ImportRun.lease_owner == owner)
    ImportRun.update(status="waiting", lease_owner=None, lease_until=None).where(mine).execute()
