"""A SQLite database of ftpdock that is to be copied: it is only read, all of it as it was at one moment."""

from __future__ import annotations

import contextlib
import itertools
import os
import shlex
import sqlite3
import sys
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from peewee import AutoField, Model, PeeweeException, SqliteDatabase

from errors import FtpdockError, VersionError
from models.migrate import pending
from models.sqlite import PATIENCE

Row = tuple[Any, ...]
Table = type[Model]

LARGEST = 16 << 20
"""Bytes that are held in memory before the rows that they are in go over."""

_BEGINS = b"SQLite format 3\0"
_OURS = frozenset({"schema_migration", "account"})
"""Tables that every version of ftpdock has had."""
_NOT_COPIED = frozenset({"schema_migration", "echo_guard"})
"""Tables of ours that say nothing of the business."""
_HINT = " (this user has to have the right to read it, and, as SQLite needs it, to write into its folder)"
_TEXT = partial(str, encoding="utf-8", errors="surrogateescape")
"""Keeps bytes that are no UTF-8, so that it can be told in which row they stand; Python's own names none."""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Raises FtpdockError if the file is no database of ftpdock, VersionError if it is one of another version."""
    _refuse_other_files(path)
    database = SqliteDatabase(f"file:{quote(os.fsencode(path))}?mode=ro", uri=True, timeout=PATIENCE)
    with contextlib.ExitStack() as stack:
        with _read_from(path, _HINT):
            stack.enter_context(database.connection_context())
            database.connection().text_factory = _TEXT
            # The first question, for the tables, decides which moment it is.
            database.begin("DEFERRED")
            source = Source(path, database)
        source.refuse_other_shapes()
        yield source


def _refuse_other_files(path: Path) -> None:
    # A pipe would be waited for.
    if not path.is_file():
        raise FtpdockError(f"{path} is no file: name the SQLite database that is to be copied")
    with path.open("rb") as file:
        if file.read(len(_BEGINS)) != _BEGINS:
            raise FtpdockError(f"{path} is no SQLite database: name the one that is to be copied, mostly ftpdock.db "
                               "in the home")  # fmt: skip


@contextlib.contextmanager
def _read_from(path: Path, hint: str = "") -> Iterator[None]:
    """What fails is the file's fault, not that of the database which the settings name."""
    try:
        yield
    except (PeeweeException, sqlite3.Error) as error:
        raise FtpdockError(f"{path} can't be read: {error}{hint}") from error


class Source:
    """Made by `opened`."""

    def __init__(self, path: Path, database: SqliteDatabase) -> None:
        self.path, self._database = path, database
        self._tables = frozenset(database.get_tables())

    def refuse_other_shapes(self) -> None:
        """Raises FtpdockError and VersionError."""
        if missing := sorted(_OURS - self._tables):
            raise FtpdockError(f"{self.path} is no database of ftpdock: it has no table {missing[0]}")
        try:
            with _read_from(self.path):
                names = pending(self._database)
        except VersionError as error:
            raise VersionError(f"{self.path}: {error}") from error
        if names:
            url = shlex.quote(f"sqlite:///{quote(os.fsencode(self.path))}")
            raise VersionError(f"{self.path} is of a version before and waits for {', '.join(names)}: stop whatever "
                               f"works with it, and run `FTPDOCK_DATABASE={url} ftpdock db migrate` first")  # fmt: skip

    def strangers(self, models: Collection[Table]) -> list[str]:
        """Tables that none of the models has, and columns that theirs does not have: `price`, `customer.class`."""
        ours = {model._meta.table_name: model._meta.columns.keys() for model in models}
        others = self._tables - ours.keys() - _NOT_COPIED
        columns = [f"{name}.{column.name}" for name, known in ours.items() if name in self._tables
                   for column in self._columns(name) if column.name not in known]  # fmt: skip
        return sorted([each for each in others if not each.startswith("sqlite_")] + columns)

    def _columns(self, table: str) -> Sequence[Any]:
        with _read_from(self.path):
            found: Sequence[Any] = self._database.get_columns(table)
        return found

    def count(self, model: Table) -> int:
        """How many rows a table has; none if a plugin's table is not there."""
        if model._meta.table_name not in self._tables:
            return 0
        return int(self._one(f"SELECT count(*) FROM {quoted(model)}")[0])

    def rows(self, model: Table, size: int) -> Iterator[list[Row]]:
        """All rows of a table, at most so many at a time, or of LARGEST bytes: values as SQLite has them, in the order
        of the model's fields."""
        if model._meta.table_name not in self._tables:
            return
        with _read_from(self.path):
            cursor = self._database.execute_sql(_select(model, model._meta.sorted_fields))
        while True:
            with _read_from(self.path):
                rows = _chunk(cursor, size)
            if not rows:
                return
            yield rows

    def refuse_dangling(self, model: Table) -> None:
        """Raises FtpdockError if a row refers to one that is not there: a program wrote without `foreign_keys`."""
        if model._meta.table_name not in self._tables:
            return
        found = self._one(f"PRAGMA foreign_key_check({quoted(model)})")
        if found is None:
            return
        _, place, parent, which = found
        keys = self._all(f"PRAGMA foreign_key_list({quoted(model)})")
        column = next(each[3] for each in keys if each[0] == which)
        keyed = place and model._meta.primary_key
        key = self._one(f"{_select(model, model._meta.get_primary_keys())} WHERE rowid = {place}") if keyed else None
        raise self.unfit(model, key, column, f"refers to a row of {parent} that is not there")

    def key_of(self, model: Table, number: int) -> Row:
        """The key of the row of that number, from 0 on, in the order of `rows`; none if the table has none."""
        if not model._meta.primary_key:
            return ()
        keys = _select(model, model._meta.get_primary_keys())
        return self._one(f"{keys} LIMIT 1 OFFSET {number}") or ()

    def unfit(self, model: Table, key: Row | None, column: str, words: str) -> FtpdockError:
        """The error of a row that can't be copied; what is not known of it is empty."""
        of = f" {', '.join(map(str, key))}" if key else ""
        where = f"{column} " if column else ""
        return FtpdockError(f"A row of {self.path} can't be copied: {model._meta.table_name}{of}: {where}{words}. "
                            "Nothing was copied. Correct it in that file, and try again")  # fmt: skip

    def last_number(self, model: Table) -> int:
        """The highest number that a table has given out, also to rows that were deleted since; 0: it gives none."""
        key = model._meta.primary_key
        if not isinstance(key, AutoField) or model._meta.table_name not in self._tables:
            return 0
        (highest,) = self._one(f'SELECT max("{key.column_name}") FROM {quoted(model)}')
        given = None
        if "sqlite_sequence" in self._tables:
            given = self._one("SELECT seq FROM sqlite_sequence WHERE name = ?", model._meta.table_name)
        return max(highest or 0, given[0] if given else 0)

    def _one(self, sql: str, *parameters: Any) -> Any:
        return next(iter(self._all(sql, *parameters)), None)

    def _all(self, sql: str, *parameters: Any) -> list[Row]:
        with _read_from(self.path):
            found: list[Row] = self._database.execute_sql(sql, parameters).fetchall()
        return found


def _chunk(rows: Iterator[Row], size: int) -> list[Row]:
    chunk: list[Row] = []
    weight = 0
    for row in itertools.islice(rows, size):
        chunk.append(row)
        weight += sum(map(sys.getsizeof, row))
        if weight >= LARGEST:
            break
    return chunk


def quoted(model: Table) -> str:
    return f'"{model._meta.table_name}"'


def _select(model: Table, fields: Sequence[Any]) -> str:
    """In the order in which the rows lie, whatever is selected. The table's name stands before each column, because
    SQLite takes a quoted name that no column has for a text."""
    names = ", ".join(f'{quoted(model)}."{field.column_name}"' for field in fields)
    return f"SELECT {names} FROM {quoted(model)} NOT INDEXED"
