"""Puts the rows of a file into an order of work that is not the file's own: sorted by a number, or gathered by keys.

It lives in the scratch database of a scan, so that memory stays bounded for files of any length.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from imports.keys import BATCH, Holders, Key, Texts, bounds, packed, same_records
from imports.reading import Batch, FileShape, Record, is_whole
from imports.unread import Unread, as_plain, by_line, from_plain

Order = Callable[[Texts], int | Sequence[Key] | None]
"""What to sort a row by: an int sorts by it; keys gather the rows that share one where the first of them stands, and a
row without any is a group of its own. None: it is a row of some group, but does not say of which."""

GATHERED, ALONE, STRAY, TORN = range(4)
"""Has a key that can be relied on; is a group of its own; nothing tells to which group it belongs; the same, and there
may be rows of several groups in it."""


class Gathering:
    """The rows of a file in the order of work.

    The first key of a row names its group. Its other keys only lead there: rows that have nothing but these belong to
    it, whatever record is stored under them. A key that stands beside no other one means its stored record.

    A row whose cells are not where the header says belongs to the rows with one of its keys, if there are any. Else it
    is stray, and may be of the group before or behind it. A row that a stray quote has made of several lines may be of
    all of these: of those with one of its keys, and of the two beside it.
    """

    def __init__(
        self, db: sqlite3.Connection, shape: FileShape, order: Order, texts: Callable[[list[str]], Texts]
    ) -> None:
        self._db, self._shape, self._order, self._texts = db, shape, order, texts
        self._others = [place for place, column in enumerate(shape.columns) if place and column.kind == "fixed"]
        self._columns = set[str]()
        self._beside = set[tuple[str, str]]()
        self._claims: list[tuple[int, str]] = []
        self._strays = False
        db.execute("CREATE TABLE record (no INTEGER PRIMARY KEY, line INTEGER, place, state INTEGER, cells TEXT)")
        db.execute("CREATE TABLE beside (k TEXT, first TEXT, PRIMARY KEY (k, first)) WITHOUT ROWID")
        db.execute("CREATE TABLE claim (no INTEGER, k TEXT)")
        db.execute("CREATE TABLE alias (place TEXT PRIMARY KEY, same TEXT) WITHOUT ROWID")
        db.execute("CREATE TABLE doubt (place TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")

    def take(self, first: int, batch: Batch) -> None:
        """Take rows, of which the first has the number `first`."""
        numbered = zip(count(first), batch.lines, batch.rows(), strict=False)
        rows = (
            (number, line, *self._place(number, cells), json.dumps(as_plain(cells))) for number, line, cells in numbered
        )
        self._db.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?)", rows)
        self._db.executemany("INSERT OR IGNORE INTO beside VALUES (?, ?)", self._beside)
        self._db.executemany("INSERT INTO claim VALUES (?, ?)", self._claims)
        self._beside.clear()
        self._claims.clear()

    def _place(self, number: int, cells: list[str]) -> tuple[int | str, int]:
        """Where a row belongs, as far as it tells, and its state."""
        order = self._order(self._texts(cells))
        if isinstance(order, int):
            return order, GATHERED
        alone = f"\t\t{number}"  # no record's name, see same_records
        if isinstance(cells, Unread) and cells.place is None:
            return alone, ALONE
        if order is None or not self._is_whole(cells):
            return alone, self._stray(number, by_line(cells))
        keys = list(map(packed, order))
        if not keys:
            return alone, ALONE
        self._columns.add(order[0].column)
        self._beside.update((key, keys[0]) for key in keys[1:])
        return keys[0], GATHERED

    def _stray(self, number: int, lines: list[list[str]]) -> int:
        """Take note of the keys that a row without a group may have."""
        self._strays = True
        for cells in lines:
            keys = self._order(self._texts(cells))
            assert not isinstance(keys, int)
            self._claims += [(number, packed(key)) for key in keys or ()]
            self._columns.update(key.column for key in keys or ())
        return TORN if len(lines) > 1 else STRAY

    def _is_whole(self, cells: list[str]) -> bool:
        """Whether the cells are where the header says.

        They are not in a row that one program has put into a single cell, even if another has filled it up.
        """
        if not is_whole(self._shape, cells):
            return False
        return self._shape.delimiter not in cells[0] or any(cells[place].strip() for place in self._others)

    def settle(self, holders: Holders | None) -> None:
        """Gather the rows, now that all are taken."""
        if holders is not None and len(self._columns) > 1:
            self._find_records(holders)
        self._join_keys()
        self._name_groups()
        if self._strays:
            self._follow_claims()
            self._find_doubts()
        self._db.execute("CREATE TABLE place AS SELECT place, CASE typeof(place) WHEN 'integer' THEN place "
                         "ELSE min(no) END AS first, count(*) AS size, sum(length(cells)) AS weight FROM record "
                         "GROUP BY place")  # fmt: skip

    def _find_records(self, holders: Holders) -> None:
        """Put the records that keys mean beside them.

        Not of keys that the file itself gives to a record: an import that goes on after a kill would find them stored.
        """
        query = ("SELECT place FROM record WHERE place >= :low AND place < :high UNION "
                 "SELECT k FROM claim WHERE k >= :low AND k < :high EXCEPT SELECT k FROM beside")  # fmt: skip
        for column in sorted(self._columns):
            low, high = bounds(column)
            found = self._db.cursor().execute(query, {"low": low, "high": high}).fetchmany
            while keys := found(BATCH):
                same = same_records(holders, column, [key for (key,) in keys])
                self._db.executemany("INSERT INTO beside VALUES (?, ?)", ((each, key) for key, each in same.items()))

    def _join_keys(self) -> None:
        """Make those one that stand beside each other; what nothing else names needs no joining."""
        query = ("SELECT k, first FROM beside WHERE k IN (SELECT place FROM record) OR k IN (SELECT k FROM claim) "
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
        self._db.execute("UPDATE claim SET k = same FROM alias WHERE alias.place = claim.k")

    def _follow_claims(self) -> None:
        """Let stray rows belong to the group of the first of their keys that has one."""
        self._db.execute("UPDATE record SET place = claimed.k, state = CASE state WHEN ?2 THEN ?1 ELSE state END "
                         "FROM (SELECT no, k, min(rowid) FROM claim "
                         "WHERE k IN (SELECT place FROM record WHERE state = ?1) GROUP BY no) AS claimed "
                         "WHERE claimed.no = record.no", (GATHERED, STRAY))  # fmt: skip

    def _find_doubts(self) -> None:
        """Mark the groups that stray rows may be of, and the stray rows."""
        states = (STRAY, TORN)
        self._db.execute("INSERT OR IGNORE INTO doubt SELECT place, line FROM record WHERE state IN (?, ?)", states)
        self._db.execute("INSERT OR IGNORE INTO doubt SELECT near.place, stray.line FROM record AS stray "
                         "JOIN record AS near ON near.no IN (stray.no - 1, stray.no + 1) "
                         "WHERE stray.state IN (?, ?) AND near.state = ? ORDER BY stray.no",
                         (*states, GATHERED))  # fmt: skip
        self._db.execute("INSERT OR IGNORE INTO doubt SELECT k, line FROM claim JOIN record USING (no) "
                         "WHERE state = ? ORDER BY no", (TORN,))  # fmt: skip

    def records(self, skip: int) -> Iterator[tuple[int, Record, str, int, int, int]]:
        """See Scan.records."""
        query = ("SELECT no, record.line, cells, place, coalesce(doubt.line, 0), size, weight FROM record "
                 "JOIN place USING (place) LEFT JOIN doubt USING (place) ORDER BY first, no "
                 "LIMIT -1 OFFSET ?")  # fmt: skip
        for number, line, cells, place, stray, size, weight in self._db.execute(query, (skip,)):
            record = Record(line, from_plain(json.loads(cells)))
            if isinstance(place, str):
                yield number, record, place, stray, size, weight
            else:
                yield number, record, "", stray, 0, 0
