"""From the outbox to the export tree: reads what was committed, writes its folder, records it, tells the mirror.

A turn takes up to 100 orders and customers, of a bounded number of lines, through these steps, each done for all of
them before the next:

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
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import peewee

from exports import pending as outbox
from exports.entries import commit
from exports.folders import Staging, make_parent, sync
from exports.job import Job, path_of, plan
from exports.pending import Pending
from exports.wake import Wake
from layout import sync_folder
from models import database
from settings import Settings

log = logging.getLogger("ftpdock.exports")

MOST = 100
"""Orders and customers of one turn."""
SYNCS = 8
"""Folders that are synced at once: they share the commits of the file system's journal."""
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
        jobs = self._sync(jobs)
        jobs = self._each(jobs, self._put)
        for parent in {job.target.parent for job in jobs if job.write}:
            sync_folder(parent)
        commit(jobs)
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
            self._staging.keep(job.target, job.staged, job.names)

    def _sync(self, jobs: Sequence[Job]) -> list[Job]:
        with ThreadPoolExecutor(SYNCS) as pool:
            synced = {job.path: pool.submit(sync, job.staged) for job in jobs if job.staged}
        return self._each(jobs, lambda job: synced[job.path].result() if job.path in synced else None)

    def _put(self, job: Job) -> None:
        if job.staged is not None:
            make_parent(job.target, self._settings.exports)
            self._staging.put(job.staged, job.target, job.names)

    def _postpone(self, each: Pending, error: Exception) -> None:
        pause = outbox.postpone(each, f"{type(error).__name__}: {error}")
        log.warning("%s could not be exported, trying again in %.0f s: %s", path_of(each.kind, each.system_id), pause,
                    error, exc_info=not isinstance(error, OSError))  # fmt: skip


def _reachable() -> bool:
    """Whether the database answers, so that an error is about what was done there."""
    try:
        database.execute_sql("SELECT 1")
    except peewee.PeeweeException:
        return False
    return True
