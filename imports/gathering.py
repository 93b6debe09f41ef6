"""Puts the rows of a file into an order of work that is not the file's own: sorted by a number, or gathered by keys.

It lives in the scratch database of a scan, so that memory stays bounded for files of any length.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from imports.keys import BATCH, Holders, Key, Texts, bounds, packed, same_records
from imports.reading import Batch, Record

Order = Callable[[Texts], int | Sequence[Key]]
"""What to sort a row by: an int sorts by it; keys gather the rows that share one where the first of them stands, and a
row without any is a group of its own."""


class Gathering:
    """The rows of a file in the order of work.

    The first key of a row names its group. Its other keys only lead there: rows that have nothing but these belong to
    it, whatever record is stored under them. A key that stands beside no other one means its stored record.
    """

    def __init__(self, db: sqlite3.Connection, order: Order, texts: Callable[[list[str]], Texts]) -> None:
        self._db, self._order, self._texts = db, order, texts
        self._columns = set[str]()
        self._beside = set[tuple[str, str]]()
        db.execute("CREATE TABLE record (no INTEGER PRIMARY KEY, line INTEGER, place, cells TEXT)")
        db.execute("CREATE TABLE beside (k TEXT, first TEXT, PRIMARY KEY (k, first)) WITHOUT ROWID")
        db.execute("CREATE TABLE alias (place TEXT PRIMARY KEY, same TEXT) WITHOUT ROWID")

    def take(self, first: int, batch: Batch) -> None:
        """Take rows, of which the first has the number `first`."""
        numbered = zip(count(first), batch.lines, batch.rows(), strict=False)
        rows = ((number, line, self._place(number, cells), json.dumps(cells)) for number, line, cells in numbered)
        self._db.executemany("INSERT INTO record VALUES (?, ?, ?, ?)", rows)
        self._db.executemany("INSERT OR IGNORE INTO beside VALUES (?, ?)", self._beside)
        self._beside.clear()

    def _place(self, number: int, cells: list[str]) -> int | str:
        order = self._order(self._texts(cells))
        if isinstance(order, int):
            return order
        if not order:
            return f"\t\t{number}"  # no record's name, see same_records
        first, *others = map(packed, order)
        self._columns.add(order[0].column)
        self._beside.update((key, first) for key in others)
        return first

    def settle(self, holders: Holders | None) -> None:
        """Gather the rows, now that all are taken."""
        if holders is not None and len(self._columns) > 1:
            self._find_records(holders)
        self._join_keys()
        self._name_groups()
        self._db.execute("CREATE TABLE place AS SELECT place, CASE typeof(place) WHEN 'integer' THEN place "
                         "ELSE min(no) END AS first FROM record GROUP BY place")  # fmt: skip

    def _find_records(self, holders: Holders) -> None:
        """Put the records that keys mean beside them.

        Not of keys that the file itself gives to a record: an import that goes on after a kill would find them stored.
        """
        query = "SELECT place FROM record WHERE place >= ? AND place < ? EXCEPT SELECT k FROM beside"
        for column in sorted(self._columns):
            found = self._db.cursor().execute(query, bounds(column)).fetchmany
            while keys := found(BATCH):
                same = same_records(holders, column, [key for (key,) in keys])
                self._db.executemany("INSERT INTO beside VALUES (?, ?)", ((each, key) for key, each in same.items()))

    def _join_keys(self) -> None:
        """Make those one that stand beside each other; what nothing else names needs no joining."""
        query = ("SELECT k, first FROM beside WHERE k IN (SELECT place FROM record) "
                 "OR k IN (SELECT k FROM beside GROUP BY k HAVING count(*) > 1)")  # fmt: skip
        for key, first in self._db.cursor().execute(query):
            self._join(key, first)

    def _join(self, one: str, other: str) -> None:
        one, other = self._named(one), self._named(other)
        if one != other:
            # By chance, so that no file can make the way from name to name a long one.
            self._db.execute("INSERT INTO alias VALUES (?, ?)", sorted((one, other), key=hash))

    def _named(self, place: str) -> str:
        """The name that stands for a place so far."""
        while found := self._db.execute("SELECT same FROM alias WHERE place = ?", (place,)).fetchone():
            (place,) = found
        return place

    def _name_groups(self) -> None:
        shorten = "UPDATE alias SET same = further.same FROM alias AS further WHERE further.place = alias.same"
        while self._db.execute(shorten).rowcount:
            pass
        self._db.execute("UPDATE record SET place = same FROM alias WHERE alias.place = record.place")

    def records(self, skip: int) -> Iterator[tuple[int, Record, str]]:
        """See Scan.records."""
        query = ("SELECT no, line, cells, place FROM record JOIN place USING (place) ORDER BY first, no "
                 "LIMIT -1 OFFSET ?")  # fmt: skip
        for number, line, cells, place in self._db.execute(query, (skip,)):
            yield number, Record(line, json.loads(cells)), str(place) if isinstance(place, str) else ""
