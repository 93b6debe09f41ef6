"""What happens to a text on its way into report.csv and back: formulas are made harmless, long texts are cut."""

from __future__ import annotations

import re

LONGEST_VALUE, LONGEST_MESSAGE = 200, 500
"""Characters in report.csv."""

_RUNS = re.compile(r"[=+\-@\t\r\n]")
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_NEUTRALISED = re.compile(r"'+[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)?|[.,]\d+)(E[+-]?\d+)?", re.IGNORECASE | re.ASCII)


def neutralise(text: str) -> str:
    """`text`, with a ' before it if a spreadsheet would run it as a formula. Plain numbers stay as they are."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def restore(text: str) -> str:
    """What `neutralise` was given."""
    return text[1:] if _NEUTRALISED.match(text) else text


def harmless(message: str) -> str:
    """`message`, with a ' before it if a spreadsheet would run it.

    One that begins with a quoted value is no formula, and a second quote would look like a mistake; so what a plugin
    has said comes back with the ', not without it.
    """
    return f"'{message}" if _RUNS.match(message) else message


def cut_value(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


def cut_message(text: str) -> str:
    """A message may quote a cell of a megabyte; what to do about it stands at its end."""
    half = LONGEST_MESSAGE // 2
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:half]}…{text[-half:]}"
