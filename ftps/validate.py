"""SITE VALIDATE: a dry run over a copy of a file. Runs in pools; the worker does the work."""

from __future__ import annotations

import datetime as dt
import io
import logging
import os
import shutil
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ftps.find import Wanted, open_bytes
from ftps.replies import NO_SPACE, Refusal, lines
from ftps.shared import Shared
from imports.reports import REPORT, report_rows
from layout import number_staged, spool_folder, staged, sync_folder
from models import ImportRun, Upload, now, transaction
from spooling import spooling

log = logging.getLogger("ftpdock.ftps")

PATIENCE = 120.0
"""Seconds after which the client is told that the dry run goes on."""
KEPT = dt.timedelta(hours=1)
"""How long a dry run is kept that nobody has heard the end of."""
UNFINISHED = "450 A dry run of this account is not finished yet. Try again later."
SHOWN = 10
"""Messages of the report that are told."""
COUNTED = 1_000
"""Of the others, how many are counted: a report may have millions, and other sessions wait for the same threads."""
ORIGINS = ("validate", "command")
"""Of uploads that may be dry runs; those of the second are not always."""


@dataclass(frozen=True, slots=True)
class Validation:
    """A dry run that was asked for."""

    number: int
    name: str
    until: float
    """On the monotonic clock."""


def begin(shared: Shared, wanted: Wanted, entity: str) -> Validation:
    """Copy the file and queue the dry run. Raises Refusal."""
    name, identity = wanted.place.name, wanted.identity
    _refuse_second(identity.account_id)
    with open_bytes(shared, wanted) as source, staged(shared.settings) as folder:
        if os.fstat(source.fileno()).st_size > shared.partials.free():
            raise Refusal(NO_SPACE)
        found = _copy(source, folder, name)
        with spooling(shared.settings, identity.account_id, lambda: found) as numbers:
            shared.rights.confirm(identity, entity)
            # Another session may have copied as well.
            _refuse_second(identity.account_id)
            upload = Upload.create(account=identity.account_id, entity=entity, name=name, size=found.st_size,
                                   login=identity.login, origin="validate", state="picked")  # fmt: skip
            numbers.append(upload.id)
            number_staged(folder, shared.settings, upload.id)
            ImportRun.begin(upload, dry_run=True)
    shared.ring()
    return Validation(upload.id, name, time.monotonic() + PATIENCE)


def _refuse_second(account: int) -> None:
    """Each takes the room of a file, and the worker's time. Raises Refusal while one of the account is not finished."""
    mine = (ImportRun.account == account) & ImportRun.dry_run & ImportRun.status.in_(("waiting", "running"))
    query = ImportRun.select().join(Upload, on=(Upload.id == ImportRun.number))
    if query.where(mine, Upload.origin == "validate").exists():
        raise Refusal(UNFINISHED)


def _copy(source: io.BufferedReader, folder: Path, name: str) -> os.stat_result:
    """What the copy is."""
    with (folder / name).open("wb") as target:
        shutil.copyfileobj(source, target, 1024 * 1024)
        target.flush()
        found = os.fstat(target.fileno())
    sync_folder(folder)
    return found


def look(shared: Shared, validation: Validation) -> str | None:
    """The reply once the dry run has ended or patience has; None as long as neither."""
    run = ImportRun.get_or_none(ImportRun.number == validation.number)
    if run is None:
        return "451 The dry run was removed."
    if run.status in ("waiting", "running"):
        if time.monotonic() < validation.until:
            return None
        return f"250 The dry run takes longer and goes on; ask SITE STATUS {validation.number}."
    reply = lines(250, f"Dry run of {validation.name}: nothing was changed.", _outcome(shared, run), "End.")
    remove(shared, validation.number)
    return reply


def remove(shared: Shared, number: int) -> None:
    """Remove the copy and the rows. The folder goes first: the number may be given to the next upload."""
    shutil.rmtree(spool_folder(shared.settings, number), ignore_errors=True)
    with transaction():
        dry = ImportRun.delete().where(ImportRun.number == number, ImportRun.dry_run).execute()
        Upload.delete().where(Upload.id == number, Upload.origin.in_(ORIGINS if dry else ORIGINS[:1])).execute()


def sweep(shared: Shared) -> None:
    """Remove the dry runs whose client has gone, or whose command was interrupted, an hour after they ended."""
    ended = ImportRun.finished_at < now() - KEPT
    query = ImportRun.select(ImportRun.number).join(Upload, on=(Upload.id == ImportRun.number))
    for run in query.where(ended, ImportRun.dry_run, Upload.origin.in_(ORIGINS)):
        remove(shared, run.number)


def _outcome(shared: Shared, run: ImportRun) -> list[str]:
    counted = ("rows", "created", "updated", "unchanged", "rejected", "warnings")
    counts = ", ".join(f"{name} {getattr(run, name)}" for name in counted)
    first = f"{run.status}: {counts}" + (f", code {run.code}" if run.code else "")
    return [first, *_messages(spool_folder(shared.settings, run.number) / REPORT)]


def _messages(report: Path) -> list[str]:
    """The first rows of report.csv, and how many more there are."""
    if not report.exists():
        return []
    rows = report_rows(report)
    shown = [f"line {row['line']}, {row['column'] or 'row'}: {row['code']}: {row['message']}"
             for row in islice(rows, SHOWN)]  # fmt: skip
    more = sum(1 for _ in islice(rows, COUNTED + 1))
    told = f"more than {COUNTED:,}" if more > COUNTED else more
    return [*shown, f"... and {told} more"] if more else shown
