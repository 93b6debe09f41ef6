"""How rows get into Postgres in bulk: one statement with an array for each column.

Not by COPY, which is a little faster: Postgres heeds no `transaction_timeout` while it waits for the data of one, so a
worker that stands still in its midst would keep its import from its successor for ever.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import peewee

from models import database

FEWEST = 50
"""Rows for which it is worth it."""

_WRITTEN = frozenset({str, int, Decimal, bool, float, dt.date})
"""Types whose str() Postgres reads as the same value."""

_BETWEEN, _NULL = "\0", "\1"
"""What stands between the texts of a column, and for one that is missing, while it becomes an array."""
_COMMA = '","'
_SEPARATOR, _MISSING = "\x1f", "\x1e"
"""The same for a column that Postgres itself splits; seldom part of a text, but it may be."""

Columns = Sequence[Sequence[Any]]


class Literal(str):
    """A column as the text of an array."""

    __slots__ = ()


class Joined(str):
    """A column as its texts, with what stands between them: quicker to make, and for Postgres to read."""

    __slots__ = ()


def insert(table: str, names: Sequence[str], columns: Columns) -> bool:
    """Insert the rows. False: they are few, or have values of other types, and nothing was done."""
    texts = _as_texts(columns)
    if texts is None:
        return False
    insert_columns(table, names, texts, ())
    return True


def insert_columns(
    table: str,
    names: Sequence[str],
    columns: Columns,
    constants: Sequence[Any],
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Insert the rows, however few, and the constants into the columns that are left.

    A column has texts or what str() makes one, or is `joined` already.
    """
    types = _types(table)
    columns = [each if isinstance(each, Literal | Joined) else joined(each) for each in columns]
    kept = [f"c{place}" for place in range(len(columns))]
    values = [f"new.{each}::{types[name]}" for name, each in zip(names, kept, strict=False)]
    values += [f"%s::{types[name]}" for name in names[len(kept) :]]
    # In the list of what is selected: as a table Postgres would write all of it down first, which takes a tenth more.
    arrays = ", ".join(f"unnest({_array(column)}) AS {each}" for column, each in zip(columns, kept, strict=True))
    sql = f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM (SELECT {arrays}) AS new"
    parameters = [*constants, *columns]
    with peewee.__exception_wrapper__, database.connection().cursor() as cursor, ThreadPoolExecutor(1) as beside:
        running = beside.submit(cursor.execute, sql, parameters)
        meanwhile()
        running.result()


def update_columns(
    table: str, names: Sequence[str], columns: Columns, constants: Sequence[Any], addresses: Sequence[Any] | None
) -> int:
    """Set `columns` but for the last, which names the records by System ID, and the constants for the other names.

    Returns how many records were found; if there are `addresses`, at these.
    """
    types = _types(table)
    kept = [f"c{place}" for place in range(len(columns))]
    values = [f"{name} = new.{each}::{types[name]}" for name, each in zip(names, kept[:-1], strict=False)]
    values += [f"{name} = %s::{types[name]}" for name in names[len(kept) - 1 :]]
    arrays = ["%s::text[]"] * len(kept)
    where = f"{table}.system_id = new.{kept[-1]}"
    if addresses is not None:  # by these alone, as if no index knew of the System ID
        arrays, kept = [*arrays, "%s::tid[]"], [*kept, "there"]
        columns = [*columns, addresses]
        where = f"{table}.ctid = new.there AND {table}.system_id || '' = new.{kept[-2]}"
    given = f"unnest({', '.join(arrays)}) AS new({', '.join(kept)})"
    sql = f"UPDATE {table} SET {', '.join(values)} FROM {given} WHERE {where}"
    with peewee.__exception_wrapper__, database.connection().cursor() as cursor:
        cursor.execute(sql, [*constants, *map(literal, columns)])
        return int(cursor.rowcount)


def _array(column: Sequence[Any]) -> str:
    if isinstance(column, Joined):
        return f"string_to_array(%s::text, E'\\x{ord(_SEPARATOR):02x}', E'\\x{ord(_MISSING):02x}')"
    return "%s::text[]"


def joined(column: Sequence[Any]) -> Joined | Literal:
    """A column for `insert_columns`."""
    types = set(map(type, column))
    if types == {int}:
        return literal(column)
    texts = column if types == {str} else [_MISSING if value is None else str(value) for value in column]
    text = _SEPARATOR.join(texts)
    told = text.count(_SEPARATOR) == len(column) - 1 and text.count(_MISSING) == column.count(None)
    return Joined(text) if told and text else literal(column)  # nothing at all would be no row


def literal(column: Sequence[Any]) -> Literal:
    """A column as the text of an array, which takes a small part of the time that psycopg's adapter does.

    All is done for the whole column at once. What stands between the texts is a character that Postgres takes in none.
    """
    types = set(map(type, column))
    if types == {int}:
        return Literal(f"{{{','.join(map(str, column))}}}")
    texts = column if types == {str} else [_NULL if value is None else str(value) for value in column]
    joined = _BETWEEN.join(texts)
    if joined.count(_BETWEEN) != len(column) - 1 or joined.count(_NULL) != column.count(None):
        items = ["NULL" if value is None else _item(str(value)) for value in column]
        return Literal(f"{{{','.join(items)}}}")
    text = f'{{"{_escaped(joined).replace(_BETWEEN, _COMMA)}"}}'
    return Literal(text if types == {str} else text.replace(f'"{_NULL}"', "NULL"))


def _item(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def update(table: str, names: Sequence[str], columns: Columns) -> bool:
    """Set all columns where the last one has the row's value. False: as for `insert`."""
    texts = _as_texts(columns)
    if texts is None:
        return False
    types = _types(table)
    kept = [f"c{place}" for place in range(len(names))]
    assignments = ", ".join(f"{name} = new.{each}::{types[name]}"
                            for name, each in zip(names[:-1], kept[:-1], strict=True))  # fmt: skip
    _execute(f"UPDATE {table} SET {assignments} FROM {_unnested(kept)} "
             f"WHERE {table}.{names[-1]} = new.{kept[-1]}::{types[names[-1]]}", texts)  # fmt: skip
    return True


def _unnested(names: Sequence[str]) -> str:
    arrays = ", ".join(["%s::text[]"] * len(names))
    return f"unnest({arrays}) AS new({', '.join(names)})"


def _execute(sql: str, texts: Sequence[Sequence[str | None]]) -> None:
    with peewee.__exception_wrapper__, database.connection().cursor() as cursor:
        cursor.execute(sql, [list(column) for column in texts])


def _types(table: str) -> dict[str, str]:
    """Quoted column name to its type, without a length: a cast to one would cut what is too long, and say nothing."""
    sql = ("SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
           "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped")  # fmt: skip
    return {f'"{name}"': kind for name, kind in database.execute_sql(sql, (table,)).fetchall()}


def _as_texts(columns: Columns) -> list[Sequence[str | None]] | None:
    if len(columns[0]) < FEWEST:
        return None
    texts: list[Sequence[str | None]] = []
    for column in columns:
        types = set(map(type, column)) - {type(None)}
        if not types <= _WRITTEN:
            return None
        texts.append(column if types <= {str} else [None if value is None else str(value) for value in column])
    return texts
