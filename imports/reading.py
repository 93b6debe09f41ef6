"""Reads CSV files as partners really send them, in bounded memory. Knows the template's columns, not its values."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, TextIO

from errors import FileProblem
from imports.encoding import detect, line_ends
from imports.header import Column, check_order, classify, columns_in_words, matched, read_header
from schemas import TemplateSchema

DELIMITERS = ",;\t|"
MAX_RECORD = 4 * 1024 * 1024
"""Characters of one record, and so of a line and of a cell: what an unclosed quote may swallow before it is named."""

MAX_COLUMNS = 10_000

_SEPARATOR_LINE = re.compile(r'"?sep=([^\w"\s]|\t)"?[,;\t|]*\s*', re.IGNORECASE)
_SAMPLE = 100
"""Records that are counted when a header fits several delimiters equally well."""


class Record(NamedTuple):
    """`line` is the physical line on which it starts; `cells` are raw, as many as the row has."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class FileShape:
    """What the beginning of a file tells; `encoding` is what open() takes, `header_line` usually 1."""

    encoding: str
    guessed: bool
    bom: bool
    delimiter: str
    header_line: int
    columns: tuple[Column, ...]
    missing_needed: tuple[str, ...]

    width: int = field(init=False)
    """Cells that a row must have: up to the last column that means something."""
    named: int = field(init=False)
    """Columns with a name; those without one stand behind them."""

    def __post_init__(self) -> None:
        means = (place for place, column in enumerate(self.columns, 1) if column.kind in ("fixed", "open"))
        object.__setattr__(self, "width", max(means, default=0))
        object.__setattr__(self, "named", sum(column.kind != "blank" for column in self.columns))


def inspect(
    path: Path,
    schema: TemplateSchema,
    *,
    column_order: Literal["strict", "any"] | str = "strict",
    max_record: int = MAX_RECORD,
) -> FileShape:
    """Read the whole file for its encoding, and its beginning for the rest. Raises FileProblem with a file code."""
    encoding = detect(path)
    before, declared = _preamble(path, encoding.name)
    source = _Source(path, encoding.name, before, max_record)
    delimiter, header = _delimiter(source, schema, declared)
    columns = read_header(header.cells, schema, header.line)
    if column_order == "strict":
        check_order(columns, schema, header.line)
    names = {column.name for column in columns}
    missing = tuple(name for name in schema.needed_columns if name not in names)
    shape = FileShape(encoding.name, encoding.guessed, encoding.bom, delimiter, header.line, columns, missing)
    if next(records(path, shape, max_record=max_record), None) is None:
        raise FileProblem("EMPTY_FILE", "The file has a header but no rows: send at least one", line=header.line)
    return shape


def records(path: Path, shape: FileShape, *, max_record: int = MAX_RECORD) -> Iterator[Record]:
    """The rows behind the header; those without any text are left out, but their lines count.

    Raises FileProblem UNCLOSED_QUOTE, TOO_LARGE or (the file changed meanwhile) NOT_TEXT, when it gets there.
    """
    rows = _rows(_Source(path, shape.encoding, shape.header_line - 1, max_record), shape.delimiter)
    next(rows, None)
    return rows


def count_fault(shape: FileShape, cells: list[str]) -> str:
    """What is wrong with the number of cells of a row, or an empty text.

    Cells of notes and of nameless columns at the end may be left out; those of nameless columns must be empty.
    """
    found, width, most = len(cells), shape.width, len(shape.columns)
    if width <= found <= shape.named:
        return ""
    if shape.named < found <= most:
        blank = not any(map(str.strip, cells[shape.named :]))
        return "" if blank else "The row has text in a column without a name: name the column or empty the cell"
    expected = f"{width} to {most}" if width < most else str(width)
    advice = "quote cells that hold the delimiter or a line break" if found > most else "add the missing cells"
    return f"The row has {found} cells, the header {expected}: {advice} (the delimiter is {shape.delimiter!r})"


def missing_column(shape: FileShape, schema: TemplateSchema) -> FileProblem:
    """The problem of a file that would create records but lacks columns that this needs."""
    found = ", ".join(column.name for column in shape.columns if column.name)
    message = (
        f"The header lacks {', '.join(shape.missing_needed)}, without which no {schema.entity} can be created; "
        f"it has {found}: add what is missing. The columns are {columns_in_words(schema)}"
    )
    return FileProblem("MISSING_COLUMN", message, line=shape.header_line, column=shape.missing_needed[0])


class _Source(NamedTuple):
    path: Path
    encoding: str
    skip: int
    """Lines before the header."""
    max_record: int


def _preamble(path: Path, encoding: str) -> tuple[int, str]:
    """How many lines stand before the header, and the delimiter that a `sep=` line declares. Raises EMPTY_FILE."""
    declared = ""
    with path.open(encoding=encoding, newline="") as file:
        for before, line in enumerate(iter(partial(file.readline, MAX_RECORD), "")):
            text = line.strip().lstrip("\ufeff")
            match = None if declared else _SEPARATOR_LINE.fullmatch(line.lstrip("\ufeff"))
            if match:
                declared = match[1]
            elif text.strip(DELIMITERS + ' "'):
                return before, declared
    raise FileProblem("EMPTY_FILE", "The file is empty: send a header and at least one row")


def _delimiter(source: _Source, schema: TemplateSchema, declared: str) -> tuple[str, Record]:
    """The delimiter with which the header matches most columns, and the header read with it."""
    candidates = dict.fromkeys(declared + DELIMITERS)
    headers: dict[str, Record] = {}
    problem: FileProblem | None = None
    for delimiter in candidates:
        try:
            headers[delimiter] = _header(source, delimiter)
        except FileProblem as error:
            problem = problem or error
    known = {delimiter: matched(classify(header.cells, schema)) for delimiter, header in headers.items()}
    if problem is not None and not any(known.values()):
        raise problem
    if declared and known.get(declared):
        return declared, headers[declared]
    rank = {delimiter: (known[delimiter], len(header.cells)) for delimiter, header in headers.items()}
    best = [delimiter for delimiter in headers if rank[delimiter] == max(rank.values())]
    chosen = best[0] if len(best) == 1 else max(best, key=partial(_even_rows, source, len(headers[best[0]].cells)))
    return chosen, headers[chosen]


def _header(source: _Source, delimiter: str) -> Record:
    header = next(_rows(source, delimiter))
    if len(header.cells) > MAX_COLUMNS:
        message = f"The header has {len(header.cells):,} columns: at most {MAX_COLUMNS:,} are taken"
        raise FileProblem("TOO_LARGE", message, line=header.line)
    return header


def _even_rows(source: _Source, width: int, delimiter: str) -> int:
    """How many of the first rows have as many cells as the header."""
    try:
        return sum(len(record.cells) == width for record in islice(_rows(source, delimiter), _SAMPLE))
    except FileProblem:
        return 0


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


def _rows(source: _Source, delimiter: str) -> Iterator[Record]:
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
                if any(map(str.strip, cells)):
                    yield Record(start, cells)
                start = skip + reader.line_num + 1
        except UnicodeDecodeError as error:
            message = f"The file is not {source.encoding}: save it as CSV UTF-8"
            raise FileProblem("NOT_TEXT", message, line=start) from error
        if held[0] == _LONG_LINE:
            raise _too_large(start, source.max_record)


def _cut(long_line: bool, source: _Source, start: int, cells: list[str], next_line: int) -> FileProblem:
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
