"""How many cells the rows of a file have, and what is wrong with those that do not have as many as the header."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from errors import ROW_CODES
from imports.header import IN_QUOTES, Column, bare_name
from imports.unread import Unread
from schemas import quoted

if TYPE_CHECKING:
    from imports.reading import FileShape

NOTES = ("_line", "_code", "_message")
"""What stands behind a rejected row; when the file comes back, these columns are ignored."""
REJECTED = "rejected.csv"
JOIN = " | "
"""Between the codes, and the messages, of one rejected row."""
FILLED_UP = "cells were missing: put each value into its column and then delete this cell"
"""Stands behind the notes of a row that rejected.csv has filled up; who deletes it has looked at the row."""
_NUMBER = re.compile(r"\d+(?:[.,]0+)?")
_LONGEST = 40
"""Characters of a cell in a message."""


def surplus(rows: Collection[list[str]]) -> int:
    """How many cells behind the header's each of the rows has, if these are blank and equally many; else 0."""
    behind = [row for row in rows if not isinstance(row, Unread)]
    counts = set(map(len, behind))
    alike = len(counts) == 1 and not any(cell.strip() for cells in behind for cell in cells)
    return counts.pop() if alike else 0


def before_notes(columns: Sequence[Column]) -> int:
    """How many cells a row has without the notes of rejected.csv, if the columns end with these; else -1."""
    first = len(columns) - len(NOTES)
    ends = tuple(bare_name(column.text).lower() for column in columns[max(first, 0) :])
    return first if ends == NOTES else -1


def is_whole(shape: FileShape, cells: list[str]) -> bool:
    """Whether a row has its cells, and these stand where the header says, as far as anything tells.

    The notes of rejected.csv may be left out, but only all of them: people take them away, and add rows without. What
    else is ignored needs its cells, or the row may as well lack a cell before them. Cells of nameless columns at the
    end may be left out and must be empty.
    """
    found = len(cells)
    if found == shape.usual:
        return True
    if shape.named <= found <= len(shape.columns):
        return not any(map(str.strip, cells[shape.named :])) and not _fault_of_notes(shape, cells)
    return found == shape.bare and not isinstance(cells, Unread) and not _fault_of_notes(shape, cells)


def all_noted(shape: FileShape, columns: Sequence[Sequence[str]]) -> bool:
    """Whether the notes that `columns` of whole rows end with, if any do, surely stand in their places."""
    if shape.bare < 0:
        return True
    lines, codes = columns[shape.bare : shape.bare + 2]
    return all(map(str.isdigit, lines)) and all(code and not is_line(code) for code in map(str.strip, set(codes)))


def is_line(note: str) -> bool:
    """Whether it is the number of a line. Programs that keep a column with empty cells as numbers write 7.0 for 7."""
    return _NUMBER.fullmatch(note) is not None


def former_notes(cells: list[str]) -> int:
    """Where the notes of a row seem to begin, the number of a line and codes side by side; -1: nowhere."""
    for place, (line, codes) in enumerate(pairwise(map(str.strip, cells))):
        if is_line(line) and ROW_CODES.keys() >= set(codes.split(JOIN)):
            return place
    return -1


def _fault_of_notes(shape: FileShape, cells: list[str]) -> str:
    """What tells that a cell is missing, or too many, before the notes of rejected.csv; or an empty text."""
    if shape.bare < 0:
        return ""
    line, code, *_ = (*map(str.strip, cells[shape.bare : shape.named]), "", "")
    if line and not is_line(line):
        return f"{quoted(line[:_LONGEST])} stands in {NOTES[0]}, where {REJECTED} has the number of a line"
    if is_line(code):
        return f"{quoted(code[:_LONGEST])} stands in {NOTES[1]}, where {REJECTED} has codes"
    place = -1 if code else former_notes(cells[: shape.bare])
    if place < 0:
        return ""
    return f"A line number and a code, as {REJECTED} has them, stand in columns {place + 1} and {place + 2}"


def count_fault(shape: FileShape, cells: list[str], *, follows: bool = False) -> str:
    """What is wrong with the number of cells of a row, or with one that is not to be read; or an empty text.

    `follows`: it may be the rest of the row before, cut off at a line break without quotes.
    """
    if isinstance(cells, Unread):
        return cells.fault
    if is_whole(shape, cells):
        return ""
    found, most = len(cells), len(shape.columns)
    if any(cell.strip() == FILLED_UP for cell in cells[shape.width :]):
        return (f"The row was sent before with cells missing, and the cell {quoted(FILLED_UP)} still stands behind it: "
                "see that each value stands in its column, and delete that cell")  # fmt: skip
    enough = shape.named <= found <= most
    if (enough or found == shape.bare) and (fault := _fault_of_notes(shape, cells)):
        return f"{fault}: put each value and each note into its column, or take the notes of the row away"
    if behind := _behind_notes(shape, cells):
        return (f"{quoted(behind[:_LONGEST])} stands behind {NOTES[-1]}, where nothing may stand: move it into its "
                "column, or delete it")  # fmt: skip
    if enough:
        return "The row has text in a column without a name: name the column or empty the cell"
    expected = f"{shape.named} to {most}" if shape.named < most else str(most)
    expected += f", or {shape.bare} without notes" if shape.bare > 0 else ""
    over = 0 < shape.bare < found < shape.named
    advice = _too_many(cells, most) if found > most else _too_few(cells, shape.delimiter, follows and not over)
    advice += ", or quote cells that hold the delimiter" if over else ""
    told = "1 cell" if found == 1 else f"{found} cells"
    return f"The row has {told}, the header {expected}: {advice} (the delimiter is {quoted(shape.delimiter)})"


def _too_many(cells: list[str], most: int) -> str:
    if not any(map(str.strip, cells[most:])):
        # In rejected.csv it does no more.
        return "the row ends with a delimiter that the header does not have: send the row without it"
    return _late_quote(cells) or "quote cells that hold the delimiter or a line break"


def _behind_notes(shape: FileShape, cells: list[str]) -> str:
    """The first text behind the notes of rejected.csv, where it has what a row has too many."""
    if shape.bare < 0 or former_notes(cells) != shape.bare:
        return ""
    return next(filter(None, map(str.strip, cells[shape.named :])), "")


def _too_few(cells: list[str], delimiter: str, follows: bool) -> str:
    texts = [cell for cell in cells if cell.strip()]
    if len(texts) == 1 and delimiter in texts[0]:
        return IN_QUOTES
    # A quote that was to hold a line break is not closed on its line.
    if late := _late_quote(cell for cell in cells if cell.count('"') == 1):
        return late
    rest = (", or, if it is the rest of the row before, which then lacks it, take this row out and send that one again "
            "with the whole cell in quotes")  # fmt: skip
    return f"add the missing cells{rest if follows else ''}"


def _late_quote(cells: Iterable[str]) -> str:
    """What is to be said if the quote that opens a cell does not stand at its beginning."""
    late = next((cell.strip() for cell in cells if cell[:1] != '"' and cell.lstrip()[:1] == '"'), "")
    return late and (f"a blank stands before the quote of {quoted(late[:_LONGEST])}, and a quote counts only directly "
                     "behind the delimiter: take the blank away")  # fmt: skip
