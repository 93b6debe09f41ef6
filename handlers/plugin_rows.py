"""What plugins do to rows: the template's rules hold for it, and what one that fails has done is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from operator import attrgetter, is_
from typing import Any

from hooks import Hooks
from imports.changed_values import ChangedValues
from imports.rows import Message, Row

FIXED = ("number", "line", "cells", "group", "stray", "group_size", "group_weight", "new_id", "hash", "stored",
         "system_id", "outcome", "write", "_places")  # fmt: skip
"""What of a row is no plugin's to change."""
_fixed = attrgetter(*FIXED)
_CHANGEABLE = frozenset({dict, list})


def show_rows(hooks: Hooks, rows: list[Row], values: ChangedValues, *, entity: str, account: str) -> None:
    """Let each plugin look at the rows, change their values and reject them.

    Nothing of what a plugin did stays if it raises, or leaves behind what no row can be.
    """
    hooks.call("on_rows", partial(_watched, rows, values), entity=entity, account=account, rows=rows)
    values.spell(rows)


@contextmanager
def _watched(rows: list[Row], values: ChangedValues, plugin: str) -> Iterator[None]:
    kept, before = rows.copy(), [_Before(row) for row in rows]
    try:
        yield
        for each in before:
            each.check()
        for each in before:
            each.settle(values, plugin)
    except BaseException:
        for each in before:
            each.restore()
        raise
    finally:
        rows[:] = kept


class _Before:
    """A row as it was before a plugin saw it."""

    __slots__ = ("cells", "errors", "fixed", "row", "values", "warnings")

    def __init__(self, row: Row) -> None:
        self.row, self.fixed = row, _fixed(row)
        self.cells, self.values = row.cells.copy(), _copy(row.values)
        self.errors, self.warnings = row.errors.copy(), row.warnings.copy()

    def check(self) -> None:
        """Raises TypeError or UnicodeError for what would fail later, where nobody knows whose it is."""
        row = self.row
        if not all(map(is_, _fixed(row), self.fixed)) or row.cells != self.cells or row.write:
            raise TypeError(f"line {self._line} was changed otherwise than by row.values, row.reject and row.warn")
        if not isinstance(row.values, dict):
            raise TypeError(f"row.values of line {self._line} is no dict")
        _check_messages(row.errors, self.errors)
        _check_messages(row.warnings, self.warnings)
        row.named(row._places)  # also row.texts may have been changed

    @property
    def _line(self) -> int:
        line: int = self.fixed[1]
        return line

    def settle(self, values: ChangedValues, plugin: str) -> None:
        """Bring what was changed under the rules of the template; reject the row if it breaks them."""
        faults = values.settle(self.row, self.values)
        if not faults:
            return
        self.row.values = self.values
        for column, fault in faults:
            self.row.reject(fault.code, column, f"{fault}. It is not from the file: the plugin {plugin} of this server "
                            "set it in on_rows. Its author has to correct that; send the row again then")  # fmt: skip

    def restore(self) -> None:
        row = self.row
        for name, value in zip(FIXED, self.fixed, strict=True):
            setattr(row, name, value)
        row.cells[:] = self.cells
        row.write.clear()
        row.values, row.errors, row.warnings = self.values, self.errors, self.warnings
        row.named(row._places)


def _check_messages(messages: Any, before: list[Message]) -> None:
    if type(messages) is not list or messages[: len(before)] != before:
        raise TypeError("row.errors and row.warnings are changed by row.reject and row.warn alone")
    for each in messages[len(before) :]:
        if not isinstance(each, Message):
            raise TypeError(f"{each!r} is no message: call row.reject or row.warn")
        "".join((each.column, each.value, each.code, each.text)).encode()  # fails for what can't stand in a report
        if "\0" in each.column + each.code + each.text:
            raise ValueError("a message of row.reject or row.warn holds a NUL character")


def _copy(value: Any) -> Any:
    """A list or dict of its own; all else that a schema makes can't be changed."""
    if type(value) is dict:
        return {key: _copy(each) if type(each) in _CHANGEABLE else each for key, each in value.items()}
    return [_copy(each) if type(each) in _CHANGEABLE else each for each in value] if type(value) is list else value
