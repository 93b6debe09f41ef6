"""Sorts the rows of a report file that was not made in the order of the file's lines, on disk."""

from __future__ import annotations

import codecs
import csv
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

LineOf = Callable[[list[str]], int]
"""The line by which a row is sorted; it is called once for each row, in the rows' order."""


def sort_rows(source: Path, target: Path, delimiter: str, line_of: LineOf) -> None:
    """Write `source` to `target` with its rows ordered by line; rows of one line keep their order."""
    scratch, aside = target.with_suffix(".scratch"), target.with_suffix(".part")
    scratch.unlink(missing_ok=True)
    with closing(sqlite3.connect(scratch)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("CREATE TABLE row (line INTEGER, cells TEXT)")
        rows = _read(source, delimiter)
        header = next(rows)
        packed = ((line_of(cells), json.dumps(cells)) for cells in rows)
        database.executemany("INSERT INTO row VALUES (?, ?)", packed)
        ordered = (json.loads(cells) for (cells,) in database.execute("SELECT cells FROM row ORDER BY line, rowid"))
        _write(aside, delimiter, header, ordered, bom=_has_bom(source))
    scratch.unlink()
    aside.replace(target)


def _has_bom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(3) == codecs.BOM_UTF8


def _read(path: Path, delimiter: str) -> Iterator[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.reader(file, delimiter=delimiter)


def _write(path: Path, delimiter: str, header: list[str], rows: Iterator[list[str]], *, bom: bool) -> None:
    with path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())
