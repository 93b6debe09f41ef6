"""From upload to import: what waits is picked up, and what a kill left between the folders and the tables is mended."""

from __future__ import annotations

import datetime as dt
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Collection
from pathlib import Path

from peewee import JOIN

import jobs.schedules as ticks
import layout
from jobs.leases import reservation
from models import (
    Account,
    EntitySettings,
    ImportRun,
    ScheduleState,
    Upload,
    is_of_one_account,
    now,
    refuse_removed,
    writing,
)
from schedules import IMMEDIATE, OFF
from settings import Settings
from spooling import spooling
from ticks import claim_tick, is_doubtful, plan_one

log = logging.getLogger("ftpdock.jobs")

ABANDONED = 3_600
"""Seconds after which a spool folder that no table knows is put aside: a receipt in the making is younger."""

LOCKED = 1
"""Seconds for which a worker waits for an account, while all the others wait for the worker."""
SAY_AGAIN = 60.0
"""Seconds between two log lines about one account."""
_complained: dict[int, float] = {}
"""When each account was last complained of."""
_told: set[Path] = set()
"""What lies in the spool and can't be looked at, or put aside. It was told of."""
LARGEST = 2**63 - 1
"""The highest number that a table can give."""

Identity = tuple[int, int]
"""Device and inode of a file."""


def pick_up(settings: Settings, folders: dict[str, str]) -> list[int]:
    """Make an import of every upload whose time has come; return their numbers.

    That is what waits without a schedule (mostly nothing: there the receipt itself queues the import), and everything
    that waits for an (account, entity) whose tick is due. `folders` maps entity to folder name. The bytes lie in the
    spool from their receipt on; the entity folder only shows them until now.
    """
    moment = now()
    taken: list[int] = []
    for each in sorted(ticks.due_accounts(moment) | _accounts_waiting_unplanned(moment)):
        try:
            taken += _take(settings, folders, each, lambda account: _due(account, moment), patience=LOCKED)
        except Exception as error:
            if not is_of_one_account(error):
                raise
            _complain(each)
    return taken


def _complain(account: int) -> None:
    """Log the error at hand, once in a while: it comes back each second."""
    if time.monotonic() - _complained.get(account, -SAY_AGAIN) >= SAY_AGAIN:
        _complained[account] = time.monotonic()
        name = Account.select(Account.name).where(Account.id == account).scalar()
        log.warning("what waits of account %s can't be picked up; it is tried again", name, exc_info=True)


def pick_up_now(
    settings: Settings, folders: dict[str, str], account: Account, entities: Collection[str] | None = None
) -> list[int]:
    """Make an import of everything of the account that waits, whatever the schedule; return the numbers."""
    return _take(settings, folders, account.id, lambda account: waiting_entities(account, entities))


def waiting_entities(account: Account, among: Collection[str] | None = None) -> set[str]:
    """Entities of which files wait; of those in `among`, if given."""
    query = Upload.select(Upload.entity).where((Upload.account == account) & (Upload.state == "waiting")).distinct()
    return {row.entity for row in query if among is None or row.entity in among}


def _accounts_waiting_unplanned(moment: dt.datetime) -> set[int]:
    """Accounts with files that wait although no schedule holds them back, or whose next run nobody has reckoned yet, or
    only a clock that was ahead."""
    mine = (ScheduleState.account == Upload.account) & (ScheduleState.entity == Upload.entity)
    query = Upload.select(Upload.account, Upload.entity).where(Upload.state == "waiting")
    pairs = query.join(ScheduleState, JOIN.LEFT_OUTER, on=mine).where(is_doubtful(moment)).distinct()
    return {row.account_id for row in pairs if EntitySettings.of(row.account_id, row.entity).schedule != OFF}


def _due(account: Account, moment: dt.datetime) -> set[str]:
    """The entities of which everything is to be picked up now; their ticks are taken."""
    waiting = waiting_entities(account)
    exceptions = ticks.exceptions(account)
    mine = (ScheduleState.account == account) & ScheduleState.is_of_imports()
    planned = {state.entity for state in ScheduleState.select().where(mine)}
    due = set()
    for entity in waiting | planned:
        schedule = exceptions.get(entity, account.schedule)
        state = plan_one(account, entity, schedule, moment)
        if (schedule == IMMEDIATE) or (state is not None and claim_tick(state, moment)):
            due.add(entity)
    return due & waiting


def _take(
    settings: Settings,
    folders: dict[str, str],
    account_id: int,
    choose: Callable[[Account], set[str]],
    *,
    patience: int = 0,
) -> list[int]:
    """Pick up what waits of the entities that `choose` names, in order of arrival, as one pick-up.

    With `patience` it gives up when others keep the account for so many seconds. Raises OperationalError.
    """
    with writing(account_id, patience):
        account = Account.get_or_none(Account.id == account_id)
        if account is None:
            return []
        mine = (Upload.account == account) & (Upload.state == "waiting") & Upload.entity.in_(choose(account))
        uploads = list(Upload.select().where(mine).order_by(Upload.id))
        Upload.update(state="picked").where(mine).execute()
        pickup = str(uuid.uuid4())
        shown = [_shown(settings, account, upload, folders.get(upload.entity, "")) for upload in uploads]
        for upload in uploads:
            ImportRun.begin(upload, pickup=pickup)
    for path, identity in shown:
        _hide(path, identity)
    return [upload.id for upload in uploads]


def _shown(settings: Settings, account: Account, upload: Upload, folder: str) -> tuple[Path, Identity | None]:
    """Where the entity folder shows an upload, and which file that is: its import may move the spooled one away."""
    spooled = layout.spool_folder(settings, upload.id) / upload.name
    return layout.account_root(settings, account.name) / folder / upload.name, _identity(spooled)


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _hide(path: Path, identity: Identity | None) -> None:
    """Remove an upload from its entity folder, unless a newer file of that name stands there by now."""
    try:
        if identity is not None and _identity(path) == identity:
            path.unlink(missing_ok=True)
    except OSError:
        # It is picked up all the same, and so are the others, which are to be hidden as well.
        log.warning("%s is picked up, but still shown", path, exc_info=True)


def queue_file(
    settings: Settings,
    account: Account,
    entity: str,
    source: Path,
    name: str,
    *,
    origin: str,
    owner: str = "",
    **more: object,
) -> ImportRun:
    """Make an import of a local file: it is copied into the spool, synced, and recorded. `more` are the run's.

    It is reserved for `owner`, if one is given. Raises NotFoundError if the account was removed meanwhile.
    """
    with layout.staged(settings) as folder:
        shutil.copyfile(source, folder / name)
        with (folder / name).open("rb") as handle:
            os.fsync(handle.fileno())
            found = os.fstat(handle.fileno())
        with spooling(settings, account.id, lambda: found) as numbers:
            refuse_removed(account)
            made = Upload.create(account=account, entity=entity, name=name, size=found.st_size, state="picked",
                                 origin=origin, received_at=now())  # fmt: skip
            numbers.append(made.id)
            layout.number_staged(folder, settings, made.id)
            # The lease begins now: to copy a large file may take longer than it lasts.
            return ImportRun.begin(made, **(reservation(settings, owner) if owner else {}), **more)


def _touched(folder: Path) -> float:
    """When something was last written into it. Raises OSError."""
    inside = folder.iterdir() if folder.is_dir() else ()
    return max(each.stat().st_mtime for each in (folder, *inside))


def reconcile(settings: Settings) -> None:
    """Put aside what lies in the spool and no table knows; remove copies that a kill left half done.

    The bytes are of a receipt that was killed before its 226, or of one that the database has lost since: a standby
    took over, or a backup.
    """
    if not settings.spool.exists():
        return
    for folder in settings.spool.iterdir():
        try:
            _reconcile(settings, folder)
        except FileNotFoundError:
            # Another worker was quicker.
            continue
        except OSError as error:
            # Of another user, for one. It must not keep anybody's files waiting.
            if folder not in _told:
                _told.add(folder)
                log.warning("%s can't be put aside, and is left where it is: %s", folder, error)
        else:
            _told.discard(folder)


def _reconcile(settings: Settings, folder: Path) -> None:
    staged = folder.name.startswith(layout.STAGED)
    if not (staged or folder.name.isdecimal()) or _touched(folder) > time.time() - ABANDONED:
        return
    if staged:
        log.warning("removing %s: a copy that was never finished", folder)
        shutil.rmtree(folder, ignore_errors=True)
    elif not _is_known(int(folder.name)):
        layout.lose(settings, folder)


def _is_known(number: int) -> bool:
    """SQLite can't even be asked for larger numbers than it has."""
    return number <= LARGEST and bool(Upload.select().where(Upload.id == number).exists())
