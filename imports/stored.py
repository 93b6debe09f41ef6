"""Records as they lie in their tables: an attribute is converted only when somebody asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from peewee import CharField, Field, ForeignKeyField, JSONField, Model, TextField

from models import is_postgres
from models.base import ExactDecimalField

Reader = Callable[[Any], Any]

_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
_EMPTY: dict[str, Callable[[], Any]] = {"[]": list, "{}": dict}


class Layout:
    """Where the attributes of a model stand in a row of its table, and how each is read."""

    def __init__(self, model: type[Model]) -> None:
        self.fields: list[Field] = list(model._meta.sorted_fields)
        self.places: dict[str, int] = {field.name: place for place, field in enumerate(self.fields)}
        self.texts = frozenset(field.name for field in self.fields if is_text(field))
        """Attributes that are texts in the table, too."""
        self.exact = frozenset(field.name for field in self.fields if type(field) is ExactDecimalField)
        self.readers: list[Reader] = [_reader(field) for field in self.fields]


def is_text(field: Field) -> bool:
    """Whether texts go into the table and come out of it as they are."""
    if isinstance(field, ForeignKeyField):
        return is_text(field.rel_field)
    return type(field) in (CharField, TextField)


def _reader(field: Field) -> Reader:
    if isinstance(field, JSONField) and field._loads is json.loads:
        return _read_json
    if type(field) is ExactDecimalField:
        return _read_decimal
    reader: Reader = field.python_value
    return reader


def _read_decimal(value: Any) -> Any:
    """What is none is given as it is: a row that gives a number replaces it."""
    if value is None or isinstance(value, Decimal):
        return value
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return value


def _read_json(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    make = _EMPTY.get(text)
    if make is not None:
        return make()
    try:
        return read_json(text)
    except ValueError:  # another program wrote it; peewee gives it as it is, too
        if is_postgres():
            raise
        return text


def read_json(text: str) -> Any:
    """json.loads, which takes a third of the time for text without blanks around it. Raises ValueError."""
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        return json.loads(text)
    return value if end == len(text) else json.loads(text)


class Stored(Mapping[str, Any]):
    """One record by attribute name, foreign keys as keys."""

    __slots__ = ("_known", "_layout", "raw")

    def __init__(self, layout: Layout, raw: tuple[Any, ...]) -> None:
        self._layout, self.raw = layout, raw
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name in self._known:
            return self._known[name]
        layout = self._layout
        place = layout.places[name]
        if name in layout.texts:
            return self.raw[place]
        value = self._known[name] = layout.readers[place](self.raw[place])
        return value

    def holds(self, name: str, value: Any) -> bool:
        """Whether `value` surely is in the table just so; False if it has to be looked at more closely."""
        layout = self._layout
        if name in layout.texts:
            return bool(self.raw[layout.places[name]] == value)
        return name in layout.exact and type(value) is Decimal and self.raw[layout.places[name]] in (str(value), value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layout.places)

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return len(self._layout.places)

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**self, **other}
