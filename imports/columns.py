"""A template compiled for one file into columns of parameters: most rows need no object of their own on their way.

As for imports.compiled the schema stays the only authority. Only rows that are plainly good are given here; whoever
asks sends the others, one by one, through imports.validate.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from json.encoder import encode_basestring as quote
from typing import Any

from marshmallow.decorators import VALIDATES_SCHEMA
from peewee import Model

from imports.batches import Batch
from imports.bulk import as_json, one_parameter
from imports.compiled import ABSENT, LONGEST, MEMORY, Memory, compilable
from imports.reading import Column, FileShape, count_fault
from imports.stored import is_text
from imports.validate import SCIENTIFIC, SCIENTIFIC_LINE
from schemas import CLEAR, TemplateSchema
from schemas.fields import DOUBT, CellField, Code, plain_item_reader, plain_reader

SLICE = 16
"""Cells that are looked at together where most are there once."""

Parameters = list[Any]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The plainly good rows of a batch."""

    places: Sequence[int]
    """Where they stand in the batch."""
    columns: Mapping[str, Parameters]
    """Their parameters by attribute, None where the cell is empty; JSON as text."""

    def where(self, wanted: Sequence[bool]) -> Loaded:
        """Those of the rows that are wanted, by their places in the batch; of nothing, none."""
        if not any(wanted):
            return Loaded([], {name: [] for name in self.columns})
        return self.only([wanted[place] for place in self.places])

    def among(self, places: Container[int]) -> list[bool]:
        """For each of the rows whether it is at one of `places`."""
        return [place in places for place in self.places]

    def only(self, wanted: Sequence[bool]) -> Loaded:
        """Those of the rows that are wanted."""
        if all(wanted):
            return self
        columns = {name: list(compress(values, wanted)) for name, values in self.columns.items()}
        return Loaded(list(compress(self.places, wanted)), columns)


class _Cells(dict[str, Any]):
    """Cell to parameter for one column: None for an empty one, DOUBT for what is not plainly good."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        super().__init__()
        self.read = read
        self.new = 0
        """How often a cell was not known."""

    def __missing__(self, cell: str) -> Any:
        self.new += 1
        value = self.read(cell.strip())
        if len(self) >= MEMORY:
            self.clear()
        if len(cell) <= LONGEST:
            self[cell] = value
        return value


class _ParameterColumn:
    """Reads the cells of one column. `finish` makes a parameter of a value, `dress` one of a text that is its own."""

    def __init__(self, field: CellField, column: Column, finish: Callable[[Any], Any], *, packed: bool,
                 plain: Callable[[Sequence[str]], bool] | None, dress: Callable[[str], str] | None = None
                 ) -> None:  # fmt: skip
        memory = Memory(field, column.name, DOUBT, packed=packed)

        def read(text: str) -> Any:
            value = memory.read(text)
            return None if value is ABSENT else value if value is DOUBT else finish(value)

        self._cells = _Cells(read)
        self._plain = plain
        self._dress = dress
        self._alone = False
        """Whether most cells are there once: to remember them would be in vain."""

    def read(self, cells: Sequence[str]) -> Parameters:
        if self._alone and self._plain is not None:
            return self._by_slices(list(map(str.strip, cells)))
        if self._alone:
            return [self._cells.read(cell.strip()) for cell in cells]
        new = self._cells.new
        values = list(map(self._cells.__getitem__, cells))
        self._alone = self._cells.new - new > len(cells) // 2
        return values

    def _by_slices(self, texts: list[str]) -> Parameters:
        if self._surely_good(texts):
            return self._dressed(texts)
        values: Parameters = []
        for start in range(0, len(texts), SLICE):
            part = texts[start : start + SLICE]
            values += self._dressed(part) if self._surely_good(part) else map(self._cells.read, part)
        return values

    def _surely_good(self, texts: list[str]) -> bool:
        assert self._plain is not None
        given = list(filter(None, texts)) if "" in texts else texts
        return CLEAR not in given and self._plain(given)

    def _dressed(self, texts: list[str]) -> Parameters:
        if self._dress is not None:
            return [self._dress(text) if text else None for text in texts]
        return [text or None for text in texts] if "" in texts else list(texts)


class ColumnLoader:
    """Reads the batches of one file for `model`. `usable` is False for a schema that has to see each row itself.

    Attributes that the model does not have are given, too, for whoever resolves references.
    """

    def __init__(self, schema: TemplateSchema, shape: FileShape, model: type[Model]) -> None:
        self._schema, self._shape = schema, shape
        self.usable = compilable(schema) and bool(schema.equal_lengths) == bool(schema._hooks[VALIDATES_SCHEMA])
        self._fixed: list[tuple[int, str, _ParameterColumn]] = []
        self._open: dict[str, list[tuple[int, _ParameterColumn]]] = {}
        names = {field.column: name for name, field in schema.fields.items() if isinstance(field, CellField)}
        self._codes: list[str] = []
        prefixes = {each.prefix: each for each in schema.open_columns}
        for place, column in enumerate(shape.columns if self.usable else ()):
            if column.kind == "fixed":
                name = names[column.name]
                cell = schema.columns[column.name]
                self._fixed.append((place, name, _fixed(cell, column, model, name)))
                self._codes += [name] if isinstance(cell, Code) else []
            elif column.kind == "open":
                opened = prefixes[column.open_prefix]
                self._open.setdefault(opened.attribute, []).append((place, _open(opened.field, column)))

    def load(self, batch: Batch, places: Sequence[int] | None = None) -> Loaded:
        """The plainly good ones of all rows, or of those at `places`, in their order."""
        places, cells = self._whole(batch, range(len(batch)) if places is None else places)
        if not places:
            return Loaded([], {})
        columns = {name: column.read(cells[place]) for place, name, column in self._fixed}
        doubtful = _doubtful(columns.values())
        for attribute, opened in self._open.items():
            parts = [column.read(cells[place]) for place, column in opened]
            doubtful.update(_doubtful(parts))
            columns[attribute] = _objects(parts, doubtful)
        for name in self._codes:
            doubtful.update(_rewritten(columns[name]))
        self._compare_lengths(columns, cells, doubtful)
        return Loaded(places, columns).only([place not in doubtful for place in range(len(places))])

    def _whole(self, batch: Batch, places: Sequence[int]) -> tuple[Sequence[int], Sequence[Sequence[str]]]:
        """The places of rows that have all their cells, and these by the column."""
        width = len(self._shape.columns)
        if self._shape.named == width and batch.sizes() == {width}:
            part = batch if len(places) == len(batch) else batch.only(places)
            return places, part.columns(range(width))
        rows = [batch.row(place) for place in places]
        good = [not count_fault(self._shape, row) for row in rows]
        return list(compress(places, good)), list(zip(*compress(rows, good), strict=False))

    def _compare_lengths(
        self, columns: Mapping[str, Parameters], cells: Sequence[Sequence[str]], doubtful: set[int]
    ) -> None:
        """Lists that need equal lengths: a row that has but one of them, or unequal ones, is not plain."""
        where = {name: place for place, name, _ in self._fixed}
        for names in self._schema.equal_lengths:
            lengths = [[0 if value is None else cell.count("|") + 1
                        for value, cell in zip(columns[name], cells[where[name]], strict=True)]
                       for name in names if name in columns]  # fmt: skip
            if 0 < len(lengths) < len(names):
                lengths.append([0] * len(lengths[0]))
            doubtful.update(place for place, each in enumerate(zip(*lengths, strict=True)) if len(set(each)) > 1)


def _fixed(field: CellField, column: Column, model: type[Model], name: str) -> _ParameterColumn:
    stored = model._meta.fields.get(name)

    def finish(value: Any) -> Any:
        return as_json(field.pack(value)) if isinstance(value, list) else one_parameter(stored, value)

    if one_item := plain_item_reader(field):
        return _ParameterColumn(field, column, finish, packed=False, plain=one_item, dress=_list_of_one)
    text = stored is None or is_text(stored)
    return _ParameterColumn(field, column, finish, packed=False, plain=plain_reader(field, packed=not text))


def _list_of_one(text: str) -> str:
    return f"[{quote(text)}]"


def _open(field: CellField, column: Column) -> _ParameterColumn:
    """Gives the cell as a member of a JSON object."""
    name = f"{as_json(column.open_name)}:"

    def member(value: Any) -> str:
        return name + as_json(value)

    def of_text(text: str) -> str:
        return name + quote(text)

    plain = plain_reader(field, packed=True)
    return _ParameterColumn(field, column, member, packed=True, plain=plain, dress=of_text)


def _doubtful(columns: Iterable[Parameters]) -> set[int]:
    return {place for values in columns if DOUBT in values for place, value in enumerate(values) if value is DOUBT}


def _rewritten(codes: Parameters) -> set[int]:
    """Where codes look like numbers that a spreadsheet rewrote: the row goes on with a warning."""
    joined = "\n".join(code for code in codes if isinstance(code, str))
    if ("E" in joined or "e" in joined) and SCIENTIFIC_LINE.search(joined):
        return {place for place, code in enumerate(codes) if isinstance(code, str) and SCIENTIFIC.fullmatch(code)}
    return set()


def _objects(members: list[Parameters], doubtful: set[int]) -> Parameters:
    """JSON objects of the members that each row has; None for a row without any."""
    if doubtful:
        members = [[None if value is DOUBT else value for value in each] for each in members]
    if not any(None in each for each in members):
        return ["{" + ",".join(row) + "}" for row in zip(*members, strict=True)]
    joined = [",".join(filter(None, row)) for row in zip(*members, strict=True)]
    return ["{" + text + "}" if text else None for text in joined]
