"""SQLite as many processes share it."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import peewee
import pytest

from models.sqlite import Sqlite, _is_busy
from tests.full_disk import files_of


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Sqlite]:
    made = Sqlite(tmp_path / "a.db", pragmas={"journal_mode": "wal", "busy_timeout": 4})
    made.execute_sql("CREATE TABLE a (b)")
    yield made
    made.close()


@pytest.fixture
def locked(database: Sqlite) -> Iterator[Callable[[], None]]:
    """Another connection has the write lock, and lets go of it a while after this is called."""
    with closing(sqlite3.connect(database.database, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        end = threading.Timer(0.3, other.execute, ["COMMIT"])
        yield end.start
        end.join()


@pytest.mark.parametrize("statement", ["INSERT INTO a VALUES (1)", "BEGIN IMMEDIATE"])
def test_a_writer_waits_for_another(database: Sqlite, locked: Callable[[], None], statement: str) -> None:
    """Longer than SQLite's own waiting, which is short here; the statement is carried out once."""
    locked()
    if statement.startswith("BEGIN"):
        with database.atomic("IMMEDIATE"):
            database.execute_sql("INSERT INTO a VALUES (1)")
    else:
        database.execute_sql(statement)
    assert database.execute_sql("SELECT count(*) FROM a").fetchone() == (1,)


def test_a_deferred_transaction_waits_too(database: Sqlite, locked: Callable[[], None]) -> None:
    """Where it only begins to write."""
    locked()
    with database.atomic():
        database.execute_sql("INSERT INTO a VALUES (1)")
    assert database.execute_sql("SELECT count(*) FROM a").fetchone() == (1,)


def test_patience_ends(database: Sqlite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is SQLite's own."""
    monkeypatch.setattr("models.sqlite.PATIENCE", 0.05)
    with closing(sqlite3.connect(database.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(peewee.OperationalError, match="database is locked"):
            database.execute_sql("INSERT INTO a VALUES (1)")


def test_what_was_read_has_changed(database: Sqlite) -> None:
    """A transaction that has read before another's commit can't write any more: waiting would not help."""
    with closing(sqlite3.connect(database.database, isolation_level=None)) as other, database.atomic():
        database.execute_sql("SELECT * FROM a").fetchall()
        other.execute("INSERT INTO a VALUES (1)")
        with pytest.raises(peewee.OperationalError, match="database is locked"):
            database.execute_sql("INSERT INTO a VALUES (2)")


@pytest.mark.parametrize(("code", "waits"), [
    (sqlite3.SQLITE_BUSY, True),
    (sqlite3.SQLITE_BUSY_RECOVERY, True),
    (sqlite3.SQLITE_BUSY_SNAPSHOT, False),
    (sqlite3.SQLITE_FULL, False),
])  # fmt: skip
def test_what_is_waited_for(code: int, waits: bool) -> None:
    """Also the end of another process's recovery, which follows a kill of all; not what time does not change."""
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorcode = code
    error = peewee.OperationalError(str(cause))
    error.orig = cause
    assert _is_busy(error) is waits


def _write(database: Sqlite, value: str, *, nested: bool = False) -> None:
    with database.atomic("IMMEDIATE"):
        database.execute_sql("INSERT INTO a VALUES (1)")
        with database.atomic() if nested else contextlib.nullcontext():
            database.execute_sql(f"INSERT INTO a VALUES ({value})")


@pytest.mark.parametrize("nested", [False, True], ids=["statement", "savepoint"])
def test_a_full_disk_is_told_as_such(database: Sqlite, nested: bool) -> None:
    """SQLite ends the transaction by itself, and would say of the rollback that there is nothing to roll back."""
    database.execute_sql(f"PRAGMA max_page_count = {database.execute_sql('PRAGMA page_count').fetchone()[0]}")

    with pytest.raises(peewee.OperationalError, match="database or disk is full"):
        _write(database, "zeroblob(100000)", nested=nested)

    assert database.execute_sql("SELECT count(*) FROM a").fetchone() == (0,)


def test_a_commit_that_fails_says_why(database: Sqlite) -> None:
    """It is the COMMIT that writes into the log."""
    size = Path(f"{database.database}-wal").stat().st_size

    with files_of(size), pytest.raises(peewee.OperationalError, match="disk I/O error"):
        _write(database, "2")

    assert database.execute_sql("SELECT count(*) FROM a").fetchone() == (0,)


def test_the_log_is_emptied(database: Sqlite) -> None:
    """Not while somebody reads an older picture of the database; then it is, however large it has become."""
    log = Path(f"{database.database}-wal")
    with closing(sqlite3.connect(database.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM a").fetchall()
        for _ in range(50):
            database.execute_sql("INSERT INTO a VALUES (zeroblob(100000))")
        grown = log.stat().st_size
        assert grown > 5_000_000
        database.trim_log(1_000_000)
        assert log.stat().st_size == grown
        reader.execute("COMMIT")
    database.trim_log(grown)
    assert log.stat().st_size == grown
    database.trim_log(1_000_000)
    assert log.stat().st_size == 0
    assert database.execute_sql("SELECT count(*) FROM a").fetchone() == (50,)


def test_the_cache_is_large_for_a_while(database: Sqlite) -> None:
    """And as it was before, even when what it was for fails."""
    before = database.execute_sql("PRAGMA cache_size").fetchone()
    with contextlib.suppress(peewee.OperationalError), database.large_cache():
        assert database.execute_sql("PRAGMA cache_size").fetchone() == (-65536,)
        database.execute_sql("SELECT * FROM nothing")
    assert database.execute_sql("PRAGMA cache_size").fetchone() == before


def test_a_database_is_made_for_its_owner_alone(database: Sqlite) -> None:
    """With its log and what belongs to it."""
    folder = Path(database.database).parent
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.glob("a.db*")}
    assert modes == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}


def test_a_database_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    """Somebody has opened it to others on purpose."""
    path = tmp_path / "a.db"
    path.touch()
    path.chmod(0o660)
    database = Sqlite(path)
    database.execute_sql("CREATE TABLE a (b)")
    database.close()
    assert path.stat().st_mode & 0o777 == 0o660
