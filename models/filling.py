"""Fills the tables of the database that the models are bound to with the rows of another one (models/source.py)."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import peewee
from peewee import (
    AutoField,
    CharField,
    DateField,
    DateTimeField,
    Field,
    ForeignKeyField,
    IntegerField,
    JSONField,
    PeeweeException,
    TextField,
    TimeField,
)

from errors import FtpdockError
from models.base import NumberField, UTCField, database, is_postgres
from models.source import Row, Source, Table, quoted

CHUNK = 5_000
"""Rows that are held in memory, and one statement of Postgres', which checks what they refer to when it ends."""
LOCK_TIMEOUT = 30
"""Seconds for which Postgres waits until nobody else writes."""

_MAY_NUMBER = """
    SELECT has_sequence_privilege(pg_get_serial_sequence(%s, %s), 'UPDATE'), quote_ident(current_user),
           quote_ident(current_schema())
"""

Told = Callable[[int], None]

_MOMENTS = (DateField, DateTimeField, TimeField, UTCField)

_KEYS = frozenset({"23503", "23505"})
"""Postgres' codes of errors whose detail tells keys alone; that of others tells the whole row, passwords and all."""
_TOO_LARGE = "54000"
"""Its code of a row that is too large for an index, alone of those that are about rows in none of their classes."""


def filled(models: Iterable[Table]) -> list[str]:
    """The names of those tables that have a row; one that is not there has none."""
    there = set(database.get_tables())
    return [model._meta.table_name for model in models if model._meta.table_name in there
            and database.execute_sql(f"SELECT 1 FROM {quoted(model)} LIMIT 1").fetchone()]  # fmt: skip


def hold(models: Iterable[Table]) -> None:
    """Keep others from writing into these tables until the transaction ends. Raises FtpdockError if one does now."""
    if not is_postgres():
        # It is locked already. Rows may come before those of their own table that they refer to.
        database.execute_sql("PRAGMA defer_foreign_keys = ON")
        return
    try:
        database.execute_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'; "
                             f"LOCK TABLE {', '.join(map(quoted, models))} IN SHARE ROW EXCLUSIVE MODE")  # fmt: skip
    except PeeweeException as error:
        if getattr(getattr(error, "orig", None), "sqlstate", "") != "55P03":
            raise
        raise FtpdockError("Another program is writing into the database that the settings name, or holds its tables: "
                           "stop it, and try again. Nothing was copied") from error  # fmt: skip


def refuse_foreign_numbers(models: Iterable[Table]) -> None:
    """Raises FtpdockError if the user of the database may not say at which numbers its tables go on."""
    numbered = [model for model in models if is_postgres() and isinstance(model._meta.primary_key, AutoField)]
    for model in numbered:
        names = (quoted(model), model._meta.primary_key.column_name)
        may, user, schema = database.execute_sql(_MAY_NUMBER, names).fetchone()
        if may is False:  # NULL: nothing numbers it
            raise FtpdockError(f"The database's user {user} may not set the numbers of {model._meta.table_name}: copy "
                               "as the user who owns the tables, or let that one run `GRANT UPDATE ON ALL SEQUENCES IN "
                               f"SCHEMA {schema} TO {user}`. Nothing was copied")  # fmt: skip


def fill(source: Source, model: Table, told: Told) -> None:
    """Copy all rows of a table; `told` gets the number of those that each step has added.

    Raises FtpdockError for a row that this database can't hold, or of which the source has no value of a column's kind.
    """
    (_fill_postgres if is_postgres() else _fill_sqlite)(source, model, told)


def _fill_sqlite(source: Source, model: Table, told: Told) -> None:
    """Values go over as they are: what is odd reads as oddly as before."""
    fields = model._meta.sorted_fields
    sql = f"INSERT INTO {quoted(model)} ({_names(fields)}) VALUES ({', '.join('?' * len(fields))})"
    done = 0
    for rows in source.rows(model, CHUNK):
        for field, values in zip(fields, zip(*rows, strict=True), strict=True):
            _refuse_texts(source, field, values, done)
        try:
            with peewee.__exception_wrapper__:
                database.connection().executemany(sql, rows)
        except peewee.IntegrityError as error:
            raise source.unfit(model, None, "", f"SQLite refuses it: {said(error)}") from error
        done += len(rows)
        told(len(rows))


def _fill_postgres(source: Source, model: Table, told: Told) -> None:
    fields = model._meta.sorted_fields
    sql = f"COPY {quoted(model)} ({_names(fields)}) FROM STDIN"
    done = 0
    for statement in _statements(model, source.rows(model, CHUNK)):
        begun = done
        try:
            with peewee.__exception_wrapper__, database.connection().cursor() as cursor, cursor.copy(sql) as copy:
                for rows in statement:
                    for row in _converted(source, fields, rows, done):
                        copy.write_row(row)
                    done += len(rows)
                    told(len(rows))
        except PeeweeException as error:
            if (named := _unfit(source, model, begun, error)) is None:
                raise
            raise named from error


def _statements(model: Table, chunks: Iterator[list[Row]]) -> Iterator[Iterable[list[Row]]]:
    """The chunks of each statement. A row may refer to a later one of its table: all of such a table are one."""
    if model in model._meta.refs.values():
        return iter((chunks,))
    return ((rows,) for rows in chunks)


def _names(fields: Sequence[Field]) -> str:
    return ", ".join(f'"{field.column_name}"' for field in fields)


def _converted(source: Source, fields: Sequence[Field], rows: Sequence[Row], before: int) -> Iterator[Row]:
    """The rows with values of the kinds that Postgres needs. `before`: how many rows of the table came before them."""
    columns = [_column(source, field, values, before)
               for field, values in zip(fields, zip(*rows, strict=True), strict=True)]  # fmt: skip
    return zip(*columns, strict=True)


def _column(source: Source, field: Field, values: Row, before: int) -> Sequence[Any]:
    """What reads the same by the models on both engines. JSON goes over as the text that it is."""
    types = set(map(type, values)) - {type(None)}
    kind = _kind(field)
    _refuse_texts(source, field, values, before)
    if not types or isinstance(kind, JSONField):
        return values
    if (types == {str} and isinstance(kind, CharField | TextField)) or (
        types == {int} and isinstance(kind, IntegerField)
    ):
        return values
    return [_value(source, field, value, before + place) for place, value in enumerate(values)]


def _value(source: Source, field: Field, value: Any, number: int) -> Any:
    """One of another kind than SQLite has for the column, as that of the column's."""
    try:
        read = field.python_value(value)
        # peewee leaves what it can't read as a date as it is, of which Postgres makes what it likes.
        if not isinstance(field, _MOMENTS) or isinstance(read, dt.date | dt.time | None):
            written = field.db_value(read)
            if type(written) is not str or not (fault := _fault(written, _longest(field))):
                return written
            raise _refused(source, field, number, fault)
    except (ValueError, TypeError, ArithmeticError):
        pass
    raise _refused(source, field, number, f"is {str(value)[:60]!r}, which is no value of its kind")


def _refuse_texts(source: Source, field: Field, values: Row, before: int) -> None:
    """Raises FtpdockError for a text that the database can't hold."""
    longest = _longest(field)
    for place, value in enumerate(values):
        if type(value) is str and (fault := _fault(value, longest)):
            raise _refused(source, field, before + place, fault)


def _longest(field: Field) -> float:
    """How many characters a column takes. Postgres would cut off blanks behind the last of them."""
    kind = _kind(field)
    return kind.max_length if isinstance(kind, CharField) and is_postgres() else math.inf


def _kind(field: Field) -> Field:
    """The field itself, or that which it refers to."""
    while isinstance(field, ForeignKeyField):
        field = field.rel_field
    return field


def _fault(text: str, longest: float) -> str:
    if "\0" in text and is_postgres():
        return "holds a character of the value 0, which no text of Postgres has"
    if len(text) > longest:
        return f"has {len(text)} characters, and the column takes {longest}"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "holds bytes that are no UTF-8"
    return ""


def _refused(source: Source, field: Field, number: int, words: str) -> FtpdockError:
    return source.unfit(field.model, source.key_of(field.model, number), field.column_name, words)


def _unfit(source: Source, model: Table, begun: int, error: PeeweeException) -> FtpdockError | None:
    """The error of a row that Postgres refused, named as far as it says; None: what is wrong is nothing about a row.

    That the code tells alone: the line of a row Postgres names for a full disk as well. `begun`: how many rows came
    before the statement.
    """
    diagnosis = getattr(getattr(error, "orig", None), "diag", None)
    code = diagnosis.sqlstate if diagnosis else None
    if not (isinstance(error, peewee.DataError | peewee.IntegrityError) or code == _TOO_LARGE):
        return None
    # In most languages: COPY product, line 3, column name: "..."
    where = re.search(rf"^COPY {re.escape(model._meta.table_name)}, \D*(\d+)(?:\D*?, \S+ (\w+):)?",
                      (diagnosis and diagnosis.context) or "", re.MULTILINE)  # fmt: skip
    detail = f" ({diagnosis.message_detail})" if diagnosis and code in _KEYS and diagnosis.message_detail else ""
    key = source.key_of(model, begun + int(where[1]) - 1) if where else None
    column = (where and where[2]) or (diagnosis and diagnosis.column_name) or ""
    refuses = "is refused by Postgres" if column else "Postgres refuses it"
    return source.unfit(model, key, column, f"{refuses}: {said(error)}{detail}")


def said(error: PeeweeException) -> str:
    """What the database said, in one line, without the details of Postgres', which may tell rows with their values."""
    diagnosis = getattr(getattr(error, "orig", None), "diag", None)
    return " ".join(((diagnosis and diagnosis.message_primary) or str(error)).split())


def go_on_behind(model: Table, number: int) -> None:
    """Let the database number the next row of a table higher than `number`, and than any row before. Postgres does not
    take that back with the transaction; so it comes last."""
    key = model._meta.primary_key
    if number < 1 or not isinstance(key, AutoField):
        return
    if is_postgres():
        database.execute_sql(
            "SELECT setval(given, greatest(%s, pg_sequence_last_value(given))) "
            "FROM (SELECT pg_get_serial_sequence(%s, %s)::regclass AS given) AS ours WHERE given IS NOT NULL",
            (number, quoted(model), key.column_name))  # fmt: skip
    elif isinstance(key, NumberField):
        name = model._meta.table_name
        database.execute_sql("INSERT INTO sqlite_sequence (name, seq) SELECT ?, 0 WHERE NOT EXISTS "
                             "(SELECT 1 FROM sqlite_sequence WHERE name = ?)", (name, name))  # fmt: skip
        database.execute_sql("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (number, name))
