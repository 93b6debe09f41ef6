"""From bytes to records: lines of bounded length, split into cells by the csv module, with the lines they start on."""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, compress
from pathlib import Path
from typing import NamedTuple

from errors import FileProblem
from imports.encoding import END, line_ends
from imports.header_again import HeaderAgain
from imports.text_file import TextFile
from imports.unread import Unread, misquoted
from schemas import quoted

MAX_RECORD = 4 * 1024 * 1024
"""Characters of one record, and so of a line and of a cell: what an unclosed quote may swallow before it is named."""


class Record(NamedTuple):
    """`line` is the physical line on which it starts; `cells` are raw, as many as the row has, or imports.unread."""

    line: int
    cells: list[str]


class Source(NamedTuple):
    path: Path
    encoding: str
    skip: int
    """Lines before the header."""
    max_record: int
    header: tuple[str, ...] = ()
    """By which it is known when it stands in the file again, see imports.header_again."""


_ENDED, _OVERFULL, _LONG_LINE = -1, -2, -3


class Reading:
    """A file that is open for reading, and the physical line it has come to."""

    def __init__(self, source: Source, delimiter: str, file: TextFile) -> None:
        self.source, self.delimiter, self.line = source, delimiter, source.skip + 1
        self._file, self._ahead, self._ahead_size = file, io.StringIO(), 0
        self.header = HeaderAgain(source.header, delimiter)
        csv.field_size_limit(max(csv.field_size_limit(), source.max_record + 1))  # of the whole process: only raised
        for _ in range(source.skip):
            file.readline(MAX_RECORD)

    @property
    def offset(self) -> int | None:
        """The byte it has come to, if text can be read from there."""
        return self._file.offset

    def block(self, size: int) -> str:
        """About `size` characters, up to the end of a line of bearable length; empty at the end of the file."""
        return self._file.block(size, self.source.max_record)

    def put_back(self, block: str) -> None:
        """Let `records` begin with `block`."""
        self._ahead, self._ahead_size = io.StringIO(block, newline=""), len(block)

    def records(self, *, all: bool = True) -> Generator[Record, None, None]:
        """By the csv module, rows without any text left out; if not `all`, those that begin in what was put back."""
        held, lines, first = [0], list[str](), self.header.first
        try:
            for cells in self._split(held, lines):
                next_line = self.line + len(lines)
                if held[0] < 0:  # csv closes the last row for a file that ends within quotes
                    raise _cut(held[0] == _LONG_LINE, self.source, self.line, cells, next_line)
                held[0] = 0
                lines.clear()
                start, self.line = self.line, next_line
                if (cells and cells[0].strip()[:1] > END) or _has_text(cells):
                    if first is not None and cells and cells[0].endswith(first):
                        cells = self.header.instead(cells)
                    yield Record(start, cells)
                if not all and self._put_back_is_read():
                    return
        except UnicodeDecodeError as error:
            raise self.undecodable() from error
        if held[0] == _LONG_LINE:
            raise _too_large(self.line, self.source.max_record)

    def take(self, text: str) -> tuple[list[int], list[list[str]], str]:
        """The records of a text that stands here, as `records` gives them: their lines and cells.

        And the rest of it, from where the csv module alone does not do: text behind a closing quote, or a quote that is
        not closed in it.
        """
        if len(text) > self.source.max_record:
            return [], [], text
        given, starts, rows, at = io.StringIO(text, newline=""), [self.line], list[list[str]](), 0
        reader = csv.reader(given, delimiter=self.delimiter, strict=True)
        with suppress(csv.Error):
            for cells in reader:
                rows.append(cells)
                starts.append(self.line + reader.line_num)
                at = given.tell()
        self.line = starts.pop()
        told = [bool(cells and cells[0].strip()[:1] > END) or _has_text(cells) for cells in rows]
        if not all(told):
            starts, rows = list(compress(starts, told)), list(compress(rows, told))
        first = self.header.first
        if first is not None and any(cells[0].endswith(first) for cells in rows):
            rows = list(map(self.header.instead, rows))
        return starts, rows, text[at:]

    def _split(self, held: list[int], lines: list[str]) -> Iterator[list[str]]:
        """The cells of record after record; `held` and `lines` are as for `_bounded`."""
        bounded = self._bounded(held, lines)
        reader = csv.reader(bounded, delimiter=self.delimiter, strict=True)
        while True:
            try:
                yield from reader
                return
            except csv.Error:  # text behind a closing quote, or the end of the file before it; the reader goes on
                cells = next(csv.reader(chain(list(lines), bounded), delimiter=self.delimiter))
                unread = None if held[0] < 0 else misquoted(lines, self.delimiter, self.line)
                yield cells if unread is None else unread

    def undecodable(self) -> FileProblem:
        message = f"The file is not {self.source.encoding}: save it as CSV UTF-8"
        return FileProblem("NOT_TEXT", message, line=self.line)

    def _put_back_is_read(self) -> bool:
        return self._ahead.tell() == self._ahead_size

    def _bounded(self, held: list[int], lines: list[str]) -> Iterator[str]:
        """The file's lines. held[0] counts the characters since `records` set it to 0, and says why it is the end.

        `lines` are those that were given since `records` cleared them.
        It ends, instead of raising, when a record passes the limit: then csv hands out the cells read so far, and the
        last of them is the one whose quote is open.
        """
        limit = self.source.max_record
        while line := self._readline(limit + 1):
            held[0] += len(line)
            if held[0] > limit:
                held[0] = _LONG_LINE if len(line) > limit else _OVERFULL
                return
            lines.append(line)
            yield line
        held[0] = _ENDED

    def _readline(self, size: int) -> str:
        line = self._ahead.readline(size)
        if line.endswith(("\n", "\r")) or len(line) == size:
            return line
        return line + self._file.readline(size - len(line))


@contextmanager
def reading(source: Source, delimiter: str) -> Iterator[Reading]:
    with source.path.open("rb", buffering=0) as file:
        yield Reading(source, delimiter, TextFile(file, source.encoding))


def read_records(source: Source, delimiter: str) -> Iterator[Record]:
    """The header and what follows, rows without any text left out."""
    with reading(source, delimiter) as opened:
        yield from opened.records()


def _has_text(cells: list[str]) -> bool:
    return isinstance(cells, Unread) or any(cell.replace(END, " ").strip() for cell in cells)


def _cut(long_line: bool, source: Source, start: int, cells: list[str], next_line: int) -> FileProblem:
    """The problem of a record that began on `start` and was given up before `next_line`, within its last cell."""
    if long_line:
        return _too_large(next_line, source.max_record)
    if len(cells[-1]) < source.max_record // 2 < sum(map(len, cells)):
        return _too_large(start, source.max_record)
    line = start + sum(map(line_ends, cells[:-1]))
    message = (
        f"The quote that opens on line {line}, before {quoted(cells[-1][:40])}, is never closed: close it, "
        'and write "" for a quote that belongs to the text'
    )
    return FileProblem("UNCLOSED_QUOTE", message, line=line, value=cells[-1][:200])


def _too_large(line: int, limit: int) -> FileProblem:
    message = f"The row on line {line} has more than {limit:,} characters: shorten its cells, or end lines with CRLF"
    return FileProblem("TOO_LARGE", message, line=line)
