"""Brings a database to the newest shape by the scripts in migrations/ (playhouse.migrations)."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from peewee import Database
from playhouse.migrations import Runner

from errors import VersionError
from models.base import is_postgres
from models.postgres import advisory

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x66747064
"""Key of the advisory lock (the letters ftpd): several nodes may start at the same moment."""


def pending(database: Database) -> list[str]:
    """Names of the migrations that are still to be applied, in order. Raises VersionError: see `migrate`."""
    with database.connection_context():
        return _pending(Runner(database, str(MIGRATIONS)))


def _pending(runner: Runner) -> list[str]:
    status = runner.status()
    if later := [each.name for each in status if not each.path]:
        raise VersionError(f"A newer version of ftpdock has changed the database ({', '.join(later)}), and this one "
                           "does not know what it is like now: install that version here as well")  # fmt: skip
    return [each.name for each in status if not each.applied]


def migrate(database: Database) -> list[str]:
    """Apply what is pending, once even when several programs start together; return the names of what was applied.

    Raises VersionError if migrations were applied that this version has no file of: a newer one was here.
    """
    with database.connection_context(), _alone(database):
        runner = Runner(database, str(MIGRATIONS))
        return list(runner.up()) if _pending(runner) else []


@contextlib.contextmanager
def _alone(database: Database) -> Iterator[None]:
    """The others wait until we have done, and find nothing to do."""
    if is_postgres():
        database.execute_sql(advisory("pg_advisory_lock", _LOCK))
        try:
            yield
        finally:
            database.execute_sql(advisory("pg_advisory_unlock", _LOCK))
        return
    # No transaction of SQLite's: the scripts have their own, with settings that can't be changed within one.
    handle = os.open(Path(database.database).absolute().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
