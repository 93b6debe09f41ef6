"""The rule for file names: ENTITY_DD_MM_YYYY[_suffix].csv, in any case, singular or plural (design section 3)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.base import TemplateSchema
from schemas.quoting import quoted

_RULE = re.compile(r"([a-z]+(?:_[a-z]+)*)_(\d{2})_(\d{2})_(\d{4})(?:_([a-z0-9]+))?\.csv", re.IGNORECASE | re.ASCII)
LONGEST = 120
"""Characters of a file name: the number and `.rejected.csv` still fit behind it on every file system."""

_SHOWN = 40
"""Of a name that is too long."""


class FileNameError(ValueError):
    """The name breaks the rule; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class FileName:
    entity: str
    date: dt.date
    suffix: str = ""


def example(entity: str, today: dt.date | None = None) -> str:
    """A right name, as PRODUCT_18_09_2024.csv."""
    return f"{entity.upper()}_{(today or dt.date.today()):%d_%m_%Y}.csv"


def parse(name: str, schemas: Iterable[type[TemplateSchema]]) -> FileName:
    """What a file name says. Raises FileNameError."""
    schemas = list(schemas)
    words = {word: schema.entity for schema in schemas for word in schema.file_words()}
    shape = ("name it ENTITY_DD_MM_YYYY[_suffix].csv (a suffix has only letters a-z and digits), for example "
             f"{example(schemas[0].entity)}")  # fmt: skip
    match = _RULE.fullmatch(name)
    if match is None:
        raise FileNameError(f"{quoted(name[:LONGEST])} is not a file name that is imported: {shape}")
    if len(name) > LONGEST:
        begun = quoted(f"{name[:_SHOWN]}...")
        raise FileNameError(
            f"{begun} has {len(name)} characters, but a file name may have {LONGEST}: shorten its suffix"
        )
    word, day, month, year, suffix = match.groups()
    entity = words.get(word.upper())
    if entity is None:
        known = ", ".join(schema.entity.upper() for schema in schemas)
        raise FileNameError(f"{quoted(word)} is no kind of file that is imported: begin the name with one of {known}")
    try:
        date = dt.date(int(year), int(month), int(day))
    except ValueError:
        raise FileNameError(f"{day}_{month}_{year} is not a date of the calendar: {shape}") from None
    return FileName(entity, date, suffix or "")
