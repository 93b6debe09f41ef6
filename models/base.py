"""The database handle, the fields that behave alike on SQLite and Postgres, and what every record has."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote, urlsplit

import uuid_utils
from peewee import (
    SQL,
    BigAutoField,
    CharField,
    Database,
    DatabaseProxy,
    Field,
    InterfaceError,
    InternalError,
    Model,
    NodeList,
    OperationalError,
    PostgresqlDatabase,
)

from models.postgres import Postgres
from models.sqlite import LOOK, PATIENCE, Sqlite

database = DatabaseProxy()

_WAYS = ("seqscan", "bitmapscan", "hashjoin", "mergejoin")
"""Ways to find rows that cost what the table is large."""
_OUTGROWN = ("SELECT pg_relation_size(oid) > 2 * relpages::bigint * current_setting('block_size')::bigint "
             "FROM pg_class WHERE oid = %s::regclass")  # fmt: skip

AHEAD = dt.timedelta(hours=1)
"""What lies further in the future than this, and than any pause, was written by a clock that was wrong. Nodes whose
clocks are less apart see the same."""

PATIENT_HOURS = 2
"""For which a command that only reads may wait for whoever takes what it prints."""

NAME, CODE, TEXT = 200, 100, 1_048_576
"""Lengths in characters, shared with the schemas: short names, codes, long texts."""


class ExactDecimalField(Field):
    """A Decimal with the digits it was given: NUMERIC on Postgres, TEXT on SQLite (whose DECIMAL is a float)."""

    field_type = "EXACT"

    def db_value(self, value: Any) -> Any:
        return None if value is None else format(Decimal(value), "f")

    def python_value(self, value: Any) -> Any:
        """Raises InvalidOperation: SQLite stores whatever a program writes."""
        if value is None or isinstance(value, Decimal):
            return value
        try:
            return Decimal(str(value))
        except InvalidOperation:
            raise InvalidOperation(f"{self.name} is {str(value)[:60]!r}") from None


class UTCField(Field):
    """An aware datetime in UTC: TIMESTAMPTZ on Postgres, ISO 8601 text of fixed width on SQLite, so that it sorts."""

    field_type = "UTC"

    def db_value(self, value: Any) -> Any:
        if isinstance(value, dt.datetime):
            return value.astimezone(dt.UTC).isoformat(timespec="microseconds")
        return value

    def python_value(self, value: Any) -> Any:
        if isinstance(value, str):
            value = dt.datetime.fromisoformat(value)
            # As SQLite's own datetime('now') writes it, and as it sorts among the others.
            value = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return value.astimezone(dt.UTC) if isinstance(value, dt.datetime) else value


class NumberField(BigAutoField):
    """A number that is given out once for ever: SQLite would give that of a deleted row to the next.

    On Postgres it has 64 bits; 32 would be used up by the lines of a year's orders.
    """

    def ddl(self, ctx: Any) -> Any:
        definition = super().ddl(ctx)
        return definition if is_postgres() else NodeList((definition, SQL("AUTOINCREMENT")))


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def is_past(field: Field, moment: dt.datetime, longest: float) -> Any:
    """The condition that a moment until which something waits is past, or NULL. No wait is longer than `longest`
    seconds: one that seems to be was begun by a clock that was ahead."""
    return field.is_null() | (field <= moment) | (field > moment + dt.timedelta(seconds=longest) + AHEAD)


def new_system_id() -> str:
    """A UUID version 7 (RFC 9562) as text: sorts by the time it was made."""
    return str(uuid_utils.uuid7())


def new_system_ids(count: int) -> list[str]:
    """So many of them, in order."""
    make = uuid_utils.uuid7
    return [str(make()) for _ in range(count)]


class Base(Model):
    class Meta:
        database = database
        legacy_table_names = False


class Record(Base):
    """What the records of every entity have. `account` is declared by each, so that indexes can name it."""

    system_id = CharField(max_length=36, primary_key=True, default=new_system_id)
    created_at = UTCField(default=now)
    updated_at = UTCField(default=now)

    def save(self, *args: Any, **kwargs: Any) -> Any:
        """Of a record that is imported by hash, the hash goes: it was read before, and may be of a former row."""
        if "row_hash" in self._meta.fields:
            self.row_hash = None
        return super().save(*args, **kwargs)


def open_database(url: str) -> Database:
    """The peewee database for `sqlite:///path` or `postgresql://user:password@host:port/name?option=value`.

    Raises ValueError for any other scheme. Nothing is connected yet.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = unquote(parts.path[1:], errors="surrogateescape") if parts.path.startswith("/") else parts.path
        return Sqlite(
            path or ":memory:",
            pragmas={
                "journal_mode": "wal",
                "foreign_keys": 1,
                "busy_timeout": LOOK,
                # A receipt is a promise: with NORMAL a power cut could take back a commit that was acknowledged.
                "synchronous": "full",
                "temp_store": "memory",
            },
            field_types={"EXACT": "TEXT", "UTC": "TEXT"},
            timeout=PATIENCE,
        )
    if parts.scheme in ("postgresql", "postgres"):
        return Postgres(
            url.replace("postgres://", "postgresql://", 1),
            prefer_psycopg3=True,
            field_types={"EXACT": "NUMERIC", "UTC": "TIMESTAMPTZ"},
        )
    raise ValueError(f"database is {parts.scheme or url!r}: expected sqlite:///path or postgresql://...")


def bind(url: str) -> Database:
    """Make `url` the database of every model in this process and return it."""
    opened = open_database(url)
    database.initialize(opened)
    return opened


def transaction() -> AbstractContextManager[Any]:
    """A transaction (a savepoint inside one). On SQLite it locks for writing at once: to do so half-way may fail."""
    if is_postgres() or database.in_transaction():
        return database.atomic()
    return database.atomic("IMMEDIATE")


def by_keys(*, always: bool = False) -> None:
    """For the rest of the transaction, or on this connection always, let Postgres find rows by the keys it is given.

    It knows nothing yet of a table that an import has just filled, and would go through all of it for each chunk.
    """
    if is_postgres():
        database.execute_sql("; ".join(f"SET {'SESSION' if always else 'LOCAL'} enable_{way} = off" for way in _WAYS))


def learn_size(model: type[Record]) -> None:
    """Outside of a transaction: have Postgres look at a table that has grown to twice what it knows of, or more.

    Its own daemon comes a minute later. Until then it takes all records for a few, and any index of the account for as
    good as that of the key, so that it goes through all of them for each chunk.
    """
    if is_postgres() and database.execute_sql(_OUTGROWN, (table := f'"{model._meta.table_name}"',)).fetchone()[0]:
        with database.atomic():
            database.execute_sql("SET LOCAL default_statistics_target = 10")  # a tenth of the rows that it else takes
            database.execute_sql(f"ANALYZE (SKIP_LOCKED) {table} (account_id)")


def large_cache() -> AbstractContextManager[None]:
    """For many writes, on SQLite; see models.sqlite."""
    return database.obj.large_cache() if isinstance(database.obj, Sqlite) else nullcontext()


def trim_log() -> None:
    """After many writes: keep SQLite's log from growing; see models.sqlite."""
    if isinstance(database.obj, Sqlite):
        database.obj.trim_log()


def snapshot() -> AbstractContextManager[Any]:
    """A transaction for reading: all of its queries see the database as it was at the first one.

    It keeps nobody from writing. But while it lasts Postgres keeps rows that were replaced, and SQLite can't begin
    its WAL anew.
    """
    if database.in_transaction():
        return database.atomic()
    return database.atomic("REPEATABLE READ" if is_postgres() else "DEFERRED")


@contextlib.contextmanager
def patient_snapshot() -> Iterator[None]:
    """A snapshot for who may have to wait for a person between two rows, as for one who reads them in a pager: Postgres
    ends other transactions of which nothing is heard after a minute."""
    with snapshot():
        if is_postgres():
            database.execute_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{PATIENT_HOURS}h'")
        yield


def is_postgres() -> bool:
    return isinstance(database.obj, PostgresqlDatabase)


def is_of_one_account(error: Exception) -> bool:
    """Whether others may fare better than the account at hand: it is neither the connection nor what it leads to.

    A Postgres that only reads since a failover calls that an internal error.
    """
    if isinstance(error, (InterfaceError, InternalError)):
        return False
    return not database.connection().closed if is_postgres() else not isinstance(error, OperationalError)
