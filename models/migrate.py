"""Brings a database to the newest shape by the scripts in migrations/ (playhouse.migrations)."""

from __future__ import annotations

from pathlib import Path

from peewee import Database
from playhouse.migrations import Runner

from models.base import is_postgres

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x66747064
"""Key of the advisory lock (the letters ftpd): several nodes may start at the same moment."""


def pending(database: Database) -> list[str]:
    """Names of the migrations that are still to be applied, in order."""
    with database.connection_context():
        return [each.name for each in Runner(database, str(MIGRATIONS)).status() if each.path and not each.applied]


def migrate(database: Database) -> list[str]:
    """Apply what is pending, once even when several nodes start together; return the names of what was applied."""
    with database.connection_context():
        if is_postgres():
            database.execute_sql("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            return list(Runner(database, str(MIGRATIONS)).up())
        finally:
            if is_postgres():
                database.execute_sql("SELECT pg_advisory_unlock(%s)", (_LOCK,))
