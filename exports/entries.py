"""What the dispatcher writes into the ledger, in the transaction that empties the outbox."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from typing import Any

import peewee

from exports import pending as outbox
from exports.job import Job
from models import Account, Export, ExportFile, transaction

log = logging.getLogger("ftpdock.exports")

_ABSENT = dict.fromkeys(
    ("ready_at", "collected_at", "collected_by", "collected_from", "removed_at", "removed_by"),
)
_LIES_THERE = ("ready", "collected")
"""States of an export whose files lie in the partner's folder."""


def commit(jobs: Sequence[Job]) -> None:
    """Record what lies in the tree, or why it does not, and forget what the outbox said. Raises peewee's errors."""
    written = [job for job in jobs if job.record or job.refusal]
    try:
        with transaction():
            whole = outbox.done(job.pending for job in jobs)
            _update(written)
            _insert([job for job in written if job.former is None])
            _join_files([job for job in written if job.former is None])
            if not whole:
                outbox.look_again([job.pending for job in written])
    except peewee.IntegrityError:
        _forget_removed_accounts(jobs)
        raise
    for job in written:
        if job.refusal:
            # Not the System ID, which may hold whatever a program wrote, line breaks too.
            log.error("%s can't be exported: %s", job.path, job.refusal)


def _values(job: Job) -> dict[str, Any]:
    if job.refusal and job.replay_ns is not None and job.former and job.former.state in _LIES_THERE:
        # Nothing newer comes, but what was there can be fetched as before, and that is still booked.
        return {"error": job.refusal}
    if job.refusal:
        return {"state": "failed", "error": job.refusal}
    values = {"state": "waiting", "error": "", "revision": job.revision, "digest": job.digest, **_ABSENT}
    if job.replay_ns is None:
        values["created_at"] = job.pending.created_at
    return values


def _update(jobs: Sequence[Job]) -> None:
    """By their numbers, as the mirror locks them: whoever waits for another must hold nothing that the other wants."""
    known = [(job.former.number, job) for job in jobs if job.former is not None]
    for number, job in sorted(known, key=lambda each: each[0]):
        Export.update(_values(job)).where(Export.number == number).execute()


def _insert(jobs: Sequence[Job]) -> None:
    if not jobs:
        return
    rows = []
    for job in jobs:
        pending = job.pending
        named = {"account": pending.account, "kind": pending.kind, "system_id": pending.system_id[:36],
                 "entity": pending.kind, "path": job.path, "created_at": pending.created_at}  # fmt: skip
        rows.append(named | {"revision": 0, "digest": "", **_ABSENT} | _values(job))
    # Another node may have been quicker, if this one does not lead any more.
    Export.insert_many(rows).on_conflict(
        conflict_target=[Export.account, Export.path],
        preserve=[getattr(Export, name) for name in ("state", "error", "revision", "digest", *_ABSENT)],
    ).execute()


def _join_files(jobs: Sequence[Job]) -> None:
    """The mirror may have found a folder before it was told, and taken it for another program's."""
    paths = [f"{job.path}/{name}" for job in jobs for name in job.files]
    mine = ExportFile.account.in_({job.pending.account for job in jobs}) & ExportFile.path.in_(paths)
    for file in ExportFile.select().where(mine & ExportFile.export.is_null()):
        folder = file.path.rpartition("/")[0]
        export = Export.select(Export.number).where((Export.account == file.account) & (Export.path == folder))
        ExportFile.update(export=export).where(ExportFile.number == file.number).execute()


def _forget_removed_accounts(jobs: Sequence[Job]) -> None:
    """An account that was removed in the meantime must not leave a folder to the next one of its name."""
    there = {row.id for row in Account.select(Account.id)}
    for job in jobs:
        if job.pending.account not in there:
            shutil.rmtree(job.target, ignore_errors=True)
