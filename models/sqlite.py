"""SQLite as many processes share it: whoever waits for the write lock looks for it often."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from peewee import OperationalError, SqliteDatabase

Result = TypeVar("Result")

PATIENCE = 30.0
"""Seconds to wait for the write lock."""
LOOK = 4
"""Milliseconds after which SQLite's own waiting begins anew: its pauses grow to 100 ms, in which others come first."""

CACHE = 64 << 20
LOG = 64_000_000
"""Bytes of a write-ahead log from which on it is emptied."""


class Sqlite(SqliteDatabase):
    """A SqliteDatabase that waits for PATIENCE, in short pauses."""

    def _connect(self) -> Any:
        if self.database != ":memory:":
            make_private(self.database)
        return super()._connect()

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        try:
            return _patiently(lambda: super(Sqlite, self).execute_sql(sql, params))
        except OperationalError:
            if sql.startswith("ROLLBACK TO") and not self.connection().in_transaction:
                return None  # As rollback() has it.
            raise

    def trim_log(self, size: int = LOG) -> None:
        """Move a write-ahead log of more than `size` bytes into the database, if nobody reads from it just now.

        SQLite itself moves it over piece by piece, but never makes the file smaller.
        """
        log = Path(f"{self.database}-wal")
        if log.exists() and log.stat().st_size > size:
            self.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def large_cache(self) -> Iterator[None]:
        """Let this connection keep CACHE bytes of the database: who writes many rows comes back to the same pages."""
        (before,) = self.execute_sql("PRAGMA cache_size").fetchone()
        self.execute_sql(f"PRAGMA cache_size = -{CACHE // 1024}")
        try:
            yield
        finally:
            self.execute_sql(f"PRAGMA cache_size = {before}")

    def begin(self, lock_type: str | None = None) -> None:
        _patiently(lambda: super(Sqlite, self).begin(lock_type))

    def rollback(self) -> None:
        """A full disk ends a transaction by itself: to roll it back would fail, and hide why."""
        if self.is_closed() or self.connection().in_transaction:
            super().rollback()


def takes_writes(path: Path, patience: float = 1.0) -> bool:
    """Whether a transaction can write; it is rolled back. False: another one writes for as long as `patience`.

    Raises sqlite3.Error.
    """
    address = f"file:{quote(os.fsencode(path))}?mode=rw"
    connection = sqlite3.connect(address, uri=True, timeout=patience, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        # Of a file that may only be read SQLite begins one that only reads.
        connection.execute("PRAGMA user_version = 0")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    finally:
        connection.close()
    return True


def make_private(path: str) -> None:
    """Make the file of a database that is not there yet, readable by its owner alone; SQLite's other files follow it.

    One that is there keeps its mode.
    """
    # Not opened: to close it would free all locks that this process has of it. Where it can't be made SQLite tells.
    with contextlib.suppress(OSError):
        os.mknod(path, 0o600)


def _patiently(work: Callable[[], Result]) -> Result:
    """The result of a statement, which has done nothing as long as it finds the database locked."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return work()
        except OperationalError as error:
            if not _is_busy(error) or time.monotonic() >= deadline:
                raise


def _is_busy(error: OperationalError) -> bool:
    """Whether waiting helps; a transaction that has read what was replaced meanwhile has to begin again."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None) or 0
    # Also SQLITE_BUSY_RECOVERY: another process makes good what a kill has left in the log.
    return code & 0xFF == sqlite3.SQLITE_BUSY and code != sqlite3.SQLITE_BUSY_SNAPSHOT
