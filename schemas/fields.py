"""marshmallow fields for cells of a CSV file, each knowing how its value stands in one.

A field is given trimmed, non-empty text. Errors carry a code of the catalogue: `Fault` is a str with a `code`.
"""

from __future__ import annotations

import copy
import datetime as dt
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from marshmallow import ValidationError, fields

_DECIMALS = {point: re.compile(rf"-?(\d+([{point}]\d+)?|[{point}]\d+)", re.ASCII) for point in ".,"}
"""What a number may look like, by the account's decimal separator."""

_PLAIN_NUMBER = re.compile(r"(?:[1-9]\d{0,17}+|0)(?:\.\d{1,6}+|)", re.ASCII)
"""What is written again just so, and within every limit but a maximum."""

_URL = re.compile(r"(?:https?|ftps?)://[^\s/$.?#|][^\s|]*", re.IGNORECASE)


def _without_match(pattern: re.Pattern[str]) -> Callable[[Sequence[str]], Sequence[int]]:
    """Finds where texts are that have text, but do not match a pattern that leaves nothing to try twice.

    One match for all texts that follow each other is far cheaper than one for each.
    """
    # No possessive group: before Python 3.11.5 one that fails half-way stays where it stood (its issue 106052).
    lines = re.compile(rf"(?:(?:{pattern.pattern})\n|\n)*", pattern.flags).match

    def find(texts: Sequence[str]) -> Sequence[int]:
        joined = "\n".join(texts) + "\n"
        if joined.count("\n") != len(texts):
            return range(len(texts))
        found: list[int] = []
        start, place = 0, 0
        while (good := lines(joined, start)) and (end := good.end()) < len(joined):
            place += joined.count("\n", start, end)
            found.append(place)
            place, start = place + 1, joined.index("\n", end) + 1
        return found

    return find


_no_plain_numbers, _no_urls = _without_match(_PLAIN_NUMBER), _without_match(_URL)

_SPELLED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A UUID as it is stored."""

CLEAR = r"\N"
"""The cell that clears a stored value."""

DOUBT: Any = object()
"""What a quick reader gives for a text that is not plainly good."""

Quick = Callable[[str], Any]
"""Reads what is plainly good as `deserialize` does, and gives DOUBT for everything else."""


Doubts = Callable[[Sequence[str]], Sequence[int]]
"""Finds where texts are that are not plainly good, in order; empty ones need not be named."""


class Fault(str):
    """An error message with its row code; marshmallow carries it unchanged."""

    code: str

    def __new__(cls, message: str, code: str = "INVALID_VALUE") -> Fault:
        fault = super().__new__(cls, message)
        fault.code = code
        return fault


def invalid(message: str, code: str = "INVALID_VALUE") -> ValidationError:
    return ValidationError([Fault(message, code)])


@dataclass(frozen=True, slots=True)
class Formats:
    """How an account writes dates and decimals."""

    date_format: str = "YYYY-MM-DD"
    decimal_separator: str = "."

    @property
    def strptime(self) -> str:
        return self.date_format.replace("YYYY", "%Y").replace("MM", "%m").replace("DD", "%d")

    def read_date(self, text: str) -> dt.date:
        """Raises ValidationError."""
        try:
            parsed = dt.datetime.strptime(text, self.strptime).date()
        except ValueError:
            parsed = None
        if parsed is None or self.write_date(parsed) != text:  # strptime takes blanks and missing zeros too
            raise invalid(f"{text!r} is not a date: write it as {self.date_format}, for example {self.example_date}")
        return parsed

    @property
    def example_date(self) -> str:
        return self.write_date(dt.date(2024, 9, 18))

    def write_date(self, date: dt.date) -> str:
        return (
            self.date_format.replace("YYYY", f"{date.year:04}")
            .replace("MM", f"{date.month:02}")
            .replace("DD", f"{date.day:02}")
        )

    def read_decimal(self, text: str) -> Decimal:
        """Raises ValidationError. No exponent, no thousands separator, no sign but a minus."""
        if not _DECIMALS[self.decimal_separator].fullmatch(text):
            raise invalid(f"{text!r} is not a number: write digits, with {self.decimal_separator!r} before decimals, "
                          f"for example 1234{self.decimal_separator}50, without a thousands separator")  # fmt: skip
        return Decimal(text.replace(self.decimal_separator, "."))

    def write_decimal(self, value: Decimal) -> str:
        return format(value, "f").replace(".", self.decimal_separator)


class CellField(fields.Field[Any]):
    """Base of all: `required` is a matter of creating a record, so it is `needed`, not marshmallow's `required`."""

    def __init__(self, column: str, *, needed: bool = False, example: str = "", help: str = "", **kwargs: Any) -> None:
        super().__init__(data_key=column, required=False, **kwargs)
        self.column, self.needed, self.example, self.help = column, needed, example, help

    @property
    def formats(self) -> Formats:
        return getattr(self.root, "formats", Formats())

    def quick(self) -> Quick | None:
        """A cheaper reader for a bound field, if there is one. Whoever overrides `_deserialize` has none until he
        writes his own; see `quick_reader`."""
        return None

    def doubts(self, texts: Sequence[str]) -> Sequence[int]:
        """Where texts are that are not surely good and their own values, in order; under the same rule as `quick`.

        Empty texts need not be named.
        """
        return range(len(texts))

    def doubts_packed(self, texts: Sequence[str]) -> Sequence[int]:
        """Where texts are that are not surely good, or of which `pack` makes something else than the texts again."""
        return self.doubts(texts) if type(self).pack is CellField.pack else range(len(texts))

    def pack(self, value: Any) -> Any:
        """`value` as it stands inside JSON, exactly."""
        return value

    def same(self, one: Any, other: Any) -> bool:
        """Whether two values, packed or not, mean the same."""
        return bool(one == other)

    def write(self, value: Any, formats: Formats) -> str:
        """The text of `value` (never None; packed or not) as it stands in a CSV file with these formats."""
        return str(value)


class Text(CellField):
    """Text of at most `length` characters."""

    def __init__(self, column: str, length: int, **kwargs: Any) -> None:
        super().__init__(column, **kwargs)
        self.length = length

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if "\0" in value:
            raise invalid("The cell holds a NUL character (byte 0): remove it")
        if len(value) > self.length:
            raise invalid(f"The text has {len(value)} characters: at most {self.length} fit", "TOO_LONG")
        return value

    def doubts(self, texts: Sequence[str]) -> Sequence[int]:
        if max(map(len, texts), default=0) <= self.length and "\0" not in "".join(texts):
            return ()
        return [place for place, text in enumerate(texts) if len(text) > self.length or "\0" in text]


class Code(Text):
    """An identifier: text, so that leading zeros stay. The import warns of what spreadsheets do to codes."""


class SystemId(CellField):
    """A UUID, kept in lower case with dashes."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> str:
        digits = value.strip("{}").replace("-", "")
        if not re.fullmatch(r"[0-9A-Fa-f]{32}", digits):  # UUID() takes signs and underscores too
            raise invalid(f"{value!r} is not a System ID: take it from ids.csv or leave the cell empty")
        return str(uuid.UUID(digits))

    def quick(self) -> Quick:
        return lambda text: text if _SPELLED.fullmatch(text) else DOUBT


class Choice(CellField):
    """One word of a few, in any case."""

    def __init__(self, column: str, choices: Sequence[str], **kwargs: Any) -> None:
        super().__init__(column, **kwargs)
        self.choices = tuple(choices)

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> str:
        word = value.lower()
        if word not in self.choices:
            raise invalid(f"{value!r} is not known: write one of {', '.join(self.choices)}")
        return word


class YesNo(CellField):
    """Y or N."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if value.upper() not in ("Y", "N"):
            raise invalid(f"{value!r} is neither Y nor N")
        return value.upper() == "Y"

    def write(self, value: Any, formats: Formats) -> str:
        return "Y" if value else "N"


class Number(CellField):
    """An exact decimal with at most 18 digits before and 6 behind the point."""

    INTEGER_DIGITS, DECIMALS = 18, 6

    def __init__(self, column: str, *, minimum: Decimal | int | None = None, maximum: Decimal | int | None = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(column, **kwargs)
        self.minimum, self.maximum = minimum, maximum

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        number = self.formats.read_decimal(value)
        _, digits, exponent = number.as_tuple()
        assert isinstance(exponent, int)
        if len(digits) + exponent > self.INTEGER_DIGITS:
            raise invalid(f"{value} is too large: at most {self.INTEGER_DIGITS} digits fit before the decimals",
                          "OUT_OF_RANGE")  # fmt: skip
        if -exponent > self.DECIMALS:
            raise invalid(f"{value} has {-exponent} decimals: at most {self.DECIMALS} fit", "OUT_OF_RANGE")
        if self.minimum is not None and number < self.minimum:
            raise invalid(f"{value} is too small: at least {self.minimum}", "OUT_OF_RANGE")
        if self.maximum is not None and number > self.maximum:
            raise invalid(f"{value} is too large: at most {self.maximum}", "OUT_OF_RANGE")
        return number if number else abs(number)

    def quick(self) -> Quick | None:
        if self.minimum not in (None, 0) or self.maximum is not None:
            return None
        point = self.formats.decimal_separator
        small = re.compile(rf"\d{{1,{self.INTEGER_DIGITS}}}([{point}]\d{{1,{self.DECIMALS}}})?", re.ASCII).fullmatch
        if point == ".":
            return lambda text: Decimal(text) if small(text) else DOUBT
        return lambda text: Decimal(text.replace(point, ".")) if small(text) else DOUBT

    def doubts_packed(self, texts: Sequence[str]) -> Sequence[int]:
        usual = self.formats.decimal_separator == "." and self.minimum in (None, 0) and self.maximum is None
        return _no_plain_numbers(texts) if usual else range(len(texts))

    def pack(self, value: Any) -> str:
        return format(value, "f")

    def same(self, one: Any, other: Any) -> bool:
        if type(one) is Decimal and type(other) is Decimal:
            return one == other
        return None not in (one, other) and Decimal(one) == Decimal(other)

    def write(self, value: Any, formats: Formats) -> str:
        return formats.write_decimal(Decimal(value))


class WholeNumber(Number):
    """A whole number that fits 32 bits."""

    def __init__(self, column: str, **kwargs: Any) -> None:
        super().__init__(column, minimum=kwargs.pop("minimum", 0), maximum=2_147_483_647, **kwargs)

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not re.fullmatch(r"-?\d+", value, re.ASCII):
            raise invalid(f"{value!r} is not a whole number")
        return int(super()._deserialize(value, attr, data, **kwargs))

    def write(self, value: Any, formats: Formats) -> str:
        return str(value)


class Date(CellField):
    """A date in the account's date format (ISO 8601 unless it says otherwise)."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> dt.date:
        return self.formats.read_date(value)

    def pack(self, value: Any) -> str:
        return str(value.isoformat())

    def write(self, value: Any, formats: Formats) -> str:
        return formats.write_date(dt.date.fromisoformat(value) if isinstance(value, str) else value)


class Email(Text):
    """One e-mail address."""

    def __init__(self, column: str, **kwargs: Any) -> None:
        super().__init__(column, 320, **kwargs)

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not re.fullmatch(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+\.[^\s@.<>,;:\"()\[\]\\]+", text):
            raise invalid(f"{text!r} is not one e-mail address such as name@example.com")
        return text


class Currency(CellField):
    """Three letters of ISO 4217."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not re.fullmatch(r"[A-Za-z]{3}", value, re.ASCII):
            raise invalid(f"{value!r} is not a currency: write three letters of ISO 4217, such as EUR")
        return value.upper()


class Items(CellField):
    """A list, separated by |, whose items `item` reads. Empty items and repeated ones are dropped."""

    def __init__(self, column: str, item: CellField, **kwargs: Any) -> None:
        super().__init__(column, **kwargs)
        self.item = item

    def _bind_to_schema(self, field_name: str, parent: Any) -> None:
        super()._bind_to_schema(field_name, parent)
        # marshmallow copies a schema's fields, but not what they hold: without this, all schemas would share one item.
        self.item = copy.copy(self.item)
        self.item._bind_to_schema(field_name, self)

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        parts = [part.strip() for part in value.split("|") if part.strip()]
        if not parts:
            raise invalid(f"The list is empty: write values separated by |, or {CLEAR} to clear what is stored")
        return list(dict.fromkeys(self.item.deserialize(part, attr, data) for part in parts))

    def quick(self) -> Quick | None:
        item = quick_reader(self.item)
        return None if item is None else partial(_only_item, item)

    def pack(self, value: Any) -> list[Any]:
        return [self.item.pack(each) for each in value]

    def same(self, one: Any, other: Any) -> bool:
        return len(one) == len(other) and all(map(self.item.same, one, other))

    def write(self, value: Any, formats: Formats) -> str:
        return "|".join(self.item.write(each, formats) for each in value)


class Series(Items):
    """A list in which every place counts: an empty item or one that repeats stays."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        parts = [part.strip() for part in value.split("|")]
        if not all(parts):
            raise invalid("An item of the list is empty: write one value between two |")
        return [self.item.deserialize(part, attr, data) for part in parts]


class Url(Text):
    """An http, https or ftp address."""

    def __init__(self, column: str, **kwargs: Any) -> None:
        super().__init__(column, 2000, **kwargs)

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not _URL.fullmatch(text):
            raise invalid(f"{text!r} is not a web address such as https://example.com/picture.jpg")
        return text

    def quick(self) -> Quick:
        length, match = self.length, _URL.fullmatch
        return lambda text: text if match(text) and len(text) <= length and "\0" not in text else DOUBT

    def doubts(self, texts: Sequence[str]) -> Sequence[int]:
        return _either(super().doubts(texts), _no_urls(texts))


class Path(Text):
    """A category path: names joined by >, read with or without spaces around it."""

    def __init__(self, column: str, **kwargs: Any) -> None:
        super().__init__(column, 1000, **kwargs)

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Any:
        names = [name.strip() for name in value.split(">")]
        if not all(names):
            raise invalid(f"{value!r} has an empty name: write a path such as Electronics > Mobile Phones")
        if "|" in value:
            raise invalid(f"{value!r} holds a |, which separates lists: take another character")
        return super()._deserialize(" > ".join(names), attr, data, **kwargs)


def _only_item(item: Quick, text: str) -> Any:
    """A list of one item; DOUBT about longer ones."""
    value = DOUBT if "|" in text else item(text)
    return DOUBT if value is DOUBT else [value]


def quick_reader(field: CellField) -> Quick | None:
    """The field's quick reader, if it was written for how the field reads."""
    return field.quick() if _written_for(field, "quick") else None


def plain_reader(field: CellField, *, packed: bool) -> Doubts | None:
    """The field's `doubts` or `doubts_packed`, if it was written for how the field reads and packs."""
    name = "doubts_packed" if packed and type(field).doubts_packed is not CellField.doubts_packed else "doubts"
    if not _written_for(field, name) or (packed and _place(type(field), name) > _place(type(field), "pack")):
        return None
    return field.doubts_packed if packed else field.doubts


def plain_item_reader(field: CellField) -> Doubts | None:
    """Of a list: finds texts that are not surely one good item each, whose packed form is the text again."""
    if type(field) not in (Items, Series) or not isinstance(field, Items) or quick_reader(field) is None:
        return None
    item = plain_reader(field.item, packed=True)
    return None if item is None else partial(_not_one_item, item)


def _not_one_item(item: Doubts, texts: Sequence[str]) -> Sequence[int]:
    several = [place for place, text in enumerate(texts) if "|" in text] if "|" in "".join(texts) else ()
    return _either(several, item(texts))


def _either(some: Sequence[int], others: Sequence[int]) -> Sequence[int]:
    return sorted({*some, *others}) if some and others else some or others


def _written_for(field: CellField, shortcut: str) -> bool:
    """Whether a class that knows the shortcut reads the field, and nobody has a say before or behind it."""
    kind = type(field)
    plain = kind.deserialize is CellField.deserialize and kind._validate is CellField._validate
    if not plain or field.validators or field.pre_load or field.post_load:
        return False
    return _place(kind, shortcut) <= _place(kind, "_deserialize")


def _place(kind: type[CellField], name: str) -> int:
    """How far up its line of classes one of `kind` finds `name`."""
    return next(place for place, each in enumerate(kind.__mro__) if name in vars(each))
