"""How an account writes dates and decimals, and what is said of a cell that is written otherwise."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal

from marshmallow import ValidationError

_DECIMALS = {point: re.compile(rf"-?(\d+([{point}]\d+)?|[{point}]\d+)", re.ASCII) for point in ".,"}
"""What a number may look like, by the account's decimal separator."""


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
