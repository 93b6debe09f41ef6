"""Values that a plugin put into a row: the rules of the template hold for them as they do for the cells of a file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from reprlib import Repr
from typing import Any

from marshmallow import ValidationError

from imports.rows import Row
from imports.validate import flat
from schemas import CLEAR, Fault, OpenColumns, TemplateSchema, fits_open_name, plain_name, quoted
from schemas.fields import CellField, Choice, Currency, Date, Items, Number, SystemId, Text, WholeNumber, YesNo
from schemas.formats import invalid

Values = dict[str, Any]
Said = tuple[str, Fault]
"""A column and what is wrong there."""
Spell = Callable[[str, Iterable[str]], Mapping[str, str]]
"""Called with the prefix of open columns and names; gives each as the account's files spell it."""

_NOTHING = object()

_TEXTS = (Text, Choice, Currency, SystemId)
_TAKES = (
    (Items, "a list"),
    (WholeNumber, "a whole number (int)"),
    (Number, "a number (Decimal or int)"),
    (Date, "a datetime.date"),
    (YesNo, "True or False"),
    (_TEXTS, "a text (str)"),
)
"""What an attribute holds, by the kind of its field."""

_brief = Repr()
_brief.maxstring = _brief.maxother = _brief.maxlong = 80


class ChangedValues:
    """Takes what was changed through the rules of one schema."""

    def __init__(self, schema: TemplateSchema, spell: Spell) -> None:
        self._schema, self._spell = schema, spell
        self._new: dict[str, dict[str, None]] = {}
        """By prefix the names of open columns that a row did not have."""
        self._spelled: dict[str, dict[str, str]] = {column.prefix: {} for column in schema.open_columns}
        self._opened = {column.attribute: column for column in schema.open_columns}
        self._judged_whole = any(schema._hooks.values())
        """Whether the schema has rules of its own besides those of its fields."""

    def settle(self, row: Row, before: Values) -> list[Said]:
        """Put what the template makes of the changed values in their place; return the faults, each with its column.

        `before` are the values as they were.
        """
        row.values = dict(row.values)  # a plugin may have given it to several rows
        changed = [name for name, value in row.values.items()
                   if value is not (old := before.get(name, _NOTHING)) and not _is_same(value, old)]  # fmt: skip
        faults: list[Said] = []
        for name in changed:
            field, opened = self._schema.fields.get(name), self._opened.get(name)
            if isinstance(field, CellField):
                faults += _put(row.values, name, partial(self._value, field, row), field.column)
            elif opened:
                faults += self._settle_open(opened, row, before.get(name))
            elif name not in before:  # else the schema has made it, by rules of its own
                known = ", ".join([*self._schema.fields, *self._opened])
                faults.append(("", Fault(f"{_brief.repr(name)} is no attribute of the template: it has {known}")))
        if (changed or len(row.values) < len(before)) and self._judged_whole and not faults:
            faults = list(self._judge_whole(row))
        return faults

    def spell(self, rows: Collection[Row]) -> None:
        """Name the open columns that rows got since the last time as the account's files do. Asks the database."""
        for column in self._opened.values():
            spelled, new = self._spelled[column.prefix], self._new.pop(column.prefix, {})
            having = [row for row in rows if row.values.get(column.attribute)] if new else []
            # What was taken back is no name of the account.
            kept = {name for row in having for name in row.values[column.attribute]}
            if unknown := [name for name in new if name in kept and name not in spelled]:
                spelled.update(self._spell(column.prefix, unknown))
            for row in having:
                held = row.values[column.attribute]
                row.values[column.attribute] = {spelled.get(name, name): each for name, each in held.items()}

    def _settle_open(self, column: OpenColumns, row: Row, before: Any) -> list[Said]:
        """The same for the values of a record's open columns."""
        given, known = row.values[column.attribute], before if isinstance(before, dict) else {}
        if not isinstance(given, dict):
            return [(column.prefix, Fault(f"{_brief.repr(given)} is no dict, by what stands behind the colon of "
                                          f"{quoted(column.example)}"))]  # fmt: skip
        faults: list[Said] = []
        values = row.values[column.attribute] = dict(given)
        for name, value in given.items():
            if name not in known:
                if not (isinstance(name, str) and name == plain_name(name) and fits_open_name(name)):
                    message = (
                        f"{_brief.repr(name)} can't stand behind the colon of a header such as {quoted(column.example)}"
                    )
                    faults.append((column.prefix, Fault(message)))
                    continue
                self._new.setdefault(column.prefix, {})[name] = None
            elif _is_same(value, known[name]):
                continue
            faults += _put(values, name, partial(self._packed, column.field, row), column.column(name))
        return faults

    def _value(self, field: CellField, row: Row, value: Any) -> Any:
        if not _is_empty(value):
            return self._read(field, row, value)
        if field.needed or isinstance(field, SystemId):
            raise invalid(f"{field.column} can't be cleared: give a value, or take the attribute out to keep what is "
                          "stored", "REQUIRED")  # fmt: skip
        return None

    def _packed(self, field: CellField, row: Row, value: Any) -> Any:
        return None if _is_empty(value) else field.pack(self._read(field, row, value))

    def _text(self, field: CellField, value: Any) -> str:
        """The cell that would hold the value."""
        try:
            text = field.write(value, self._schema.formats).strip()
            text.encode()
        except UnicodeError:
            raise invalid(f"{_brief.repr(value)} holds half of a character (a surrogate)") from None
        except (ArithmeticError, TypeError, ValueError):
            raise _wrong_kind(field, value) from None
        return text

    def _read(self, field: CellField, row: Row, value: Any) -> Any:
        """What the field makes of the cell that would hold the value."""
        if isinstance(field, Items) and isinstance(value, list):
            for each in value:
                self._read(field.item, row, each)
                if "|" in self._text(field.item, each):
                    raise invalid(f"{_brief.repr(each)} holds a |, which separates lists: take another character")
        try:
            read = field.deserialize(self._text(field, value), field.column, row.texts)
        except ValidationError:
            if isinstance(field, _TEXTS) and not isinstance(value, str):
                raise _wrong_kind(field, value) from None
            raise
        if type(read) is type(value) or field.same(read, value) or field.pack(read) == value:
            return read
        raise _wrong_kind(field, value)

    def _judge_whole(self, row: Row) -> Iterator[Said]:
        """What the schema says of the row as a whole."""
        fields = {name: field for name, field in self._schema.fields.items() if isinstance(field, CellField)}
        cells = {field.column: self._text(field, value) for name, field in fields.items()
                 if (value := row.values.get(name)) is not None}  # fmt: skip
        try:
            self._schema.load(cells)
        except ValidationError as error:
            error.__traceback__ = None
            for column, found in error.normalized_messages().items():
                yield from (("" if column == "_schema" else str(column), each) for each in map(_fault, flat(found)))


def _is_empty(value: Any) -> bool:
    """Whether it clears what is stored, as None does."""
    if isinstance(value, str):
        return value.strip() in ("", CLEAR)
    return value is None or (isinstance(value, list) and not value)


def _wrong_kind(field: CellField, value: Any) -> ValidationError:
    takes = next((words for kinds, words in _TAKES if isinstance(field, kinds)), "what its field reads from a cell")
    return invalid(f"{_brief.repr(value)} ({type(value).__name__}) is no value of {field.column}, which takes {takes}")


def _put(values: Values, name: str, read: Callable[[Any], Any], column: str) -> list[Said]:
    """Put what `read` makes of a value in its place, or tell why that can't be."""
    try:
        values[name] = read(values[name])
    except ValidationError as error:
        error.__traceback__ = None  # it refers to its frames, and they to it
        return [(column, _fault(each)) for each in flat(error.messages)]
    return []


def _fault(message: Fault | str) -> Fault:
    return message if isinstance(message, Fault) else Fault(str(message))


def _is_same(one: Any, other: Any) -> bool:
    """Whether nothing was changed: 1, 1.0 and True are not the same."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    return bool(one == other)
