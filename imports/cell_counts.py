"""How many cells the rows of a file have, and what is wrong with those that do not have as many as the header."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from imports.header import IN_QUOTES
from imports.unread import Unread

if TYPE_CHECKING:
    from imports.reading import FileShape

FILLED_UP = "cells were missing: put each value into its column and then delete this cell"
"""Stands behind the notes of a row that rejected.csv has filled up; who deletes it has looked at the row."""
_LONGEST = 40
"""Characters of a cell in a message."""


def surplus(rows: Collection[list[str]]) -> int:
    """How many cells behind the header's each of the rows has, if these are blank and equally many; else 0."""
    behind = [row for row in rows if not isinstance(row, Unread)]
    counts = set(map(len, behind))
    alike = len(counts) == 1 and not any(cell.strip() for cells in behind for cell in cells)
    return counts.pop() if alike else 0


def count_fault(shape: FileShape, cells: list[str]) -> str:
    """What is wrong with the number of cells of a row, or with one that is not to be read; or an empty text.

    Cells of notes and of nameless columns at the end may be left out; those of nameless columns must be empty.
    """
    if isinstance(cells, Unread):
        return cells.fault
    found, width, most = len(cells), shape.width, len(shape.columns)
    if width <= found <= shape.named:
        return ""
    behind = cells[shape.named :]
    if shape.named < found <= most and not any(map(str.strip, behind)):
        return ""
    if any(cell.strip() == FILLED_UP for cell in behind):
        return (f"The row was sent before with cells missing, and the cell {FILLED_UP!r} still stands behind it: see "
                "that each value stands in its column, and delete that cell")  # fmt: skip
    if shape.named < found <= most:
        return "The row has text in a column without a name: name the column or empty the cell"
    expected = f"{width} to {most}" if width < most else str(width)
    advice = _too_many(cells, most) if found > most else _too_few(cells, shape.delimiter)
    return f"The row has {found} cells, the header {expected}: {advice} (the delimiter is {shape.delimiter!r})"


def _too_many(cells: list[str], most: int) -> str:
    if not any(map(str.strip, cells[most:])):
        return "the row ends with a delimiter that the header does not have: take it away"
    return _late_quote(cells) or "quote cells that hold the delimiter or a line break"


def _too_few(cells: list[str], delimiter: str) -> str:
    texts = [cell for cell in cells if cell.strip()]
    if len(texts) == 1 and delimiter in texts[0]:
        return IN_QUOTES
    # A quote that was to hold a line break is not closed on its line.
    return _late_quote(cell for cell in cells if cell.count('"') == 1) or "add the missing cells"


def _late_quote(cells: Iterable[str]) -> str:
    """What is to be said if the quote that opens a cell does not stand at its beginning."""
    late = next((cell.strip() for cell in cells if cell[:1] != '"' and cell.lstrip()[:1] == '"'), "")
    return late and (f"a blank stands before the quote of {late[:_LONGEST]!r}, and a quote counts only directly behind "
                     "the delimiter: take the blank away")  # fmt: skip
