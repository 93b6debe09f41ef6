"""Brings a database to the newest shape by the scripts in migrations/ (playhouse.migrations)."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from peewee import Database
from playhouse.migrations import Runner

from errors import FtpdockError, VersionError
from models import TABLES
from models.base import is_postgres
from models.postgres import advisory
from models.rights import unchangeable, unfit

MIGRATIONS = Path(__file__).parent / "migrations"
NAMES = [model._meta.table_name for model in TABLES]
"""Of the tables that migrations make."""
_LOCK = 0x66747064
"""Key of the advisory lock (the letters ftpd): several nodes may start at the same moment."""


def pending(database: Database) -> list[str]:
    """Names of the migrations that are still to be applied, in order. Raises FtpdockError and VersionError: see
    `migrate`."""
    with database.connection_context():
        return _pending(Runner(database, str(MIGRATIONS)))


def _pending(runner: Runner) -> list[str]:
    _raise(unfit(runner.database))
    status = runner.status()
    if later := [each.name for each in status if not each.path]:
        raise VersionError(f"A newer version of ftpdock has changed the database ({', '.join(later)}), and this one "
                           "does not know what it is like now: install that version here as well")  # fmt: skip
    return [each.name for each in status if not each.applied]


def are_all(names: list[str]) -> bool:
    """Whether these are all the migrations that there are, as of a database that is not ftpdock's yet."""
    return len(names) == len(list(MIGRATIONS.glob("[0-9]*.py")))


def migrate(database: Database) -> list[str]:
    """Apply what is pending, once even when several programs start together; return the names of what was applied.

    Raises VersionError if migrations were applied that this version has no file of: a newer one was here. Raises
    FtpdockError, before anything is written, if a Postgres is not as ftpdock needs it.
    """
    with database.connection_context(), alone(database):
        runner = Runner(database, str(MIGRATIONS))
        if not _pending(runner):
            return []
        _raise(unchangeable(database, NAMES), "The database can't be migrated: ")
        return list(runner.up())


def _raise(problem: str, what: str = "") -> None:
    if problem:
        raise FtpdockError(f"{what}{problem}")


@contextlib.contextmanager
def alone(database: Database) -> Iterator[None]:
    """For making and changing tables: the others wait until we have done, and find nothing to do."""
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
