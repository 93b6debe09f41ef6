"""From cells to values, by the word of the marshmallow schema."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from marshmallow import ValidationError

from imports.compiled import ABSENT, NO_ROW, Loader
from imports.reading import Column, FileShape, count_fault, is_whole
from imports.rows import Message, Row
from imports.unread import Unread
from schemas import CLEAR, Fault, TemplateSchema, quoted
from schemas.base import OpenColumns
from schemas.fields import NUMBERLIKE, CellField, SystemId
from schemas.shortcuts import DOUBT

SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E[+-]?\d+", re.IGNORECASE | re.ASCII)
SCIENTIFIC_LINE = re.compile(rf"^\s*(?a:{SCIENTIFIC.pattern})\s*$", re.IGNORECASE | re.MULTILINE)


class Validator:
    """Reads the rows of one file by one schema."""

    def __init__(self, schema: TemplateSchema, shape: FileShape) -> None:
        self.schema = schema
        self._shape = shape
        self._named = [(index, column.name) for index, column in enumerate(shape.columns) if column.kind == "fixed"]
        self._open = [
            (index, column, next(each for each in schema.open_columns if each.prefix == column.open_prefix))
            for index, column in enumerate(shape.columns)
            if column.kind == "open"
        ]
        self._attributes = {field.column: name for name, field in schema.fields.items() if isinstance(field, CellField)}
        self._codes = {column for column, field in schema.columns.items() if isinstance(field, NUMBERLIKE)}
        self._places = {column.name: index for index, column in enumerate(shape.columns)
                        if column.kind in ("fixed", "open")}  # fmt: skip
        self._code_places = [(self._places[name], name) for _, name in self._named if name in self._codes]
        self._loader = Loader(schema, shape)

    def read_all(self, rows: Sequence[Row]) -> None:
        """`read` each of the rows; those that are plainly good together, column by column."""
        usual = self._shape.usual
        whole: list[Row] = []
        for row in rows:
            if len(row.cells) == usual or is_whole(self._shape, row.cells):
                whole.append(row)
            else:
                self.read(row)
        good: list[Row] = []
        loaded = self._loader.load([row.cells for row in whole])
        for number, (row, values) in enumerate(zip(whole, loaded.values, strict=True)):
            if values is None:
                self.read(row, loaded.fixed.get(number), loaded.doubts.get(number, ()))
            else:
                row.named(self._places)
                row.values = values
                good.append(row)
        self._look_at_all_codes(good)

    def _look_at_all_codes(self, rows: Sequence[Row]) -> None:
        for place, column in self._code_places:
            joined = "\n".join(row.cells[place] for row in rows)
            if ("E" in joined or "e" in joined) and SCIENTIFIC_LINE.search(joined):
                for row in rows:
                    self._look_at_codes(row, {column: row.cells[place].strip()})

    def read(self, row: Row, fixed: dict[str, Any] | None = None, doubts: Sequence[str] = ()) -> None:
        """Fill in `texts` and `values`, or reject the row with every fault that the schema finds.

        `fixed` are the values of all but the open columns, if they are known; `doubts`, if they are known, the
        attributes among which are those with a fault.
        """
        # Rows of a group, as those of an order, are rejected with the one that they may belong to.
        if fault := count_fault(self._shape, row.cells, follows=row.number > 0 and not row.group):
            self._refuse_cells(row, fault)
            return
        row.named(self._places)
        if fixed is not None:
            row.values = fixed
        elif not self._refuse(row, doubts):
            self._read_fixed(row)
        for index, column, open_column in self._open:
            self._read_open(row, index, column, open_column)
        self._look_at_codes(row, {column: row.cells[place].strip() for place, column in self._code_places})

    def _refuse_cells(self, row: Row, fault: str) -> None:
        """Reject a row of which nothing tells what stands in which column."""
        cells, columns = row.cells, self._shape.columns
        if isinstance(cells, Unread):
            place = cells.place
            column = "" if place is None or place >= len(columns) else columns[place].name
            row.errors.append(Message(column, cells.value, "INVALID_VALUE", fault))
        else:
            row.reject("COLUMN_COUNT", "", fault)

    def _refuse(self, row: Row, doubts: Sequence[str]) -> bool:
        """Reject the row for what its fields say against these attributes, without loading all of it.

        False, and nothing is done, if they say nothing or the row as a whole has to tell.
        """
        # Not the errors themselves: they and this frame would hold each other, and with them the chunk.
        faults: list[tuple[str, Any]] = []
        for name in doubts:
            field = self.schema.fields[name]
            assert isinstance(field, CellField)
            if (text := row.text(field.column)) == CLEAR:
                return False
            try:
                field.deserialize(text, field.column, NO_ROW)
            except ValidationError as error:
                faults.append((field.column, error.messages))
            except LookupError:  # of NO_ROW
                return False
        for column, messages in faults:
            _reject(row, column, messages)
        return bool(faults)

    def _read_fixed(self, row: Row) -> None:
        given: dict[str, str] = {}
        for index, name in self._named:
            text = row.cells[index].strip()
            if text == CLEAR:
                self._clear(row, name)
            elif text:
                given[name] = text
        self._load(row, given)

    def _clear(self, row: Row, column: str) -> None:
        field = self.schema.columns[column]
        if field.needed or isinstance(field, SystemId):
            row.reject(
                "REQUIRED", column, f"{column} can't be cleared: give a value, or leave the cell empty to keep it"
            )
        else:
            row.values[self._attributes[column]] = None

    def _load(self, row: Row, given: dict[str, str]) -> None:
        try:
            row.values.update(self.schema.load(given))
        except ValidationError as error:
            # It refers to its frames and they to it: the chunk would live until the collector looks.
            error.__traceback__ = None
            for column, found in error.normalized_messages().items():
                _reject(row, "" if column == "_schema" else str(column), found)

    def _read_open(self, row: Row, place: int, column: Column, open_column: OpenColumns) -> None:
        # Mostly one of a faulty row's open columns is at fault, and the others hold what many rows hold.
        cell = row.cells[place]
        value = self._loader.memories[place][cell]
        if value is ABSENT:
            return
        held = row.values.setdefault(open_column.attribute, {})
        if value is not DOUBT:
            held[column.open_name] = value.copy() if type(value) is list else value
            return
        try:
            value = open_column.field.deserialize(cell.strip(), column.name, {})
        except ValidationError as error:
            _reject(row, column.name, error.messages)
        else:
            held[column.open_name] = open_column.field.pack(value)

    def _look_at_codes(self, row: Row, given: dict[str, str]) -> None:
        for column in self._codes & given.keys():
            if SCIENTIFIC.fullmatch(given[column]):
                row.warn("SCIENTIFIC_NOTATION", column, f"{quoted(given[column])} looks like a number that a "
                         "spreadsheet rewrote: format the column as text and send the file again")  # fmt: skip


def _reject(row: Row, column: str, found: Any) -> None:
    for message in flat(found):
        row.reject(getattr(message, "code", "INVALID_VALUE"), column, str(message))


def flat(found: Any) -> list[Fault | str]:
    """marshmallow nests messages by field and index; a cell has one flat list."""
    if isinstance(found, dict):
        return [message for each in found.values() for message in flat(each)]
    if isinstance(found, list):
        return [message for each in found for message in flat(each)]
    return [found]
