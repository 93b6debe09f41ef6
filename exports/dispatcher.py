"""From the outbox to the export tree: reads what was committed, writes its folder, records it, tells the mirror.

A turn takes up to 100 orders and customers through these steps, each done for all of them before the next:

1. read the outbox, then the records and the ledger as of one moment;
2. stage a folder for each that differs from what lies in the tree, and make it last (fsync);
3. rename or exchange the folders into the tree, and make that last;
4. in one transaction: write the ledger (waiting, with the next revision) and delete the outbox rows that were read;
5. tell the mirror.

A kill before 4 leaves the outbox as it was. The next turn then finds in the tree what it would write, keeps it with
its times, and goes on with 4: no version of a file appears twice, so that what a partner has deleted stays away.
What the ledger says is thus never newer than the tree. It may be older for a moment: then it is still to be told.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence

import peewee

from exports import pending as outbox
from exports.folders import Staging, make_parent
from exports.job import Job, plan
from exports.pending import Pending
from exports.wake import Wake
from layout import sync_folder
from models import Account, Export, ExportFile, database, transaction
from settings import Settings

log = logging.getLogger("ftpdock.exports")

MOST = 100
"""Orders and customers of one turn."""
LOOK, SLICE = 2.0, 0.25
"""Seconds between two looks at the outbox that nobody asked for, and until a stop is noticed."""

Tell = Callable[[str, str], None]
"""Told the account's name and a path below its export root once something new lies there in the export tree."""


class Dispatcher:
    """The part of the exporter that empties the outbox of orders and customers."""

    name = "dispatcher"

    def __init__(self, settings: Settings, tell: Tell) -> None:
        self._settings, self._tell = settings, tell
        self._staging = Staging(settings)

    def run(self, stopping: threading.Event) -> None:
        self._staging.clear()
        with Wake(self._settings) as wake:
            waited = 0.0
            while not stopping.is_set():
                waited += SLICE
                if wake.wait(SLICE) or waited >= LOOK:
                    waited = 0.0
                    self.dispatch(stopping)

    def dispatch(self, stopping: threading.Event | None = None) -> None:
        """Export all that is due. Raises peewee's errors when the database is away."""
        database.connect(reuse_if_open=True)
        while not (stopping and stopping.is_set()) and (pending := outbox.take(MOST)):
            self._export(pending)

    def _export(self, pending: Sequence[Pending]) -> None:
        try:
            self._turn(pending)
        except Exception as error:
            if not _reachable():
                raise
            if len(pending) == 1:
                self._postpone(pending[0], error)
                return
            # One of them is to blame: the others must not wait for it.
            for each in pending:
                self._export([each])

    def _turn(self, pending: Sequence[Pending]) -> None:
        jobs = plan(self._settings, pending)
        planned = {job.pending for job in jobs}
        outbox.done(each for each in pending if each not in planned)
        jobs = self._each(jobs, self._stage)
        jobs = self._each(jobs, self._put)
        for parent in {job.target.parent for job in jobs if job.write}:
            sync_folder(parent)
        _commit(jobs)
        for job in jobs:
            if job.record:
                self._tell(job.account, job.path)

    def _each(self, jobs: Iterable[Job], step: Callable[[Job], None]) -> list[Job]:
        """Those for which the step succeeded; the others are tried again later."""
        able = []
        for job in jobs:
            try:
                step(job)
            except OSError as error:
                self._postpone(job.pending, error)
            else:
                able.append(job)
        return able

    def _stage(self, job: Job) -> None:
        if job.write:
            job.staged = self._staging.stage(job.target.name, job.files, job.later_than)

    def _put(self, job: Job) -> None:
        if job.staged is not None:
            make_parent(job.target, self._settings.exports)
            self._staging.put(job.staged, job.target)

    def _postpone(self, each: Pending, error: Exception) -> None:
        pause = outbox.postpone(each, f"{type(error).__name__}: {error}")
        log.warning("%s %s could not be exported, trying again in %.0f s", each.kind, each.system_id, pause,
                    exc_info=not isinstance(error, OSError))  # fmt: skip


def _reachable() -> bool:
    """Whether the database answers, so that an error is about what was done there."""
    try:
        database.execute_sql("SELECT 1")
    except peewee.PeeweeException:
        return False
    return True


def _commit(jobs: Sequence[Job]) -> None:
    try:
        with transaction():
            whole = outbox.done(job.pending for job in jobs)
            for job in jobs:
                _record(job)
            if not whole:
                outbox.look_again([job.pending for job in jobs if job.record])
    except peewee.IntegrityError:
        _forget_removed_accounts(jobs)
        raise


def _record(job: Job) -> None:
    if job.refusal:
        _write(job, state="failed", error=job.refusal, revision=job.former.revision if job.former else 0)
        log.error("%s %s can't be exported: %s", job.pending.kind, job.pending.system_id, job.refusal)
    elif job.record:
        created = job.former.created_at if job.former and job.replay_ns is not None else job.pending.created_at
        _write(job, state="waiting", error="", revision=job.revision, digest=job.digest, created_at=created,
               ready_at=None, collected_at=None, collected_by=None, collected_from=None, removed_at=None,
               removed_by=None)  # fmt: skip


def _write(job: Job, **values: object) -> None:
    if job.former is not None:
        Export.update(**values).where(Export.number == job.former.number).execute()
        return
    pending = job.pending
    made = {"created_at": pending.created_at} | values
    adding = Export.insert(account=pending.account, kind=pending.kind, system_id=pending.system_id[:36],
                           entity=pending.kind, path=job.path, **made)  # fmt: skip
    # Another node may have been quicker, if this one does not lead any more.
    adding.on_conflict(conflict_target=[Export.account, Export.path], update=made).execute()
    _join_files(job)


def _join_files(job: Job) -> None:
    """The mirror may have found the folder before it was told, and taken it for another program's."""
    account, paths = job.pending.account, [f"{job.path}/{name}" for name in job.files]
    mine = (ExportFile.account == account) & ExportFile.path.in_(paths)
    export = Export.select(Export.number).where((Export.account == account) & (Export.path == job.path))
    ExportFile.update(export=export).where(mine & ExportFile.export.is_null()).execute()


def _forget_removed_accounts(jobs: Sequence[Job]) -> None:
    """An account that was removed in the meantime must not leave a folder to the next one of its name."""
    there = {row.id for row in Account.select(Account.id)}
    for job in jobs:
        if job.pending.account not in there:
            shutil.rmtree(job.target, ignore_errors=True)
