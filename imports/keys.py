"""The keys of a file's rows: what handlers say of them, and which stored records have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

BATCH = 10_000

Holders = Callable[[str, list[str]], dict[str, str]]
"""Gives, for a column and BATCH values of it at the most, the System IDs of the stored records that have them."""


class Meant(NamedTuple):
    """Whom a row means that has nothing but a key which other rows have beside their IDs."""

    record: str
    """The System ID of the only stored record with that key; empty: several have it, and the row means none."""
    may_be_named: bool = False
    """Whether that record has no ID yet, so that a row with a new one may mean it, too."""


Meaning = Callable[[str, list[str]], dict[str, Meant | None]]
"""Gives, for a column and BATCH values of it at the most, whom they mean, as far as that is known.

None: nobody, whatever else is stored; rows with that value are rejected for it, and no duplicates.
"""

Texts = Callable[[str], str]
"""Gives the trimmed text of a column of the template; empty when the cell or the column is missing, or clears."""


class Key(NamedTuple):
    """A key of a row. Two rows with one key are duplicates if at least one of them has it as `strong`."""

    column: str
    value: str
    strong: bool = True


def packed(key: Key) -> str:
    """A key as one text; those of a column lie between its `bounds`."""
    return f"{key.column}\t{key.value}"


def bounds(column: str) -> tuple[str, str]:
    return f"{column}\t", f"{column}\n"


def same_records(holders: Holders, column: str, keys: list[str]) -> dict[str, str]:
    """Packed keys of a column to what stands for their records, for those that have one."""
    values = {key: key[len(column) + 1 :] for key in keys}
    records = holders(column, list(values.values()))
    return {key: f"\t{records[value]}" for key, value in values.items() if value in records}
