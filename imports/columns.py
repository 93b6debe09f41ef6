"""A template compiled for one file into columns of parameters: most rows need no object of their own on their way.

As for imports.compiled the schema stays the only authority. Only rows that are plainly good are given here; whoever
asks sends the others, one by one, through imports.validate.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from operator import not_
from typing import Any

from marshmallow.decorators import VALIDATES_SCHEMA
from peewee import Model

from imports.batches import CLOSE, Batch
from imports.cell_counts import all_noted
from imports.compiled import compilable
from imports.parameters import ParameterColumn, Parameters, fixed_column, objects, open_column
from imports.reading import FileShape, is_whole
from imports.validate import SCIENTIFIC, SCIENTIFIC_LINE
from schemas import TemplateSchema
from schemas.fields import NUMBERLIKE, CellField

FEW = 16
"""One row in so many, or less, is taken out; of more each row is looked at."""


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


class ColumnLoader:
    """Reads the batches of one file for `model`. `usable` is False for a schema that has to see each row itself.

    Attributes that the model does not have are given, too, for whoever resolves references.
    """

    def __init__(self, schema: TemplateSchema, shape: FileShape, model: type[Model]) -> None:
        self._schema, self._shape = schema, shape
        self.usable = compilable(schema) and bool(schema.equal_lengths) == bool(schema._hooks[VALIDATES_SCHEMA])
        self._fixed: list[tuple[int, str, ParameterColumn]] = []
        self._open: dict[str, list[tuple[int, ParameterColumn]]] = {}
        names = {field.column: name for name, field in schema.fields.items() if isinstance(field, CellField)}
        self._codes: list[str] = []
        prefixes = {each.prefix: each for each in schema.open_columns}
        for place, column in enumerate(shape.columns if self.usable else ()):
            if column.kind == "fixed":
                name = names[column.name]
                cell = schema.columns[column.name]
                self._fixed.append((place, name, fixed_column(cell, column, model, name)))
                self._codes += [name] if isinstance(cell, NUMBERLIKE) else []
            elif column.kind == "open":
                opened = prefixes[column.open_prefix]
                self._open.setdefault(opened.attribute, []).append((place, open_column(opened.field, column)))

    def load(self, batch: Batch, places: Sequence[int] | None = None) -> Loaded:
        """The plainly good ones of all rows, or of those at `places`, in their order."""
        return self._load(batch, range(len(batch)) if places is None else places, {})

    def load_all(self, batch: Batch, kept: Iterable[int]) -> Loaded:
        """The plainly good ones of all rows. The batch keeps the cells of some columns, if all rows are whole."""
        held: dict[int, list[str]] = {place: [] for place in kept}
        loaded = self._load(batch, range(len(batch)), held)
        if all(len(cells) == len(batch) for cells in held.values()):
            batch.keep(held)
        return loaded

    def _load(self, batch: Batch, places: Sequence[int], kept: Mapping[int, list[str]]) -> Loaded:
        parts = [self._part(batch, places[start : start + CLOSE], kept) for start in range(0, len(places), CLOSE)]
        return parts[0] if len(parts) == 1 else _together(parts)

    def _part(self, batch: Batch, places: Sequence[int], kept: Mapping[int, list[str]]) -> Loaded:
        places, cells = self._whole(batch, places)
        for place, column in kept.items():
            column += cells[place] if places else ()
        if not places:
            return Loaded([], {})
        columns = {name: column.read(cells[place]) for place, name, column in self._fixed}
        doubtful = set[int]().union(*(column.doubtful(columns[name]) for _, name, column in self._fixed))
        for attribute, opened in self._open.items():
            members = [column.members(cells[place]) for place, column in opened]
            doubtful.update(*(column.doubtful(each.values) for (_, column), each in zip(opened, members, strict=True)))
            columns[attribute] = objects(members, doubtful)
        for name in self._codes:
            doubtful.update(_rewritten(columns[name]))
        self._compare_lengths(columns, cells, doubtful)
        return Loaded(places, columns).only([place not in doubtful for place in range(len(places))])

    def _whole(self, batch: Batch, places: Sequence[int]) -> tuple[Sequence[int], Sequence[Sequence[str]]]:
        """The places of rows that have all their cells, and these by the column."""
        width = len(self._shape.columns)
        part = batch[places.start : places.stop] if isinstance(places, range) else batch.only(places)
        columns = part.all_columns(width) if self._shape.named == width else []
        if columns and all_noted(self._shape, columns):
            return places, columns
        rows = [batch.row(place) for place in places]
        good = [is_whole(self._shape, row) for row in rows]
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
            if any(each != lengths[0] for each in lengths):
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


def _rewritten(codes: Parameters) -> set[int]:
    """Where codes look like numbers that a spreadsheet rewrote: the row goes on with a warning."""
    try:
        lines = "\n".join(codes)
    except TypeError:  # some rows have none
        lines = "\n".join([code for code in codes if isinstance(code, str)])
    if ("E" in lines or "e" in lines) and SCIENTIFIC_LINE.search(lines):
        return {place for place, code in enumerate(codes) if isinstance(code, str) and SCIENTIFIC.fullmatch(code)}
    return set()
