"""A template compiled for one file: rows are read column by column, and each distinct cell by its field only once.

The schema stays the only authority. What is given here is what Schema.load would give; a row of which that is not
plain is not given at all, and whoever asks lets Schema.load decide (and word) it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

from marshmallow import Schema, missing
from marshmallow.decorators import POST_LOAD, PRE_LOAD, VALIDATES, VALIDATES_SCHEMA

from imports.reading import Column, FileShape
from schemas import CLEAR, TemplateSchema
from schemas.fields import CellField, SystemId
from schemas.plain import plain_reader
from schemas.shortcuts import DOUBT, quick_reader

ABSENT: Any = object()
"""The value of an empty cell."""
MEMORY = 20_000
"""Distinct cells that a column remembers."""
LONGEST = 200
"""Characters of a cell that is remembered."""

_SHARED = frozenset({str, int, float, bool, type(None), Decimal, dt.date, dt.datetime, dt.time, dt.timedelta})
"""Types of values that can't be changed, so that many rows may have the same one."""

Values = dict[str, Any]


class _NoRow(Mapping[str, Any]):
    """Stands for the row's data before a field that reads its cell alone; one that looks is not compiled."""

    def _refuse(self, *_: Any) -> NoReturn:
        raise LookupError("the field looks at other cells of the row")

    __getitem__ = __iter__ = __len__ = __contains__ = get = keys = items = values = _refuse


NO_ROW = _NoRow()


class Memory(dict[str, Any]):
    """Cell to value, ABSENT or DOUBT, for one column. Asks the field about cells that are new."""

    def __init__(self, field: CellField, column: str, clear: Any, *, packed: bool) -> None:
        super().__init__()
        self._field, self._column, self._clear, self._packed = field, column, clear, packed
        self.quick = quick_reader(field)
        self.new = 0
        """How often a cell was not known."""
        self.lists = self.sparse = self.doubtful = False
        """Whether lists (each row is to have its own), ABSENT and DOUBT are among the values."""

    def __missing__(self, cell: str) -> Any:
        self.new += 1
        value = self.read(cell.strip())
        self.sparse |= value is ABSENT
        self.doubtful |= value is DOUBT
        if len(self) >= MEMORY:
            self.clear()
        if len(cell) <= LONGEST and self._may_be_shared(value):
            self[cell] = value
        return value

    def read(self, text: str) -> Any:
        """The value of a trimmed cell, made anew."""
        if not text:
            return ABSENT
        if text == CLEAR:
            return self._clear
        value = self.quick(text) if self.quick else DOUBT
        try:
            if value is DOUBT:
                value = self._field.deserialize(text, self._column, NO_ROW)
            return DOUBT if value is missing else self._field.pack(value) if self._packed else value
        except Exception:  # whatever it is, it comes back when the row is read alone
            return DOUBT

    def _may_be_shared(self, value: Any) -> bool:
        if type(value) is list:
            self.lists = True
            return all(type(each) in _SHARED for each in value)
        return type(value) in _SHARED or value is ABSENT or value is DOUBT


class _Read(NamedTuple):
    """What became of a column's cells: a value, ABSENT or DOUBT for each."""

    key: str
    values: Sequence[Any]
    sparse: bool
    """Whether some may be ABSENT."""
    doubtful: bool
    """Whether some may be DOUBT."""


class _CompiledColumn:
    """Reads the cells of one column; `key` is where their values go."""

    def __init__(self, place: int, field: CellField, column: Column, key: str, clear: Any, *, packed: bool) -> None:
        self.place, self._key = place, key
        self.memory = Memory(field, column.name, clear, packed=packed)
        self._doubts = plain_reader(field, packed=packed)
        self._alone = False
        """Whether most cells are there once: to remember them would be in vain."""

    def read(self, cells: Sequence[str]) -> _Read:
        if self._doubts is not None:
            texts = list(map(str.strip, cells))
            given = list(filter(None, texts))
            if CLEAR not in given and not self._doubts(given):
                sparse = len(given) < len(texts)
                return _Read(self._key, [text or ABSENT for text in texts] if sparse else texts, sparse, False)
        memory = self.memory
        if self._alone:
            return _Read(self._key, [memory.read(cell.strip()) for cell in cells], True, True)
        new = memory.new
        values = list(map(memory.__getitem__, cells))
        self._alone = memory.quick is not None and memory.new - new > len(cells) // 2
        if memory.lists:
            values = [value.copy() if type(value) is list else value for value in values]
        return _Read(self._key, values, memory.sparse, memory.doubtful)


class Loaded(NamedTuple):
    """What became of rows, each by its number."""

    values: list[Values | None]
    """What Schema.load would give; None for a row that it has to decide about."""
    fixed: dict[int, Values]
    """The same but for the open columns, where only these are not plain."""
    doubts: dict[int, list[str]]
    """The attributes whose cells are not plain, in the order of the schema: all faults of a row are theirs if one has
    any, open columns aside. Nothing where the schema looks at the row even so."""


class Loader:
    """Reads chunks of one file. `whole` is False when the schema is of a kind that has to read each row itself."""

    def __init__(self, schema: TemplateSchema, shape: FileShape) -> None:
        self.whole = compilable(schema)
        self._validators = _validators(schema) if self.whole else []
        self._alone = all(options.get("skip_on_field_errors") for _, _, options in schema._hooks[VALIDATES_SCHEMA])
        self._names = list(schema.fields)
        names = {field.column: name for name, field in schema.fields.items() if isinstance(field, CellField)}
        self._fixed: list[_CompiledColumn] = []
        self._open: dict[str, list[_CompiledColumn]] = {}
        self.memories: dict[int, Memory] = {}
        """By the place of an open column what is known of its cells."""
        prefixes = {each.prefix: each for each in schema.open_columns}
        for place, column in enumerate(shape.columns):
            if column.kind == "fixed":
                field = schema.columns[column.name]
                clear = _clear_value(field, shown=bool(self._validators))
                self._fixed.append(_CompiledColumn(place, field, column, names[column.name], clear, packed=False))
            elif column.kind == "open":
                opened = prefixes[column.open_prefix]
                columns = self._open.setdefault(opened.attribute, [])
                columns.append(_CompiledColumn(place, opened.field, column, column.open_name, None, packed=True))
                self.memories[place] = columns[-1].memory

    def load(self, rows: Sequence[Sequence[str]]) -> Loaded:
        """Read rows that have all their cells."""
        if not self.whole or not rows:
            return Loaded([None] * len(rows), {}, {})
        cells = list(zip(*rows, strict=False))
        doubtful: set[int] = set()
        loaded = _rows([column.read(cells[column.place]) for column in self._fixed], len(rows), doubtful)
        for validate in self._validators:
            doubtful.update(number for number, values in enumerate(loaded)
                            if number not in doubtful and not validate(values))  # fmt: skip
        half = set[int]()
        for attribute, columns in self._open.items():
            opened = _rows([column.read(cells[column.place]) for column in columns], len(rows), half)
            for number, (values, held) in enumerate(zip(loaded, opened, strict=True)):
                if held and number not in half:
                    values[attribute] = held
        half -= doubtful
        for number in half:
            for attribute in self._open:
                loaded[number].pop(attribute, None)
        whole = [None if number in doubtful or number in half else values for number, values in enumerate(loaded)]
        doubts = {number: [name for name in self._names if loaded[number].get(name) is DOUBT]
                  for number in (doubtful if self._alone else ())}  # fmt: skip
        return Loaded(whole, {number: loaded[number] for number in half}, doubts)


def _rows(columns: Sequence[_Read], count: int, doubtful: set[int]) -> list[Values]:
    """A dict of what is not ABSENT for each of `count` rows; the numbers of those with a DOUBT go into `doubtful`."""
    full = [column for column in columns if not column.sparse]
    keys = [column.key for column in full]
    made: list[Values] = [dict(zip(keys, row, strict=True)) for row in zip(*(column.values for column in full),
                                                                           strict=True)]  # fmt: skip
    made = made or [{} for _ in range(count)]
    for column in columns:
        if column.doubtful:
            doubtful.update(number for number, value in enumerate(column.values) if value is DOUBT)
        if column.sparse:
            for row, value in zip(made, column.values, strict=True):
                if value is not ABSENT:
                    row[column.key] = value
    return made


def _clear_value(field: CellField, *, shown: bool) -> Any:
    """What CLEAR means; validators of the schema, to whom the values are shown, never see what is cleared."""
    return DOUBT if field.needed or isinstance(field, SystemId) or shown else None


def compilable(schema: TemplateSchema) -> bool:
    """Whether loading a row of the schema is nothing but loading its fields, and running validators of the schema."""
    kind, hooks = type(schema), schema._hooks
    methods = ("load", "_do_load", "_deserialize", "_call_and_store", "_run_validator", "_invoke_schema_validators",
               "_invoke_field_validators", "handle_error")  # fmt: skip
    same = all(getattr(kind, name) is getattr(Schema, name) for name in methods)
    usual = schema.partial is None and not schema.many and schema.dict_class is dict
    alone = all(not many and not options.get("pass_original") for _, many, options in hooks[VALIDATES_SCHEMA])
    hooked = any(hooks[tag] for tag in (PRE_LOAD, POST_LOAD, VALIDATES))
    return same and usual and alone and not hooked and all(map(_reads_cells, schema.fields.values()))


def _reads_cells(field: Any) -> bool:
    """Whether a field has its value from its cell and puts it under its own name."""
    absent = field.load_default is missing and not field.required
    return isinstance(field, CellField) and absent and field.attribute is None and not field.dump_only


def _validators(schema: TemplateSchema) -> list[Callable[[Values], bool]]:
    return [_validator(schema, getattr(schema, name)) for name, _, _ in schema._hooks[VALIDATES_SCHEMA]]


def _validator(schema: TemplateSchema, method: Callable[..., Any]) -> Callable[[Values], bool]:
    """A method decorated by validates_schema as a test."""
    unknown = schema.unknown

    def passes(values: Values) -> bool:
        try:
            method(values, partial=None, many=False, unknown=unknown)
        except Exception:  # worded, or raised again, when the row is read alone
            return False
        return True

    return passes
