"""Rows whose cells are not to be read: those in which text stands behind a closing quote, so that nothing tells where
a cell ends, and what is no row at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from imports.encoding import END, line_ends
from schemas import quoted

_LONGEST = 40
"""Characters of a cell in a message."""


class Unread(list[str]):
    """Stands for the cells of such a row: an empty list, so that nobody takes what stands there for values."""

    __slots__ = ("fault", "lines", "place", "value")

    def __init__(self, lines: list[list[str]], fault: str, place: int | None = None, value: str = "") -> None:
        super().__init__()
        self.lines = lines
        """What stands on each of its lines, as far as that can be told; a quoted cell at fault with its quotes."""
        self.fault = fault
        """What was found, what is expected and what to do."""
        self.place, self.value = place, value
        """Which cell is at fault, and what stands there; None of what is no row."""


def shown(cells: list[str]) -> list[str]:
    """The cells of a row as a person is to see them."""
    return [cell for line in cells.lines for cell in line] if isinstance(cells, Unread) else cells


def by_line(cells: list[str]) -> list[list[str]]:
    """The cells of a row; of one that is not to be read, those of each of its lines."""
    return cells.lines if isinstance(cells, Unread) else [cells]


def as_plain(cells: list[str]) -> list[Any]:
    """The cells of a row as json and marshal take them."""
    return [cells.lines, cells.fault, cells.place, cells.value] if isinstance(cells, Unread) else cells


def from_plain(plain: list[Any]) -> list[str]:
    """What was given to `as_plain`."""
    return plain if isinstance(plain[0], str) else Unread(*plain)


def misquoted(lines: Sequence[str], delimiter: str, line: int) -> Unread | None:
    """The cells of a record that begins on `line` and that csv.reader(strict=True) refuses.

    None if it has but blanks behind its closing quotes, which some programs write.
    """
    text = "".join(lines)
    for place, cell in enumerate(_cells(text, delimiter)):
        if _is_at_fault(cell):
            fault = _fault(cell, line + line_ends(text[: cell.end(1)]), line, line + len(lines) - 1)
            cells = [[_text(each) for each in _cells(part, delimiter)] for part in lines]
            return Unread(cells, fault, place, cell[0])
    return None


def _cells(text: str, delimiter: str) -> Iterator[re.Match[str]]:
    """The cells of a record, or of a line of it, as the csv module tells them apart when it is not strict."""
    cell, at = _cell(delimiter), 0
    while found := cell.match(text, at):
        yield found
        at = found.end() + 1
        if text[found.end() : at] != delimiter:
            return


@lru_cache
def _cell(delimiter: str) -> re.Pattern[str]:
    """What is quoted at the beginning of a cell, and the rest of it."""
    # No possessive group: before Python 3.11.5 one that fails half-way stays where it stood (its issue 106052).
    return re.compile(rf'("[^"]*+(?:""[^"]*+)*"(?!")|)([^{re.escape(delimiter)}\r\n]*+)')


def _is_at_fault(cell: re.Match[str]) -> bool:
    return bool(cell[1]) and bool(cell[2].replace(END, " ").strip())


def _text(cell: re.Match[str]) -> str:
    return cell[0] if not cell[1] or _is_at_fault(cell) else cell[1][1:-1].replace('""', '"')


def _fault(cell: re.Match[str], closes: int, first: int, last: int) -> str:
    rest = cell[2].strip()[:_LONGEST]
    together = f", and lines {first} to {last} were read as one row" if last > first else ""
    return (f"On line {closes} {quoted(rest)} stands behind the quote that closes a cell, where the delimiter or the "
            f'end of the line is expected{together}: write "" for a quote that belongs to the text, and put the whole '
            "cell in quotes")  # fmt: skip
