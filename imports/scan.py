"""The first pass over a file: every line is read once before anything is written.

It finds the keys that stand on two rows, counts the rows, and, for entities whose rows depend on each other, puts them
in order. All in a scratch SQLite file, so that memory stays bounded for files of any length.
"""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from errors import FileProblem
from imports.gathering import Gathering, Order
from imports.hashes import Hashes
from imports.keys import BATCH, Holders, Key, Meaning, Meant, Texts, bounds, same_records
from imports.plain_keys import PlainKey, PlainKeys
from imports.reading import Batch, FileShape, Record, Spot, Stretch, again, batches, is_whole, records, stretches
from imports.spared import spare
from schemas import CLEAR

__all__ = ["Duplicate", "Holders", "Key", "Meant", "PlainKey", "Scan", "Texts"]

STRETCH = 1 << 17
"""Characters of which the keys are taken together, and which are read again for the sake of one row."""
LINES_NAMED = 5

_INSERT_KEY = "INSERT INTO key VALUES (?, ?, ?, ?, ?)"
_NAMELESS = "NOT first AND no NOT IN (SELECT no FROM key WHERE k >= char(9) AND k < char(10))"
"""Further keys of rows that have no record so far; records lie where an empty column would, see same_records."""


class Duplicate(NamedTuple):
    """Several rows with one key; without a column: several rows that name one record, each by another key."""

    column: str
    value: str
    lines: list[int]
    """The first LINES_NAMED of the lines with that key."""
    total: int


class Suspects(NamedTuple):
    """Keys that seem to stand on two rows: their hashes by column, and the rows' numbers, if these are known."""

    hashes: dict[str, set[int]]
    numbers: list[int] | None

    def places(self, first: int, count: int) -> Iterable[int]:
        """Which of the `count` rows from the `first` on have to be looked at."""
        if self.numbers is None:
            return range(count)
        return [number - first for number in self.among(first, first + count)]

    def among(self, first: int, end: int) -> list[int]:
        """The rows' numbers from `first` on that are below `end`, as far as they are known."""
        numbers = self.numbers or []
        return numbers[bisect_left(numbers, first) : bisect_left(numbers, end)]


class Scan:
    """What the first pass found.

    `keys(texts)` gives the keys of a row. `order(texts)`, if given, gives what to sort by, see imports.gathering.Order;
    without it the file's own order is kept. `holders` finds the records of keys, for rows that mean one record by
    different ones, and `meaning` the records of keys that rows with IDs share with rows without. `plain_keys` are all
    that `keys` gives, in that order. `next_holders`, if given, finds the records of the further keys of rows of whose
    first key there is none.
    """

    def __init__(
        self,
        scratch: Path,
        path: Path,
        shape: FileShape,
        keys: Callable[[Texts], Iterable[Key]],
        order: Order | None = None,
        max_rows: int = 10_000_000,
        holders: Holders | None = None,
        plain_keys: Sequence[PlainKey] = (),
        meaning: Meaning | None = None,
        next_holders: Holders | None = None,
    ) -> None:
        self._path, self._shape, self._keys, self._max_rows = path, shape, keys, max_rows
        scratch.unlink(missing_ok=True)
        # Not only the thread that scans asks for duplicates, but never two at a time.
        self._db = sqlite3.connect(scratch, isolation_level=None, check_same_thread=False)
        self._scratch = scratch
        self._index = {column.name: place for place, column in enumerate(shape.columns) if column.kind == "fixed"}
        self.rows = 0
        self._holders, self._meaning, self._first_columns = holders, meaning, set[str]()
        self._next_holders, self._next_columns = next_holders, set[str]()
        self._plain_keys = PlainKeys(plain_keys, shape, self._index)
        self._spots: list[tuple[int, Spot | None]] = []
        self._run(order)

    def close(self) -> None:
        self._db.close()
        self._scratch.unlink(missing_ok=True)

    def _run(self, order: Order | None) -> None:
        for pragma in ("journal_mode=off", "synchronous=off", "cache_size=-32000", "locking_mode=exclusive"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute("CREATE TABLE key (k TEXT, no INTEGER, line INTEGER, strong INTEGER, first INTEGER)")
        self._gathering = Gathering(self._db, self._shape, order, self._texts) if order else None
        self._db.execute("BEGIN")
        suspects = None if self._gathering else self._suspects()
        if suspects is None or any(suspects.hashes.values()):
            self._take_all(suspects)
        self._find_same_records()
        self._find_duplicates()
        if self._gathering:
            self._gathering.settle(self._holders)
        self._db.execute("COMMIT")

    def _bound(self, line: int) -> None:
        if self.rows > self._max_rows:
            raise FileProblem("TOO_LARGE", f"The file has more than {self._max_rows} rows: send it in parts", line=line)

    def _suspects(self) -> Suspects | None:
        """Count the rows and tell which may have the key of another one. None: all keys are needed."""
        hashes: dict[str, Hashes] = {}
        by_column = bool(self._plain_keys.keys)
        for stretch in stretches(self._path, self._shape, block=STRETCH):
            first = self.rows
            by_column &= self._hash_stretch(stretch, hashes)
            self._spots.append((first, stretch.spot))
        if self._holders is not None and len(self._first_columns) > 1:
            return None
        found = {column: each.twice() for column, each in hashes.items()}
        twice = {column: each for column, each in found.items() if each is not None}
        if len(twice) < len(found):
            return None
        numbers = set[int]().union(*(each.places for each in twice.values()))
        return Suspects({column: each.hashes for column, each in twice.items()}, sorted(numbers) if by_column else None)

    def _hash_stretch(self, stretch: Stretch, hashes: dict[str, Hashes]) -> bool:
        """Whether all keys could be taken by the column."""
        if texts := self._plain_keys.of_stretch(stretch):
            self._hash_columns(texts, hashes)
            stretch.skip(len(texts[0]))
            self._bound(stretch.line + len(texts[0]) - 1)
            return True
        by_column = True
        for whole in stretch.batches():
            for batch in whole.parts(BATCH):
                by_column &= self._hash_batch(batch, hashes)
                self._bound(batch.lines[-1])
        return by_column

    def _hash_batch(self, batch: Batch, hashes: dict[str, Hashes]) -> bool:
        if texts := self._plain_keys.of_batch(batch):
            self._hash_columns(texts, hashes)
            return True
        for _, _, place, key in self._keys_of(batch):
            hashes.setdefault(key.column, Hashes()).add([key.value])
            if not place:
                self._first_columns.add(key.column)
        self.rows += len(batch)
        return False

    def _hash_columns(self, found: list[list[str]], hashes: dict[str, Hashes]) -> None:
        """Take keys by the column; each row has the first of them."""
        for key, texts in zip(self._plain_keys.keys, found, strict=True):
            held = hashes.setdefault(key.column, Hashes())
            held.add([text or ~number for number, text in enumerate(texts, self.rows)] if "" in texts else texts)
        self._first_columns.add(self._plain_keys.keys[0].column)
        self.rows += len(found[0])

    def _take_all(self, suspects: Suspects | None) -> None:
        """Read the file again, or what of it has to be looked at."""
        if suspects is not None and suspects.numbers is not None and all(spot for _, spot in self._spots):
            self._take_spots(suspects)
            return
        self.rows = 0
        self._first_columns.clear()
        for batch in self._batches():
            self._take(batch, suspects)
            self._bound(batch.lines[-1])

    def _take_spots(self, suspects: Suspects) -> None:
        rows = self.rows
        firsts = [first for first, _ in self._spots]
        for (first, spot), end in zip(self._spots, [*firsts[1:], rows], strict=True):
            if spot and suspects.among(first, end):
                self.rows = first
                for batch in again(self._path, self._shape, spot):
                    self._take(batch, suspects)
        self.rows = rows

    def _batches(self) -> Iterator[Batch]:
        for batch in batches(self._path, self._shape):
            yield from batch.parts(BATCH)

    def _keys_of(self, batch: Batch, suspects: Suspects | None = None) -> Iterator[tuple[int, Record, int, Key]]:
        """(number, record, how many keys of the row stand before it, key); rows that are surely alone may miss."""
        for place in range(len(batch)) if suspects is None else suspects.places(self.rows, len(batch)):
            record = Record(batch.lines[place], batch.row(place))
            if is_whole(self._shape, record.cells):
                for nth, key in enumerate(self._keys(self._texts(record.cells))):
                    yield self.rows + place, record, nth, key

    def _take(self, batch: Batch, suspects: Suspects | None) -> None:
        keys: list[tuple[str, int, int, bool, bool]] = []
        for number, record, place, (column, value, strong) in self._keys_of(batch, suspects):
            if suspects is None or hash(value) in suspects.hashes[column]:
                keys.append((f"{column}\t{value}", number, record.line, strong, not place))
            if not place:
                self._first_columns.add(column)
            elif self._next_holders is not None:
                self._next_columns.add(column)
        self._db.executemany(_INSERT_KEY, keys)
        if self._gathering:
            self._gathering.take(self.rows, batch)
        self.rows += len(batch)

    def _texts(self, cells: list[str]) -> Texts:
        def text(column: str) -> str:
            place = self._index.get(column)
            # A row with too few cells has no key, but may still tell what it belongs to.
            found = cells[place].strip() if place is not None and place < len(cells) else ""
            return "" if found == CLEAR else found

        return text

    def _find_same_records(self) -> None:
        """Give each row the record that its first key names as one more key; if there is none, that of a further one.

        Where all rows have the same column as first key, two of them name one record only by the same key.
        """
        if self._holders is None or len(self._first_columns) < 2:
            return
        for column in sorted(self._first_columns):
            self._find_records(self._holders, column, "first")
        if self._next_holders is not None:
            for column in sorted(self._next_columns):
                self._find_records(self._next_holders, column, _NAMELESS)

    def _find_records(self, holders: Holders, column: str, which: str) -> None:
        """Give the rows with those keys of `column` that `which` picks out the records that these name."""
        query = f"SELECT k, no, line FROM key WHERE k >= ? AND k < ? AND {which}"
        found = self._db.cursor().execute(query, bounds(column)).fetchmany
        while batch := found(BATCH):
            same = same_records(holders, column, [key for key, _, _ in batch])
            self._db.executemany(_INSERT_KEY, [(same[key], number, line, True, False)
                                               for key, number, line in batch if key in same])  # fmt: skip

    def _find_duplicates(self) -> None:
        self._find_twice()
        if self._meaning is not None and spare(self._db, self._meaning):
            self._db.execute("DROP TABLE twice")
            self._find_twice()
        self._db.execute("CREATE TABLE duplicate AS SELECT no, k, line, total, row_number() OVER "
                         "(PARTITION BY k ORDER BY no) AS nth FROM key JOIN twice USING (k)")  # fmt: skip
        self._db.execute("CREATE INDEX duplicate_no ON duplicate (no)")
        self._db.execute("CREATE INDEX duplicate_k ON duplicate (k, nth)")
        self._db.execute("DROP TABLE key")
        self.has_duplicates = self._db.execute("SELECT 1 FROM duplicate LIMIT 1").fetchone() is not None

    def _find_twice(self) -> None:
        self._db.execute("CREATE TABLE twice AS SELECT k, count(*) AS total FROM key GROUP BY k "
                         "HAVING count(*) > 1 AND max(strong)")  # fmt: skip

    def duplicate_rows(self, numbers: range) -> set[int]:
        """Which rows with these numbers, of step 1, are duplicates."""
        if not self.has_duplicates:
            return set()
        query = "SELECT DISTINCT no FROM duplicate WHERE no BETWEEN ? AND ?"
        return {number for (number,) in self._db.execute(query, (numbers.start, numbers.stop - 1))}

    def duplicates(self, numbers: Iterable[int]) -> dict[int, list[Duplicate]]:
        """The duplicates among the rows with these numbers."""
        if not self.has_duplicates:
            return {}
        found: dict[int, list[Duplicate]] = {}
        query = (
            "SELECT no, k, total, (SELECT json_group_array(line) FROM duplicate AS other WHERE "
            "other.k = duplicate.k AND nth <= ?) FROM duplicate WHERE no IN (SELECT value FROM json_each(?))"
        )
        for number, key, total, lines in self._db.execute(query, (LINES_NAMED, json.dumps(list(numbers)))):
            column, _, value = key.partition("\t")
            found.setdefault(number, []).append(Duplicate(column, value, sorted(json.loads(lines)), total))
        return found

    def records(self, skip: int = 0) -> Iterator[tuple[int, Record, str, int, int, int]]:
        """(number, record, group, stray, size, weight) from the `skip`th on, in the order of work.

        `stray` is the line of a row that may be one of the group, though nothing tells; 0: there is none. `size` is the
        number of the group's rows, which must not be torn apart if they are to be written, and `weight` about that of
        their characters.
        """
        if self._gathering:
            yield from self._gathering.records(skip)
            return
        for number, record in enumerate(islice(records(self._path, self._shape), skip, None), skip):
            yield number, record, "", 0, 0, 0
