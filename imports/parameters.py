"""The cells of one column as parameters: each distinct cell is read once, or a whole column of plain ones at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from json.encoder import encode_basestring as quote
from typing import Any, NamedTuple

from peewee import Model

from imports.bulk import as_json, one_parameter
from imports.compiled import ABSENT, LONGEST, MEMORY, Memory
from imports.reading import Column
from imports.stored import is_text
from schemas import CLEAR
from schemas.fields import CellField
from schemas.plain import plain_item_reader, plain_reader
from schemas.shortcuts import DOUBT, Doubts

Parameters = list[Any]


class Members(NamedTuple):
    """What one column gives to the JSON objects of many rows."""

    values: Sequence[Any]
    """A member for each row, None where it has none, DOUBT where that is not plain."""
    head: str = ""
    tail: str = ""
    """What stands before and behind each, if all of them are there."""


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
        if _need_quotes_only(texts):
            head, tail = self.quoted()
            return [f"{head}{text}{tail}" if text else None for text in texts]
        return [self.head + quote(text) + self.tail if text else None for text in texts]

    def quoted(self) -> tuple[str, str]:
        return f'{self.head}"', f'"{self.tail}'


def _need_quotes_only(texts: Iterable[str]) -> bool:
    """Whether that is all it takes to make JSON of the texts."""
    all_texts = "".join(texts)
    return all_texts.isprintable() and '"' not in all_texts and "\\" not in all_texts


class ParameterColumn:
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

    def members(self, cells: Sequence[str]) -> Members:
        """The same for a column whose parameters are members of an object."""
        if not (self._alone and self._doubts is not None and self._dress is not None):
            return Members(self.read(cells))
        texts = list(map(str.strip, cells))
        apart = self._apart(self._doubts, texts)
        others = _replaced(texts, apart, repeat("-"))
        if "" in others or not _need_quotes_only(others):
            return Members(self._read_plain(self._doubts, texts))
        found = [self._cells.give(texts[place]) for place in apart]
        if any(each is not DOUBT for each in found):
            return Members(self._read_plain(self._doubts, texts))
        return Members(_replaced(texts, apart, found), *self._dress.quoted())

    def doubtful(self, values: Sequence[Any]) -> set[int]:
        """Where the column said DOUBT."""
        if not self._cells.doubtful:
            return set()
        return {place for place, value in enumerate(values) if value is DOUBT}

    def _apart(self, doubts: Doubts, texts: Sequence[str]) -> Sequence[int]:
        """Where texts are that have to be looked at one by one."""
        apart = doubts(texts)
        if CLEAR in texts:
            return sorted({*apart, *(place for place, text in enumerate(texts) if text == CLEAR)})
        return apart

    def _read_plain(self, doubts: Doubts, texts: list[str]) -> Parameters:
        """All that is plainly good together, the rest one by one."""
        apart = self._apart(doubts, texts)
        values = self._dressed(_replaced(texts, apart, repeat("")))
        return _replaced(values, apart, [self._cells.give(texts[place]) for place in apart])

    def _dressed(self, texts: list[str]) -> Parameters:
        if self._dress is not None:
            return self._dress.all(texts)
        return [text or None for text in texts] if "" in texts else list(texts)


def _replaced(values: list[Any], places: Sequence[int], others: Iterable[Any]) -> list[Any]:
    """The values with others at some places."""
    if places:
        values = values.copy()
        for place, other in zip(places, others, strict=False):
            values[place] = other
    return values


def fixed_column(field: CellField, column: Column, model: type[Model], name: str) -> ParameterColumn:
    """Of a column of the template."""
    stored = model._meta.fields.get(name)

    def finish(value: Any) -> Any:
        return as_json(field.pack(value)) if isinstance(value, list) else one_parameter(stored, value)

    if one_item := plain_item_reader(field):
        return ParameterColumn(field, column, finish, packed=False, doubts=one_item, dress=_Dress("[", "]"))
    text = stored is None or is_text(stored)
    return ParameterColumn(field, column, finish, packed=False, doubts=plain_reader(field, packed=not text))


def open_column(field: CellField, column: Column) -> ParameterColumn:
    """Gives the cell as a member of a JSON object."""
    name = f"{as_json(column.open_name)}:"

    def member(value: Any) -> str:
        return name + as_json(value)

    doubts = plain_reader(field, packed=True)
    return ParameterColumn(field, column, member, packed=True, doubts=doubts, dress=_Dress(name, ""))


def objects(members: Sequence[Members], doubtful: set[int]) -> Parameters:
    """JSON objects of the members that each row has; None for a row without any; whatever for doubtful rows."""
    columns = [_blank(each.values, doubtful) for each in members]
    sparse = [None in values for values in columns]
    if sparse[0]:
        dressed = [[value and f"{each.head}{value}{each.tail}" for value in values]
                   for each, values in zip(members, columns, strict=True)]  # fmt: skip
        texts = [",".join(filter(None, row)) for row in zip(*dressed, strict=True)]
        return ["{" + text + "}" if text else None for text in texts]
    # Every row has the first one, and each other one stands behind a comma: joining all at once is the cheapest.
    parts: list[Iterable[str]] = []
    between = "{"
    for nth, (each, values) in enumerate(zip(members, columns, strict=True)):
        if sparse[nth]:
            parts += [repeat(between), [f",{value}" if value else "" for value in values]]
            between = ""
        else:
            parts += [repeat(f"{between}{',' if nth else ''}{each.head}"), values]
            between = each.tail
    return list(map("".join, zip(*parts, repeat(f"{between}}}"), strict=False)))


def _blank(members: Sequence[Any], doubtful: set[int]) -> Sequence[Any]:
    return _replaced(list(members), sorted(doubtful), repeat("")) if doubtful else members
