"""A template compiled for one file into columns of parameters: most rows need no object of their own on their way.

As for imports.compiled the schema stays the only authority. Only rows that are plainly good are given here; whoever
asks sends the others, one by one, through imports.validate.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise, takewhile
from json.encoder import encode_basestring as quote
from operator import not_
from typing import Any, NamedTuple

from marshmallow.decorators import VALIDATES_SCHEMA
from peewee import Model

from imports.batches import CLOSE, Batch
from imports.bulk import as_json, one_parameter
from imports.compiled import ABSENT, LONGEST, MEMORY, Memory, compilable
from imports.reading import Column, FileShape, count_fault
from imports.stored import is_text
from imports.validate import SCIENTIFIC, SCIENTIFIC_LINE
from schemas import CLEAR, TemplateSchema
from schemas.fields import CellField, Code
from schemas.plain import plain_item_reader, plain_reader
from schemas.shortcuts import DOUBT, Doubts

FEW = 16
"""One row in so many, or less, is taken out; of more each row is looked at."""

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
        apart = list(compress(range(len(wanted)), map(not_, wanted)))
        if len(apart) * FEW < len(wanted):
            return self._without(apart)
        columns = {name: list(compress(values, wanted)) for name, values in self.columns.items()}
        return Loaded(list(compress(self.places, wanted)), columns)

    def part(self, first: int, last: int, start: int) -> Loaded:
        """From the `first` of the rows to before the `last`, of a part of the batch that begins at `start`."""
        return Loaded([place - start for place in self.places[first:last]],
                      {name: values[first:last] for name, values in self.columns.items()})  # fmt: skip

    def _without(self, apart: Sequence[int]) -> Loaded:
        """All but a few: the stretches between them are copied whole, which is cheaper than row by row."""
        stretches = [slice(before + 1, place) for before, place in pairwise((-1, *apart, len(self.places)))]

        def left(values: Sequence[Any]) -> list[Any]:
            return _joined([values[stretch] for stretch in stretches])

        return Loaded(left(self.places), {name: left(values) for name, values in self.columns.items()})


class _Cells(dict[str, Any]):
    """Cell to parameter for one column: None for an empty one, DOUBT for what is not plainly good."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        super().__init__()
        self.read = read
        self.new = 0
        """How often a cell was not known."""
        self.doubtful = False
        """Whether DOUBT has ever been given."""

    def __missing__(self, cell: str) -> Any:
        self.new += 1
        value = self.give(cell.strip())
        if len(self) >= MEMORY:
            self.clear()
        if len(cell) <= LONGEST:
            self[cell] = value
        return value

    def give(self, text: str) -> Any:
        """The parameter of a trimmed cell, made anew."""
        value = self.read(text)
        self.doubtful |= value is DOUBT
        return value


class _Dress(NamedTuple):
    """What stands before and behind a text as JSON."""

    head: str
    tail: str

    def all(self, texts: Sequence[str]) -> Parameters:
        """Those of `texts` as JSON; None for empty ones."""
        all_texts = "".join(texts)
        if all_texts.isprintable() and '"' not in all_texts and "\\" not in all_texts:  # then quotes are all it takes
            head, tail = f'{self.head}"', f'"{self.tail}'
            return [head + text + tail if text else None for text in texts]
        return [self.head + quote(text) + self.tail if text else None for text in texts]


class _ParameterColumn:
    """Reads the cells of one column. `finish` makes a parameter of a value, `dress` one of a text that is its own."""

    def __init__(self, field: CellField, column: Column, finish: Callable[[Any], Any], *, packed: bool,
                 doubts: Doubts | None, dress: _Dress | None = None
                 ) -> None:  # fmt: skip
        memory = Memory(field, column.name, DOUBT, packed=packed)

        def read(text: str) -> Any:
            value = memory.read(text)
            return None if value is ABSENT else value if value is DOUBT else finish(value)

        self._cells = _Cells(read)
        self._doubts = doubts
        self._dress = dress
        self._alone = False
        """Whether most cells are there once: to remember them would be in vain."""

    def read(self, cells: Sequence[str]) -> Parameters:
        if self._alone and self._doubts is not None:
            return self._read_plain(self._doubts, list(map(str.strip, cells)))
        if self._alone:
            return [self._cells.give(cell.strip()) for cell in cells]
        new = self._cells.new
        values = list(map(self._cells.__getitem__, cells))
        self._alone = self._cells.new - new > len(cells) // 2
        return values

    def doubtful(self, values: Parameters) -> set[int]:
        """Where the column said DOUBT."""
        if not self._cells.doubtful:
            return set()
        return {place for place, value in enumerate(values) if value is DOUBT}

    def _read_plain(self, doubts: Doubts, texts: list[str]) -> Parameters:
        """All that is plainly good together, the rest one by one."""
        apart = doubts(texts)
        if CLEAR in texts:
            apart = sorted({*apart, *(place for place, text in enumerate(texts) if text == CLEAR)})
        if not apart:
            return self._dressed(texts)
        good = texts.copy()
        for place in apart:
            good[place] = ""
        values = self._dressed(good)
        for place in apart:
            values[place] = self._cells.give(texts[place])
        return values

    def _dressed(self, texts: list[str]) -> Parameters:
        if self._dress is not None:
            return self._dress.all(texts)
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
        batch.sizes()  # so that its parts need not ask
        places = range(len(batch)) if places is None else places
        parts = [self._load(batch, places[start : start + CLOSE]) for start in range(0, len(places), CLOSE)]
        return parts[0] if len(parts) == 1 else _together(parts)

    def _load(self, batch: Batch, places: Sequence[int]) -> Loaded:
        places, cells = self._whole(batch, places)
        if not places:
            return Loaded([], {})
        columns = {name: column.read(cells[place]) for place, name, column in self._fixed}
        doubtful = set[int]().union(*(column.doubtful(columns[name]) for _, name, column in self._fixed))
        for attribute, opened in self._open.items():
            parts = [column.read(cells[place]) for place, column in opened]
            doubtful.update(*(column.doubtful(part) for (_, column), part in zip(opened, parts, strict=True)))
            columns[attribute] = _objects(parts, doubtful)
        for name in self._codes:
            doubtful.update(_rewritten(columns[name]))
        self._compare_lengths(columns, cells, doubtful)
        return Loaded(places, columns).only([place not in doubtful for place in range(len(places))])

    def _whole(self, batch: Batch, places: Sequence[int]) -> tuple[Sequence[int], Sequence[Sequence[str]]]:
        """The places of rows that have all their cells, and these by the column."""
        width = len(self._shape.columns)
        if self._shape.named == width and batch.sizes() == {width}:
            part = batch[places.start : places.stop] if isinstance(places, range) else batch.only(places)
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


def _together(parts: Sequence[Loaded]) -> Loaded:
    """Rows that follow each other."""
    whole = [part for part in parts if part.places]
    if not whole:
        return Loaded([], {})
    return Loaded(_joined([part.places for part in whole]),
                  {name: _joined([part.columns[name] for part in whole]) for name in whole[0].columns})  # fmt: skip


def _joined(parts: Iterable[Sequence[Any]]) -> list[Any]:
    """One list of all of them."""
    whole = list[Any]()
    for part in parts:
        whole += part
    return whole


def _fixed(field: CellField, column: Column, model: type[Model], name: str) -> _ParameterColumn:
    stored = model._meta.fields.get(name)

    def finish(value: Any) -> Any:
        return as_json(field.pack(value)) if isinstance(value, list) else one_parameter(stored, value)

    if one_item := plain_item_reader(field):
        return _ParameterColumn(field, column, finish, packed=False, doubts=one_item, dress=_Dress("[", "]"))
    text = stored is None or is_text(stored)
    return _ParameterColumn(field, column, finish, packed=False, doubts=plain_reader(field, packed=not text))


def _open(field: CellField, column: Column) -> _ParameterColumn:
    """Gives the cell as a member of a JSON object."""
    name = f"{as_json(column.open_name)}:"

    def member(value: Any) -> str:
        return name + as_json(value)

    doubts = plain_reader(field, packed=True)
    return _ParameterColumn(field, column, member, packed=True, doubts=doubts, dress=_Dress(name, ""))


def _rewritten(codes: Parameters) -> set[int]:
    """Where codes look like numbers that a spreadsheet rewrote: the row goes on with a warning."""
    texts = [code for code in codes if isinstance(code, str)]
    joined = "".join(texts)
    if ("E" in joined or "e" in joined) and SCIENTIFIC_LINE.search("\n".join(set(texts))):
        return {place for place, code in enumerate(codes) if isinstance(code, str) and SCIENTIFIC.fullmatch(code)}
    return set()


def _objects(members: list[Parameters], doubtful: set[int]) -> Parameters:
    """JSON objects of the members that each row has; None for a row without any; whatever for doubtful rows."""
    if doubtful:
        members = [_blank(each, doubtful) for each in members]
    full = list(takewhile(lambda each: None not in each, members))
    texts: Parameters = list(map(",".join, zip(*full, strict=True))) if full else [None] * len(members[0])
    if rest := members[len(full) :]:
        texts = [",".join(filter(None, row)) for row in zip(texts, *rest, strict=True)]
    return ["{" + text + "}" if text else None for text in texts]


def _blank(members: Parameters, doubtful: set[int]) -> Parameters:
    members = members.copy()
    for place in doubtful:
        members[place] = ""
    return members
