"""Reads CSV files as partners really send them, in bounded memory. Knows the template's columns, not its values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from errors import FileProblem
from imports.batches import Batch
from imports.cell_counts import before_notes, count_fault, is_whole, surplus
from imports.delimiter import MAX_COLUMNS, find_delimiter, preamble
from imports.encoding import detect
from imports.header import Column, check_order, columns_in_words, read_header
from imports.lines import MAX_RECORD, Record, Source
from imports.stretches import BLOCK, Spot, Stretch, read_again, read_stretches
from imports.unread import Unread
from schemas import TemplateSchema

__all__ = [
    "MAX_RECORD",
    "Batch",
    "Column",
    "FileShape",
    "Record",
    "Spot",
    "Stretch",
    "again",
    "batches",
    "count_fault",
    "inspect",
    "is_whole",
    "missing_column",
    "records",
    "stretches",
]


_SAMPLE = 100
"""Rows that tell whether all end with a delimiter that the header does not have."""


@dataclass(frozen=True, slots=True)
class FileShape:
    """What the beginning of a file tells; `encoding` and `guessed` as in imports.encoding, `header_line` usually 1.

    With a `bom` what goes back begins with a byte order mark: it came with one, or a spreadsheet would take its
    letters for those of Windows-1252 without, and save them so.
    """

    encoding: str
    guessed: int
    bom: bool
    delimiter: str
    header_line: int
    columns: tuple[Column, ...]
    missing_needed: tuple[str, ...]

    width: int = field(init=False)
    """Columns up to the last one that means something."""
    named: int = field(init=False)
    """Columns with a name; those without one stand behind them."""
    bare: int = field(init=False)
    """Cells of a row without the notes of rejected.csv, if the named columns end with these; else -1."""
    usual: int = field(init=False)
    """Cells of a row that is whole by their number alone; -1 if that does not do."""

    def __post_init__(self) -> None:
        means = (place for place, column in enumerate(self.columns, 1) if column.kind in ("fixed", "open"))
        object.__setattr__(self, "width", max(means, default=0))
        named = [column for column in self.columns if column.kind != "blank"]
        object.__setattr__(self, "named", len(named))
        object.__setattr__(self, "bare", before_notes(named))
        object.__setattr__(self, "usual", len(named) if len(named) == len(self.columns) and self.bare < 0 else -1)


def inspect(
    path: Path,
    schema: TemplateSchema,
    *,
    column_order: Literal["strict", "any"] | str = "strict",
    max_record: int = MAX_RECORD,
) -> FileShape:
    """Read the whole file for its encoding, and its beginning for the rest. Raises FileProblem with a file code."""
    encoding = detect(path)
    before, declared = preamble(path, encoding.name)
    source = Source(path, encoding.name, before, max_record)
    delimiter, header = find_delimiter(source, schema, declared)
    columns = read_header(header.cells, schema, header.line)
    if column_order == "strict":
        check_order(columns, schema, header.line)
    names = {column.name for column in columns}
    missing = tuple(name for name in schema.needed_columns if name not in names)
    bom = encoding.marked or not encoding.plain
    shape = FileShape(encoding.name, encoding.guessed, bom, delimiter, header.line, columns, missing)
    rows = _first_rows(records(path, shape, max_record=max_record), len(columns))
    if not rows:
        raise FileProblem("EMPTY_FILE", "The file has a header but no rows: send at least one", line=header.line)
    behind = surplus(rows)
    if not 0 < behind <= MAX_COLUMNS - len(columns):
        return shape
    return replace(shape, columns=(*columns, *[Column("", "blank")] * behind))


def _first_rows(found: Iterator[Record], width: int) -> list[list[str]]:
    """What the first rows have behind `width` cells, up to a problem of the file that comes later.

    Not all of their cells: a hundred rows may be large.
    """
    rows: list[list[str]] = []
    try:
        for record in islice(found, _SAMPLE):
            rows.append(record.cells if isinstance(record.cells, Unread) else record.cells[width:])
    except FileProblem:
        if not rows:
            raise
    return rows


def records(path: Path, shape: FileShape, *, max_record: int = MAX_RECORD) -> Iterator[Record]:
    """The rows behind the header; those without any text are left out, but their lines count.

    Raises FileProblem UNCLOSED_QUOTE, TOO_LARGE or (the file changed meanwhile) NOT_TEXT, when it gets there.
    """
    for batch in batches(path, shape, max_record=max_record, block=BLOCK // 4):
        yield from map(Record, batch.lines, batch.rows())


def batches(path: Path, shape: FileShape, *, max_record: int = MAX_RECORD, block: int = BLOCK) -> Iterator[Batch]:
    """The same by the batch of about `block` characters."""
    for stretch in stretches(path, shape, max_record=max_record, block=block):
        yield from stretch.batches()


def stretches(path: Path, shape: FileShape, *, max_record: int = MAX_RECORD, block: int = BLOCK) -> Iterator[Stretch]:
    """The same before it is split."""
    return read_stretches(_source(path, shape, max_record), shape.delimiter, block)


def again(path: Path, shape: FileShape, spot: Spot, *, max_record: int = MAX_RECORD) -> Iterator[Batch]:
    """The rows of a stretch that was read before."""
    return read_again(_source(path, shape, max_record), shape.delimiter, spot)


def _source(path: Path, shape: FileShape, max_record: int) -> Source:
    # What is ignored need not be the same: rejected.csv has notes beside a header that comes back as a row.
    header = (column.text if column.kind in ("fixed", "open") or not place else ""
              for place, column in enumerate(shape.columns[: shape.width]))  # fmt: skip
    return Source(path, shape.encoding, shape.header_line - 1, max_record, tuple(header))


def missing_column(shape: FileShape, schema: TemplateSchema) -> FileProblem:
    """The problem of a file that would create records but lacks columns that this needs."""
    found = ", ".join(column.name for column in shape.columns if column.name)
    message = (
        f"The header lacks {', '.join(shape.missing_needed)}, without which no {schema.entity} can be created; "
        f"it has {found}: add what is missing. The columns are {columns_in_words(schema)}"
    )
    return FileProblem("MISSING_COLUMN", message, line=shape.header_line, column=shape.missing_needed[0])
