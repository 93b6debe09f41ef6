"""From bytes to records: lines of bounded length, split into cells by the csv module, with the lines they start on."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple, TextIO

from errors import FileProblem
from imports.encoding import line_ends

MAX_RECORD = 4 * 1024 * 1024
"""Characters of one record, and so of a line and of a cell: what an unclosed quote may swallow before it is named."""


class Record(NamedTuple):
    """`line` is the physical line on which it starts; `cells` are raw, as many as the row has."""

    line: int
    cells: list[str]


class Source(NamedTuple):
    path: Path
    encoding: str
    skip: int
    """Lines before the header."""
    max_record: int


_ENDED, _OVERFULL, _LONG_LINE = -1, -2, -3


def _bounded(file: TextIO, limit: int, held: list[int]) -> Iterator[str]:
    """The file's lines. held[0] counts the characters since the reader set it to 0, and says at the end why it is one.

    It ends, instead of raising, when a record passes the limit: then csv hands out the cells read so far, and the
    last of them is the one whose quote is open.
    """
    for line in iter(partial(file.readline, limit + 1), ""):
        held[0] += len(line)
        if held[0] > limit:
            held[0] = _LONG_LINE if len(line) > limit else _OVERFULL
            return
        yield line
    held[0] = _ENDED


def read_records(source: Source, delimiter: str) -> Iterator[Record]:
    """The header and what follows, rows without any text left out."""
    held, skip = [0], source.skip
    csv.field_size_limit(max(csv.field_size_limit(), source.max_record + 1))  # of the whole process: only ever raised
    with source.path.open(encoding=source.encoding, newline="") as file:
        for _ in range(skip):
            file.readline(MAX_RECORD)
        reader = csv.reader(_bounded(file, source.max_record, held), delimiter=delimiter)
        start = skip + 1
        try:
            for cells in reader:
                if held[0] < 0:  # csv closes the last row for a file that ends within quotes
                    raise _cut(held[0] == _LONG_LINE, source, start, cells, skip + reader.line_num + 1)
                held[0] = 0
                if (cells and cells[0].strip()) or any(map(str.strip, cells)):
                    yield Record(start, cells)
                start = skip + reader.line_num + 1
        except UnicodeDecodeError as error:
            message = f"The file is not {source.encoding}: save it as CSV UTF-8"
            raise FileProblem("NOT_TEXT", message, line=start) from error
        if held[0] == _LONG_LINE:
            raise _too_large(start, source.max_record)


def _cut(long_line: bool, source: Source, start: int, cells: list[str], next_line: int) -> FileProblem:
    """The problem of a record that began on `start` and was given up before `next_line`, within its last cell."""
    if long_line:
        return _too_large(next_line, source.max_record)
    if len(cells[-1]) < source.max_record // 2 < sum(map(len, cells)):
        return _too_large(start, source.max_record)
    line = start + sum(map(line_ends, cells[:-1]))
    message = (
        f"The quote that opens on line {line}, before {cells[-1][:40]!r}, is never closed: close it, "
        'and write "" for a quote that belongs to the text'
    )
    return FileProblem("UNCLOSED_QUOTE", message, line=line, value=cells[-1][:200])


def _too_large(line: int, limit: int) -> FileProblem:
    message = f"The row on line {line} has more than {limit:,} characters: shorten its cells, or end lines with CRLF"
    return FileProblem("TOO_LARGE", message, line=line)
