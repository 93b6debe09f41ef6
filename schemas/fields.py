"""marshmallow fields for cells of a CSV file, each knowing how its value stands in one.

A field is given trimmed, non-empty text. Errors carry a code of the catalogue (`schemas.formats.Fault`).
"""

from __future__ import annotations

import copy
import datetime as dt
import re
import uuid
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from marshmallow import fields

from schemas.formats import Formats, invalid
from schemas.quoting import quoted
from schemas.shortcuts import DOUBT, Quick, either, quick_reader, without_match
from schemas.spoilt import is_suspect, spoilt, spoilt_among

_PLAIN_NUMBER = re.compile(r"(?:[1-9]\d{0,17}+|0)(?:\.\d{1,6}+|)", re.ASCII)
"""What is written again just so, and within every limit but a maximum."""

_URL = re.compile(r"(?:https?|ftps?)://[^\s/$.?#|][^\s|]*", re.IGNORECASE)

_no_plain_numbers, _no_urls = without_match(_PLAIN_NUMBER), without_match(_URL)

_SPELLED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A UUID as it is stored."""

CLEAR = r"\N"
"""The cell that clears a stored value."""


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
        """The text of `value` (never None; packed or not) as it stands in a CSV file with these formats.

        Raises ArithmeticError, TypeError or ValueError for what is no such value: other programs store anything.
        """
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
            raise invalid(f"The text has {len(value)} characters: at most {self.length} fit, so shorten it", "TOO_LONG")
        return value

    def doubts(self, texts: Sequence[str]) -> Sequence[int]:
        if max(map(len, texts), default=0) <= self.length and "\0" not in "".join(texts):
            return ()
        return [place for place, text in enumerate(texts) if len(text) > self.length or "\0" in text]


class Code(Text):
    """An identifier: text, so that leading zeros stay. What a spreadsheet leaves in its place is none."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if fault := spoilt(text):
            raise invalid(f"{quoted(text)} {fault}")
        return text

    def doubts(self, texts: Sequence[str]) -> Sequence[int]:
        joined = "".join(texts)
        if not is_suspect(joined) and max(map(len, texts), default=0) <= self.length:
            return ()
        return either(super().doubts(texts), spoilt_among(texts))


class Phone(Text):
    """A telephone number, as text."""

    def __init__(self, column: str, **kwargs: Any) -> None:
        super().__init__(column, 200, **kwargs)


NUMBERLIKE = (Code, Phone)
"""Texts that spreadsheets take for numbers and rewrite: the import warns of it."""


class SystemId(CellField):
    """A UUID, kept in lower case with dashes."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> str:
        digits = value.strip("{}").replace("-", "")
        if not re.fullmatch(r"[0-9A-Fa-f]{32}", digits):  # UUID() takes signs and underscores too
            raise invalid(f"{quoted(value)} is not a System ID: take it from ids.csv or leave the cell empty")
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
            raise invalid(f"{quoted(value)} is not known: write one of {', '.join(self.choices)}")
        return word


class YesNo(CellField):
    """Y or N."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if value.upper() not in ("Y", "N"):
            raise invalid(f"{quoted(value)} is neither Y nor N: write one of them")
        return value.upper() == "Y"

    def write(self, value: Any, formats: Formats) -> str:
        return "Y" if value else "N"


def _decimal(value: Any) -> Decimal:
    """A number as it was written, in JSON as well, whose numbers come as floats. Raises ArithmeticError."""
    return value if type(value) is Decimal else Decimal(str(value))


class Number(CellField):
    """An exact decimal with at most 18 digits before and 6 behind the point."""

    INTEGER_DIGITS, DECIMALS = 18, 6

    def __init__(self, column: str, *, minimum: Decimal | int | None = None, maximum: Decimal | int | None = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(column, **kwargs)
        self.minimum, self.maximum = minimum, maximum

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        number = self.formats.read_decimal(value, in_file=self.root is not None)
        _, digits, exponent = number.as_tuple()
        assert isinstance(exponent, int)
        if len(digits) + exponent > self.INTEGER_DIGITS:
            raise invalid(f"{quoted(value)} is too large: at most {self.INTEGER_DIGITS} digits fit before the "
                          "decimals, so give fewer", "OUT_OF_RANGE")  # fmt: skip
        if -exponent > self.DECIMALS:
            raise invalid(f"{quoted(value)} has {-exponent} decimals: at most {self.DECIMALS} fit, so round it",
                          "OUT_OF_RANGE")  # fmt: skip
        if self.minimum is not None and number < self.minimum:
            raise invalid(f"{quoted(value)} is too small: give {self._allowed()}", "OUT_OF_RANGE")
        if self.maximum is not None and number > self.maximum:
            raise invalid(f"{quoted(value)} is too large: give {self._allowed()}", "OUT_OF_RANGE")
        return number if number else abs(number)

    def _allowed(self) -> str:
        if self.minimum is None or self.maximum is None:
            least, most = f"at least {self.minimum}", f"at most {self.maximum}"
            return f"a number of {least if self.maximum is None else most}"
        return f"a number between {self.minimum} and {self.maximum}"

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
        try:
            return None not in (one, other) and _decimal(one) == _decimal(other)
        except (ArithmeticError, TypeError, ValueError):  # another program wrote it: no number is the same
            return False

    def write(self, value: Any, formats: Formats) -> str:
        number = _decimal(value)
        if not number.is_finite():
            raise ValueError(f"{number} is no amount")
        return formats.write_decimal(number)


class WholeNumber(Number):
    """A whole number that fits 32 bits."""

    def __init__(self, column: str, **kwargs: Any) -> None:
        super().__init__(column, minimum=kwargs.pop("minimum", 0), maximum=2_147_483_647, **kwargs)

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not re.fullmatch(r"-?\d+", value, re.ASCII):
            raise invalid(f"{quoted(value)} is not a whole number: write digits only, such as 12")
        return int(super()._deserialize(value, attr, data, **kwargs))

    def write(self, value: Any, formats: Formats) -> str:
        return str(int(str(value)))


class Date(CellField):
    """A date in the account's date format (ISO 8601 unless it says otherwise)."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> dt.date:
        return self.formats.read_date(value)

    def pack(self, value: Any) -> str:
        return str(value.isoformat())

    def write(self, value: Any, formats: Formats) -> str:
        return formats.write_date(value if isinstance(value, dt.date) else dt.date.fromisoformat(value))


class Email(Text):
    """One e-mail address."""

    def __init__(self, column: str, **kwargs: Any) -> None:
        super().__init__(column, 320, **kwargs)

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not re.fullmatch(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+\.[^\s@.<>,;:\"()\[\]\\]+", text):
            raise invalid(f"{quoted(text)} is not one e-mail address such as name@example.com")
        return text


class Currency(CellField):
    """Three letters of ISO 4217."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not re.fullmatch(r"[A-Za-z]{3}", value, re.ASCII):
            raise invalid(f"{quoted(value)} is not a currency: write three letters of ISO 4217, such as EUR")
        return value.upper()


def _only_item(item: Quick, text: str) -> Any:
    """A list of one item; DOUBT about longer ones."""
    value = DOUBT if "|" in text else item(text)
    return DOUBT if value is DOUBT else [value]


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
        if not (isinstance(one, list) and isinstance(other, list)):  # another program wrote it
            return False
        return len(one) == len(other) and all(map(self.item.same, one, other))

    def write(self, value: Any, formats: Formats) -> str:
        if not isinstance(value, list) or None in value:
            raise TypeError("no list of values")
        return "|".join(self.item.write(each, formats) for each in value)


class Series(Items):
    """A list in which every place counts: an empty item or one that repeats stays."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        parts = [part.strip() for part in value.split("|")]
        if not all(parts):
            raise invalid("An item of the list is empty: write a value before and behind each bar (|)")
        return [self.item.deserialize(part, attr, data) for part in parts]


class Url(Text):
    """An http, https or ftp address."""

    def __init__(self, column: str, **kwargs: Any) -> None:
        super().__init__(column, 2000, **kwargs)

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not _URL.fullmatch(text):
            raise invalid(f"{quoted(text)} is not a web address such as https://example.com/picture.jpg")
        return text

    def quick(self) -> Quick:
        length, match = self.length, _URL.fullmatch
        return lambda text: text if match(text) and len(text) <= length and "\0" not in text else DOUBT

    def doubts(self, texts: Sequence[str]) -> Sequence[int]:
        return either(super().doubts(texts), _no_urls(texts))


class Path(Text):
    """A category path: names joined by >, read with or without spaces around it."""

    def __init__(self, column: str, **kwargs: Any) -> None:
        super().__init__(column, 1000, **kwargs)

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Any:
        names = [name.strip() for name in value.split(">")]
        if not all(names):
            raise invalid(f"{quoted(value)} has an empty name: write a path such as Electronics > Mobile Phones")
        if "|" in value:
            raise invalid(f"{quoted(value)} holds a |, which separates lists: take another character")
        return super()._deserialize(" > ".join(names), attr, data, **kwargs)
