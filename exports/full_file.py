"""Writes a full export: all records of an entity of an account, in the template's columns, as one file of the tree."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import layout
from exports.folders import make_parent
from exports.swap import STAGING
from exports.tree import digest_of_file
from handlers.base import Handler
from handlers.records import Records
from models import Account, Export, ExportFile, Outbox, is_postgres, now, snapshot, transaction
from schedules import date_in
from schemas.filenames import example
from settings import Settings

log = logging.getLogger("ftpdock.exports")

NOT_LOCKED = ".new"
"""The ending of a file that is just being made."""
LOCKED_WITHIN = 60.0
"""Seconds after which a file that still has that ending is a killed writer's."""

Progress = Callable[[int, int], None]
"""Called with the rows done and the rows in all."""


@dataclass(frozen=True, slots=True)
class Written:
    """A full export that lies in the export tree."""

    path: str
    """Below the export root: Products/PRODUCT_23_11_2026.csv."""
    file: Path
    rows: int
    revision: int


def write_full(
    settings: Settings, handler: Handler, account: Account, progress: Progress = lambda done, rows: None
) -> Written:
    """Write all records and put the file in place; what waits in the outbox for just this is done with it.

    May be killed anywhere and called again, also by several at once: the file is renamed into place whole, and the
    outbox forgets last. The row in `export` comes before the file, so that the mirror, which is quick, takes it
    neither for another program's nor for the revision before.
    """
    asked = _asked(account, handler.entity)
    path = path_of(account, handler.entity, handler.schema.folder, now())
    target = layout.export_source(settings, account.name) / path
    with _staged(settings) as (file, aside):
        rows = _fill(file, handler, account, progress)
        revision = _record(account, handler.entity, path, digest_of_file(aside), min(asked.values(), default=now()))
        make_parent(target, settings.exports)
        aside.replace(target)
    layout.sync_folder(target.parent)
    Outbox.delete().where(Outbox.number.in_(list(asked))).execute()
    if not Account.select().where(Account.id == account.id).exists():
        # It was removed meanwhile, and must not leave a file to the next one of its name.
        target.unlink(missing_ok=True)
    return Written(path, target, rows, revision)


def path_of(account: Account, entity: str, folder: str, moment: dt.datetime) -> str:
    """Where the full export of that moment lies, below the export root: its date is that of the account's clock."""
    return f"{folder}/{example(entity, date_in(moment, account.time_zone))}"


def _asked(account: Account, entity: str) -> dict[int, dt.datetime]:
    """Number to time of what the outbox wants of this entity up to now: one file is the answer to all of it."""
    mine = (Outbox.account == account) & (Outbox.kind == "full") & (Outbox.entity == entity)
    return dict(Outbox.select(Outbox.number, Outbox.created_at).where(mine).tuples())


@contextlib.contextmanager
def _staged(settings: Settings) -> Iterator[tuple[TextIO, Path]]:
    """An empty file aside, for writing; its lock lasts as long as its writer lives. Removed if it is not moved."""
    folder = _staging(settings)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}.csv"
    # It gets its name when it is locked: before, `clear_staging` would take it for a killed writer's.
    unlocked = path.with_suffix(NOT_LOCKED)
    with unlocked.open("x+", encoding="utf-8", newline="") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        unlocked.rename(path)
        try:
            yield file, path
        finally:
            path.unlink(missing_ok=True)


def _staging(settings: Settings) -> Path:
    return settings.exports / STAGING / "full"


def clear_staging(settings: Settings) -> None:
    """Remove what killed writers left: files that nobody holds a lock on. What can't be removed stays, and is told."""
    for path in _staging(settings).glob("*.*"):
        try:
            if path.suffix == NOT_LOCKED and time.time() - path.stat().st_mtime < LOCKED_WITHIN:
                continue
            # For writing, too: over NFS a file that is open for reading alone can't be locked.
            with path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
        except (BlockingIOError, FileNotFoundError):
            continue
        except OSError as error:
            log.warning("%s may be left of a killed writer and can't be removed: %s", path, error)


def _fill(file: TextIO, handler: Handler, account: Account, progress: Progress) -> int:
    """Write all records as one picture of the database, and make them last. Returns the number of rows."""
    if account.export_bom:
        file.write("\ufeff")
    with snapshot():
        records = Records(handler, account)
        total = records.count()
        rows = records.write_csv(file, account.export_delimiter, lambda done: progress(done, total))
    file.flush()
    os.fsync(file.fileno())
    return rows


def _record(account: Account, entity: str, path: str, digest: str, created_at: dt.datetime) -> int:
    """Note that a file is about to lie at `path`; return its revision: each file of one day has a higher one."""
    with transaction():
        values = {"kind": "full", "entity": entity, "revision": 0}
        Export.insert(account=account, path=path, **values).on_conflict_ignore().execute()
        row = held(account, path)
        row.kind, row.entity, row.error = "full", entity, ""
        row.revision, row.state, row.digest, row.created_at = row.revision + 1, "waiting", digest, created_at
        row.ready_at = row.collected_at = row.collected_by = row.collected_from = None
        row.removed_at = row.removed_by = None
        row.save()
        # Another program may have put a file there before.
        ExportFile.update(export=row).where((ExportFile.account == account) & (ExportFile.path == path)).execute()
    return int(row.revision)


def held(account: Account, path: str) -> Any:
    """The export at `path`, locked until the transaction ends."""
    query = Export.select().where((Export.account == account) & (Export.path == path))
    return (query.for_update() if is_postgres() else query).get()
