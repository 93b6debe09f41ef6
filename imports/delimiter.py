"""Finds the header of a file and the delimiter with which it fits a template."""

from __future__ import annotations

import re
from functools import partial
from itertools import islice
from pathlib import Path

from errors import FileProblem
from imports.encoding import END
from imports.header import DELIMITERS, classify, matched
from imports.lines import MAX_RECORD, Record, Source, read_records
from imports.unread import Unread, shown
from schemas import TemplateSchema

MAX_COLUMNS = 10_000

_SEPARATOR_LINE = re.compile(r'"?sep=([^\w"\s]|\t)"?[,;\t|]*\s*', re.IGNORECASE)
_SAMPLE = 100
"""Records that are counted when a header fits several delimiters equally well."""


def preamble(path: Path, encoding: str) -> tuple[int, str]:
    """How many lines stand before the header, and the delimiter that a `sep=` line declares. Raises EMPTY_FILE."""
    declared = ""
    with path.open(encoding=encoding, newline="") as file:
        for before, line in enumerate(iter(partial(file.readline, MAX_RECORD), "")):
            match = None if declared else _SEPARATOR_LINE.fullmatch(line.lstrip("\ufeff"))
            if match:
                declared = match[1]
            elif line.strip().strip(f'{DELIMITERS}{END} "\ufeff'):
                return before, declared
    raise _empty()


def _empty() -> FileProblem:
    return FileProblem("EMPTY_FILE", "The file is empty: send a header and at least one row")


def find_delimiter(source: Source, schema: TemplateSchema, declared: str) -> tuple[str, Record]:
    """The delimiter with which the header matches most columns, and the header read with it."""
    delimiter, header = _best(source, schema, declared)
    if isinstance(header.cells, Unread):
        raise FileProblem("UNCLOSED_QUOTE", header.cells.fault, line=header.line, value=header.cells.value)
    return delimiter, header


def _best(source: Source, schema: TemplateSchema, declared: str) -> tuple[str, Record]:
    """The same, also of a header that is not to be read; with wrong delimiters one with quotes never is."""
    candidates = dict.fromkeys(declared + DELIMITERS)
    headers: dict[str, Record] = {}
    problem: FileProblem | None = None
    for delimiter in candidates:
        try:
            headers[delimiter] = _header(source, delimiter)
        except FileProblem as error:
            problem = problem or error
    cells = {delimiter: shown(header.cells) for delimiter, header in headers.items()}
    known = {delimiter: matched(classify(texts, schema)) for delimiter, texts in cells.items()}
    if problem is not None and not any(known.values()):
        raise problem
    if declared and known.get(declared):
        return declared, headers[declared]
    rank = {delimiter: (known[delimiter], len(texts)) for delimiter, texts in cells.items()}
    best = [delimiter for delimiter in headers if rank[delimiter] == max(rank.values())]
    chosen = best[0] if len(best) == 1 else max(best, key=partial(_even_rows, source, len(cells[best[0]])))
    return chosen, headers[chosen]


def _header(source: Source, delimiter: str) -> Record:
    header = next(read_records(source, delimiter), None)
    if header is None:  # nothing but a delimiter that a sep= line declared
        raise _empty()
    if len(header.cells) > MAX_COLUMNS:
        message = f"The header has {len(header.cells):,} columns: at most {MAX_COLUMNS:,} are taken"
        raise FileProblem("TOO_LARGE", message, line=header.line)
    return header


def _even_rows(source: Source, width: int, delimiter: str) -> int:
    """How many of the first rows have as many cells as the header."""
    try:
        return sum(len(record.cells) == width for record in islice(read_records(source, delimiter), _SAMPLE))
    except FileProblem:
        return 0
