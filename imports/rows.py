"""A row on its way from the file to the database, and what is said about it."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"


@dataclass(frozen=True, slots=True)
class Message:
    """A line of the report. `column` is a column of the template, or empty when the row as a whole is meant."""

    column: str
    value: str
    code: str
    text: str


class Row:
    """One record of the file.

    `number` counts records from 0, `line` is the physical line on which the record starts. `texts` holds the trimmed
    cells by column, `values` what the schema made of them by attribute; None in `values` clears what is stored.
    `write` is what goes into the table, once references are resolved.
    """

    __slots__ = (
        "_mark",
        "_places",
        "_texts",
        "cells",
        "errors",
        "group",
        "group_size",
        "group_weight",
        "hash",
        "line",
        "new_id",
        "number",
        "outcome",
        "stored",
        "stray",
        "system_id",
        "values",
        "warnings",
        "write",
    )  # fmt: skip

    def __init__(
        self, number: int, line: int, cells: list[str], group: str = "", stray: int = 0, group_size: int = 0,
        group_weight: int = 0,
    ) -> None:  # fmt: skip
        self.number, self.line, self.cells, self.group = number, line, cells, group
        self.stray = stray
        """The line of a row that may be one of the same group, though nothing tells; 0: there is none."""
        self.group_size = group_size
        """How many rows of the file are of the group."""
        self.group_weight = group_weight
        """About how many characters these have."""
        self.new_id = ""
        """The System ID of a record that it makes, so that these follow the file; empty: any."""
        self.hash: int | None = None
        """What the record keeps to know the row again; None: nothing."""
        self._places: Mapping[str, int] = {}
        self._texts: dict[str, str] | None = None
        self.values: dict[str, Any] = {}
        self.errors: list[Message] = []
        self.warnings: list[Message] = []
        self._mark = (0, 0)
        self.reset()

    def reset(self) -> None:
        """Back to what `mark` saw: the chunk is tried again."""
        self.stored: Mapping[str, Any] | None = None
        self.system_id = ""
        self.outcome = ""
        self.write: MutableMapping[str, Any] = {}
        del self.errors[self._mark[0] :], self.warnings[self._mark[1] :]

    def mark(self) -> None:
        self._mark = (len(self.errors), len(self.warnings))

    def named(self, places: Mapping[str, int]) -> None:
        """Say which cell is which column's."""
        self._places = places
        self._texts = None

    @property
    def texts(self) -> dict[str, str]:
        if self._texts is None:  # few rows are asked, so they are cut out only then
            self._texts = {name: self.cells[place].strip() for name, place in self._places.items()}
        return self._texts

    def text(self, column: str) -> str:
        """One of `texts`; empty for a column that the file does not have."""
        if self._texts is not None:
            return self._texts.get(column, "")
        place = self._places.get(column)
        return "" if place is None else self.cells[place].strip()

    @property
    def rejected(self) -> bool:
        return bool(self.errors)

    @property
    def early(self) -> bool:
        """Whether it was rejected before it came to a handler."""
        return self._mark[0] > 0

    @property
    def faulty(self) -> set[str]:
        """The columns for which it is rejected; an empty one for the row as a whole."""
        return {error.column for error in self.errors}

    @property
    def legible(self) -> bool:
        """Whether it is known which cell is which column's."""
        return bool(self.texts)

    @property
    def complete(self) -> bool:
        """Whether no cell is missed that may stand elsewhere."""
        return True

    def reject(self, code: str, column: str, message: str) -> None:
        """Reject the row: `message` says what was found, what is expected and what to do."""
        self.errors.append(self._message(code, column, message))

    def warn(self, code: str, column: str, message: str) -> None:
        """Let the row go on, with a line in the report."""
        self.warnings.append(self._message(code, column, message))

    def _message(self, code: str, column: str, message: str) -> Message:
        if not (isinstance(code, str) and isinstance(column, str) and isinstance(message, str)):
            # A plugin's call: here it fails where its author finds it, not when the report is written.
            raise TypeError(f"code, column and message are texts, not {code!r}, {column!r}, {message!r}")
        return Message(column, self.text(column), code, message)


def live(rows: list[Row]) -> list[Row]:
    """The rows that nothing was said against so far."""
    return [row for row in rows if not row.errors]


def lines_named(lines: list[int], total: int) -> str:
    """'lines 2, 7 and 9', or the first few of `total` and how many more."""
    shown = [str(line) for line in lines]
    if total > len(lines):
        return f"lines {', '.join(shown)} and {total - len(lines)} more"
    return f"lines {', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else f"line {shown[0]}"
