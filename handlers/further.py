"""What else is wrong with a row that is rejected, so that it need not be sent once for each of its faults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from imports.rows import Row
from schemas import CLEAR, TemplateSchema
from schemas.fields import CellField

if TYPE_CHECKING:
    from handlers.base import Context


class Further(Row):
    """A rejected row as far as it can be read, for a further look at it.

    What is said against it is `tell`ed of the row itself, but for columns of which something was said before.
    """

    __slots__ = ("_complete", "_faulty", "_missing", "_row")

    def __init__(self, row: Row, context: Context) -> None:
        super().__init__(row.number, row.line, row.cells, row.group)
        self._row, self._texts, self._missing = row, row.texts, context.missing
        # It is only read.
        self.values = _Readable(row, context.schema) if row.early else row.values  # type: ignore[assignment]
        self._faulty, self._complete = row.faulty, row.complete

    @property
    def faulty(self) -> set[str]:
        """Those of the row, of which nothing more is said: what they should hold is not known."""
        return self._faulty

    @property
    def complete(self) -> bool:
        return self._complete

    def reject(self, code: str, column: str, message: str) -> None:
        # A column that the whole file lacks is told of when nothing but that is wrong with a row: see MISSING_COLUMN.
        if column not in self._faulty and not (code == "REQUIRED" and column in self._missing):
            super().reject(code, column, message)

    def tell(self) -> None:
        self._row.errors.extend(self.errors)


def further(rows: Iterable[Row], context: Context) -> list[Further]:
    """The rows of which more can be said: whose cells can be relied on, and which are no duplicates.

    Nor is more said of a row that no plugin has seen, where there are some: they may make other values of its cells.
    """
    return [Further(row, context) for row in rows
            if row.legible and not (row.early and context.plugins)
            and all(error.code != "DUPLICATE_IN_FILE" for error in row.errors)]  # fmt: skip


def readable(row: Row, schema: TemplateSchema) -> dict[str, Any]:
    """The values of a rejected row, with those of the cells that nobody has read because another one is faulty."""
    return dict(_Readable(row, schema).items())


class _Readable(Mapping[str, Any]):
    """The same, read as they are asked for: lists and dates take longer than all else of a further look."""

    def __init__(self, row: Row, schema: TemplateSchema) -> None:
        self._values, self._fields, self._texts, self._faulty = dict(row.values), schema.fields, row.texts, row.faulty

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            cell = self._fields[name]
            assert isinstance(cell, CellField)
            text = self._texts.get(cell.column)
            if not text or cell.column in self._faulty:
                raise KeyError(name)
            try:
                self._values[name] = None if text == CLEAR else cell.deserialize(text, cell.column, self._texts)
            except ValidationError:
                raise KeyError(name) from None
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name in (*self._values, *self._fields) if name in self))

    def __len__(self) -> int:
        return sum(1 for _ in self)
