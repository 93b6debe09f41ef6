"""The first pass over a file: every line is read once before anything is written.

It finds the keys that stand on two rows, counts the rows, and, for entities whose rows depend on each other, puts them
in order. All in a scratch SQLite file, so that memory stays bounded for files of any length.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from errors import FileProblem
from imports.hashes import Hashes
from imports.reading import FileShape, Record, records
from schemas import CLEAR

BATCH = 10_000
LINES_NAMED = 5

Holders = Callable[[str, list[str]], dict[str, str]]
"""Gives, for a column and BATCH values of it at the most, the System IDs of the stored records that have them."""

Texts = Callable[[str], str]
"""Gives the trimmed text of a column of the template; empty when the cell or the column is missing, or clears."""


_INSERT_KEY = "INSERT INTO key VALUES (?, ?, ?, ?, ?)"


class Key(NamedTuple):
    """A key of a row. Two rows with one key are duplicates if at least one of them has it as `strong`."""

    column: str
    value: str
    strong: bool = True


class Duplicate(NamedTuple):
    """Several rows with one key; without a column: several rows that name one record, each by another key."""

    column: str
    value: str
    lines: list[int]
    """The first LINES_NAMED of the lines with that key."""
    total: int


class Scan:
    """What the first pass found.

    `keys(texts)` gives the keys of a row. `order(texts)`, if given, gives what to sort by: an int sorts by it; a key
    gathers the rows that have it where the first of them stands. Without it the file's own order is kept.
    `holders` finds the records of keys, for rows that mean one record by different ones. `key_columns`: the texts of
    these columns, as they are, are all that `keys` gives, in that order.
    """

    def __init__(
        self,
        scratch: Path,
        path: Path,
        shape: FileShape,
        keys: Callable[[Texts], Iterable[Key]],
        order: Callable[[Texts], int | Key | None] | None = None,
        max_rows: int = 10_000_000,
        holders: Holders | None = None,
        key_columns: Sequence[str] = (),
    ) -> None:
        self._path, self._shape, self._keys, self._order, self._max_rows = path, shape, keys, order, max_rows
        scratch.unlink(missing_ok=True)
        self._db = sqlite3.connect(scratch, isolation_level=None)
        self._scratch = scratch
        self._index = {column.name: place for place, column in enumerate(shape.columns) if column.kind == "fixed"}
        self.rows = 0
        self._holders, self._first_columns = holders, set[str]()
        self._key_columns = [column for column in key_columns if column in self._index]
        self._run()

    def close(self) -> None:
        self._db.close()
        self._scratch.unlink(missing_ok=True)

    def _run(self) -> None:
        for pragma in ("journal_mode=off", "synchronous=off", "cache_size=-32000", "locking_mode=exclusive"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute("CREATE TABLE key (k TEXT, no INTEGER, line INTEGER, strong INTEGER, first INTEGER)")
        self._db.execute("CREATE TABLE record (no INTEGER PRIMARY KEY, line INTEGER, cells TEXT, place)")
        self._db.execute("BEGIN")
        suspects = None if self._order else self._suspects()
        if suspects is None or any(suspects.values()):
            found = records(self._path, self._shape)
            self.rows = 0
            while batch := list(islice(found, BATCH)):
                self._take(batch, suspects)
                self._bound(batch[-1].line)
        self._find_same_records()
        self._find_duplicates()
        self._find_places()
        self._db.execute("COMMIT")

    def _bound(self, line: int) -> None:
        if self.rows > self._max_rows:
            raise FileProblem("TOO_LARGE", f"The file has more than {self._max_rows} rows: send it in parts", line=line)

    def _suspects(self) -> dict[str, set[int]] | None:
        """Count the rows; give, by column, the hashes of keys that seem to stand on two. None: all keys are needed."""
        hashes: dict[str, Hashes] = {}
        found = records(self._path, self._shape)
        while batch := list(islice(found, BATCH)):
            if not self._hash_columns(batch, hashes):
                for _, _, place, key in self._keys_of(batch):
                    hashes.setdefault(key.column, Hashes()).add([key.value])
                    if not place:
                        self._first_columns.add(key.column)
            self.rows += len(batch)
            self._bound(batch[-1].line)
        if self._holders is not None and len(self._first_columns) > 1:
            return None
        return {column: each.twice() for column, each in hashes.items()}

    def _hash_columns(self, batch: list[Record], hashes: dict[str, Hashes]) -> bool:
        """Take the keys of a batch by the column. False: its rows are not that even."""
        first = self._key_columns[0] if self._key_columns else ""
        sizes = {len(record.cells) for record in batch}
        if not first or len(sizes) > 1 or not self._shape.width <= sizes.pop() <= len(self._shape.columns):
            return False
        for column in self._key_columns:
            place = self._index[column]
            texts = [text for record in batch if (text := record.cells[place].strip()) and text != CLEAR]
            if column == first and len(texts) < len(batch):
                return False
            hashes.setdefault(column, Hashes()).add(texts)
        self._first_columns.add(first)
        return True

    def _keys_of(
        self, batch: list[Record], suspects: dict[str, set[int]] | None = None
    ) -> Iterator[tuple[int, Record, int, Key]]:
        """(number, record, how many keys of the row stand before it, key); rows that are surely alone may miss."""
        numbered: Iterable[tuple[int, Record]] = enumerate(batch, self.rows)
        if suspects is not None and self._key_columns:
            places = [(self._index[column], suspects.get(column, ())) for column in self._key_columns]
            numbered = [each for each in numbered if _suspicious(each[1].cells, places)]
        for number, record in numbered:
            if self._shape.width <= len(record.cells) <= len(self._shape.columns):
                for place, key in enumerate(self._keys(self._texts(record.cells))):
                    yield number, record, place, key

    def _take(self, batch: list[Record], suspects: dict[str, set[int]] | None) -> None:
        keys: list[tuple[str, int, int, bool, bool]] = []
        for number, record, place, (column, value, strong) in self._keys_of(batch, suspects):
            if suspects is None or hash(value) in suspects[column]:
                keys.append((f"{column}\t{value}", number, record.line, strong, not place))
            if not place:
                self._first_columns.add(column)
        self._db.executemany(_INSERT_KEY, keys)
        if self._order:
            ordered = ((number, record, self._order(self._texts(record.cells)))
                       for number, record in enumerate(batch, self.rows))  # fmt: skip
            packed = ((number, record.line, json.dumps(record.cells), self._place(number, order))
                      for number, record, order in ordered)  # fmt: skip
            self._db.executemany("INSERT INTO record VALUES (?, ?, ?, ?)", packed)
        self.rows += len(batch)

    def _place(self, number: int, order: int | Key | None) -> int | str:
        if isinstance(order, Key):
            self._first_columns.add(order.column)
            return f"{order.column}\t{order.value}"
        return f"\t{number}" if order is None else order

    def _texts(self, cells: list[str]) -> Texts:
        def text(column: str) -> str:
            place = self._index.get(column)
            # A row with too few cells has no key, but may still tell what it belongs to.
            found = cells[place].strip() if place is not None and place < len(cells) else ""
            return "" if found == CLEAR else found

        return text

    def _find_same_records(self) -> None:
        """Give each row the record that its first key names as one more key.

        Where all rows have the same column as first key, two of them name one record only by the same key.
        """
        self._db.execute("CREATE TABLE alias (place TEXT PRIMARY KEY, same TEXT)")
        if self._holders is None or len(self._first_columns) < 2:
            return
        for column in sorted(self._first_columns):
            query = "SELECT k, no, line FROM key WHERE first AND k >= ? AND k < ?"
            found = self._db.cursor().execute(query, (f"{column}\t", f"{column}\n")).fetchmany
            while batch := found(BATCH):
                same = self._same(column, [key for key, _, _ in batch])
                self._db.executemany(_INSERT_KEY, [(same[key], number, line, True, False)
                                                   for key, number, line in batch if key in same])  # fmt: skip
            query = "SELECT DISTINCT place FROM record WHERE place >= ? AND place < ?"
            found = self._db.cursor().execute(query, (f"{column}\t", f"{column}\n")).fetchmany
            while places := found(BATCH):
                same = self._same(column, [place for (place,) in places])
                self._db.executemany("INSERT INTO alias VALUES (?, ?)", same.items())

    def _same(self, column: str, keys: list[str]) -> dict[str, str]:
        """Keys of a column to what stands for their records, for those that have one."""
        assert self._holders is not None
        values = {key: key[len(column) + 1 :] for key in keys}
        records = self._holders(column, list(values.values()))
        return {key: f"\t{records[value]}" for key, value in values.items() if value in records}

    def _find_duplicates(self) -> None:
        self._db.execute("CREATE TABLE twice AS SELECT k, count(*) AS total FROM key GROUP BY k "
                         "HAVING count(*) > 1 AND max(strong)")  # fmt: skip
        self._db.execute("CREATE TABLE duplicate AS SELECT no, k, line, total, row_number() OVER "
                         "(PARTITION BY k ORDER BY no) AS nth FROM key JOIN twice USING (k)")  # fmt: skip
        self._db.execute("CREATE INDEX duplicate_no ON duplicate (no)")
        self._db.execute("CREATE INDEX duplicate_k ON duplicate (k, nth)")
        self._db.execute("DROP TABLE key")
        self.has_duplicates = self._db.execute("SELECT 1 FROM duplicate LIMIT 1").fetchone() is not None

    def _find_places(self) -> None:
        if self._order:
            self._db.execute("UPDATE record SET place = same FROM alias WHERE alias.place = record.place")
            self._db.execute("CREATE TABLE place AS SELECT place, CASE typeof(place) WHEN 'integer' THEN place "
                             "ELSE min(no) END AS first FROM record GROUP BY place")  # fmt: skip

    def duplicates(self, numbers: Iterable[int]) -> dict[int, list[Duplicate]]:
        """The duplicates among the rows with these numbers."""
        if not self.has_duplicates:
            return {}
        found: dict[int, list[Duplicate]] = {}
        query = ("SELECT no, k, total, (SELECT json_group_array(line) FROM duplicate AS other "
                 "WHERE other.k = duplicate.k AND nth <= ?) FROM duplicate "
                 "WHERE no IN (SELECT value FROM json_each(?))")  # fmt: skip
        for number, key, total, lines in self._db.execute(query, (LINES_NAMED, json.dumps(list(numbers)))):
            column, _, value = key.partition("\t")
            found.setdefault(number, []).append(Duplicate(column, value, sorted(json.loads(lines)), total))
        return found

    def records(self, skip: int = 0) -> Iterator[tuple[int, Record, str]]:
        """(number, record, group) from the `skip`th on, in the order of work; groups must not be torn apart."""
        if self._order is None:
            for number, record in enumerate(islice(records(self._path, self._shape), skip, None), skip):
                yield number, record, ""
            return
        query = ("SELECT no, line, cells, place FROM record JOIN place USING (place) ORDER BY first, no "
                 "LIMIT -1 OFFSET ?")  # fmt: skip
        for number, line, cells, place in self._db.execute(query, (skip,)):
            yield number, Record(line, json.loads(cells)), str(place) if isinstance(place, str) else ""


def _suspicious(cells: list[str], places: Iterable[tuple[int, Container[int]]]) -> bool:
    """Whether one of the cells has a hash that others seem to have, too."""
    return any(place < len(cells) and hash(cells[place].strip()) in hashes for place, hashes in places)
