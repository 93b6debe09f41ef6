"""How an account writes dates and decimals, and what is said of a cell that is written otherwise."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal

from marshmallow import ValidationError

from schemas.quoting import quoted

_DECIMALS = {point: re.compile(rf"-?(\d+([{point}]\d+)?|[{point}]\d+)", re.ASCII) for point in ".,"}
"""What a number may look like, by the account's decimal separator."""

_OTHERS = {
    point: re.compile(rf"(\d*|\d{{1,3}}([{point}]\d{{3}})+)[{other}]\d+|\d{{1,3}}([{point}]\d{{3}}){{2,}}", re.ASCII)
    for point, other in (".,", ",.")
}
"""What a number without its sign looks like that was written with the other one: 1234,50, 1.234,50 and 1.234.567."""

_THOUSANDS = re.compile(r"\d{1,3}[.,]\d{3}", re.ASCII)
"""What both may look like: nothing tells whether 1,234 is a thousand or a little more than one."""

_MINUSES = "-\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"
"""What people write before or behind a number that is below zero."""


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
            raise invalid(
                f"{quoted(text)} is not a date: write it as {self.date_format}, for example {self.example_date}"
            )
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

    def read_decimal(self, text: str, *, in_file: bool = True) -> Decimal:
        """Raises ValidationError. No exponent, no thousands separator, no sign but a minus.

        Of a number in a file the message says if the whole file may be written in another way than the account's.
        """
        if not _DECIMALS[self.decimal_separator].fullmatch(text):
            raise invalid(self._no_number(text) + (self._other_writing(text) if in_file else ""))
        return Decimal(text.replace(self.decimal_separator, "."))

    def _no_number(self, text: str) -> str:
        point = self.decimal_separator
        bare = text.strip(_MINUSES + " ")
        signed = bare != text.removeprefix("-") and (_DECIMALS[point].fullmatch(bare) or _OTHERS[point].fullmatch(bare))
        minus = ", and a minus (-), if there is one, right before the digits" if signed else ""
        return (f"{quoted(text)} is not a number: write digits, with {quoted(point)} before decimals, for example "
                f"1234{point}50, without a thousands separator{minus}")  # fmt: skip

    def _other_writing(self, text: str) -> str:
        """What a cell that would be right with the other separator says about its file; empty of any other cell."""
        point = self.decimal_separator
        if not _OTHERS[point].fullmatch(text.strip(_MINUSES + " ")) or _THOUSANDS.fullmatch(text.strip(_MINUSES + " ")):
            return ""
        other = "," if point == "." else "."
        return (f". The account's decimal separator is {quoted(point)}, and this looks like a number with "
                f"{quoted(other)}: other cells of the file, such as 1{point}234, may have been read otherwise than "
                "meant. The admin can set decimal_separator for the account")  # fmt: skip

    def write_decimal(self, value: Decimal) -> str:
        return format(value, "f").replace(".", self.decimal_separator)
