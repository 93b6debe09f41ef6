"""Files that kill their worker: counted by those who see it die and live on themselves, and set aside in time.

A power cut, or the end of a whole server, counts nothing: whoever could have counted it is gone as well. A worker that
crashes twice at one position of a file is taken to have died of the file. SIGKILL comes from people and from the
kernel when memory is short, at any moment: it counts half, and so
does SIGTERM. Each committed chunk starts the count anew.
"""

from __future__ import annotations

import signal

from peewee import Case

from errors import FileProblem
from imports.given_up import rows_in
from models import ImportRun

CRASH, KILL, POISONOUS = 2, 1, 4
"""Strikes for a worker's death by itself and by SIGKILL, and how many at one position are enough."""


def weight(status: int | None) -> int:
    """Strikes for the exit status of a worker, as subprocess gives it; None: it is not known."""
    return KILL if status in (None, -signal.SIGKILL, -signal.SIGTERM) else CRASH


def release_dead(owner: str, strikes: int = 0) -> None:
    """Free the import of a worker that is dead, and count its death against the file if it was not in already."""
    same_place = ImportRun.struck_at == ImportRun.position
    counted = Case(None, [(ImportRun.closing, 0), (same_place, ImportRun.strikes + strikes)], strikes)
    changes = {"strikes": counted, "struck_at": ImportRun.position} if strikes else {}
    mine = (ImportRun.lease_owner == owner) & (ImportRun.status == "running")
    ImportRun.update(lease_owner=None, lease_until=None, **changes).where(mine).execute()
    ImportRun.update(lease_owner=None, lease_until=None).where(ImportRun.lease_owner == owner).execute()


def is_poisonous(run: ImportRun) -> bool:
    return run.strikes >= POISONOUS and run.struck_at == run.position and not run.closing


def problem(run: ImportRun) -> FileProblem:
    """What the report says of a poisonous file."""
    return FileProblem("KILLED_WORKER", f"ftpdock's worker died several times while it imported the file; {kept(run)}")


def kept(run: ImportRun, there: bool = True) -> str:
    """What is left of an import that was given up; `there`: whether its file is."""
    if run.dry_run:
        return "it was a dry run, and nothing was changed"
    done = rows_in(run) + (f", {run.rejected:,} rejected" if run.imported else "")
    if not there:
        return f"{done}; the file itself is gone, and has to be sent again"
    return f"{done}; the file is kept, and import {run.number} can be retried"
