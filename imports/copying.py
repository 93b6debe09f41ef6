"""How rows get into Postgres in bulk: COPY, and one UPDATE from arrays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import peewee

from models import database

FEWEST = 50
"""Rows for which it is worth it."""

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_NULL = r"\N"
_WRITTEN = frozenset({str, int, Decimal, bool, float, dt.date})
"""Types whose str() Postgres reads as the same value."""

Columns = Sequence[Sequence[Any]]


def insert(table: str, names: Sequence[str], columns: Columns) -> bool:
    """COPY the rows. False: they are few, or have values of other types, and nothing was done."""
    texts = _as_texts(columns)
    if texts is None:
        return False
    lines = zip(*(_escaped(column) for column in texts), strict=True)
    block = "\n".join(map("\t".join, lines)) + "\n"
    sql = f"COPY {table} ({', '.join(names)}) FROM STDIN"
    with peewee.__exception_wrapper__, database.connection().cursor() as cursor, cursor.copy(sql) as copy:
        copy.write(block)
    return True


def update(table: str, names: Sequence[str], columns: Columns) -> bool:
    """Set all columns where the last one has the row's value. False: as for `insert`."""
    texts = _as_texts(columns)
    if texts is None:
        return False
    types = _types(table)
    kept = [f"c{place}" for place in range(len(names))]
    assignments = ", ".join(f"{name} = new.{each}::{types[name]}"
                            for name, each in zip(names[:-1], kept[:-1], strict=True))  # fmt: skip
    arrays = ", ".join(["%s::text[]"] * len(names))
    sql = (f"UPDATE {table} SET {assignments} FROM unnest({arrays}) AS new({', '.join(kept)}) "
           f"WHERE {table}.{names[-1]} = new.{kept[-1]}::{types[names[-1]]}")  # fmt: skip
    with peewee.__exception_wrapper__, database.connection().cursor() as cursor:
        cursor.execute(sql, [list(column) for column in texts])
    return True


def _types(table: str) -> dict[str, str]:
    """Quoted column name to its type."""
    sql = ("SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
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


def _escaped(column: Sequence[str | None]) -> Sequence[str]:
    """Texts as COPY reads them."""
    joined = "".join(filter(None, column))
    if any(each in joined for each in "\\\t\n\r"):
        return [_NULL if text is None else text.translate(_ESCAPES) for text in column]
    return [_NULL if text is None else text for text in column]
