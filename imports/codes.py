"""What spreadsheets do to codes: 00123 comes back as 123.

Only records made `before` the run count: a run that goes on after a kill is to say the same as one that does not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from peewee import fn

from imports import store
from imports.rows import Row
from models import Customer, Product, Record
from schemas import quoted

Codes = tuple[type[Record], str]
"""A model, and the attribute that is its code."""

SKUS: Codes = Product, "sku_id"
CUSTOMERS: Codes = Customer, "reference_id"


def warn_of_lost_zeros(
    rows: Iterable[Row], codes: Codes, column: str, account: int, before: dt.datetime, memory: dict[str, Any]
) -> None:
    """Warn on each of the rows, whose codes are not stored, when one with leading zeros in front is."""
    given = [(row, row.values[codes[1]]) for row in rows if row.values.get(codes[1])]
    padded = zero_padded((code for _, code in given), codes, account, before, memory)
    for row, code in given if padded else ():
        if code in padded:
            row.warn("LEADING_ZEROS_LOST", column, f"{column} {quoted(code)} is new, but {quoted(padded[code])} "
                     "exists: if a spreadsheet dropped the zeros, format the column as text and send the file "
                     "again")  # fmt: skip


def zero_padded(
    given: Iterable[str], codes: Codes, account: int, before: dt.datetime, memory: dict[str, Any]
) -> dict[str, str]:
    """Those of the given codes that are all digits, to the stored one with the same digits behind leading zeros."""
    digits = {code for code in given if code.isdecimal()}
    lengths = padded_lengths(codes, account, before, memory) if digits else []
    variants = {code: [code.zfill(size) for size in lengths if size > len(code)] for code in digits}
    known = store.fetch_by(codes[0], account, codes[1], [each for found in variants.values() for each in found])
    old = {code for code, record in known.items() if record["created_at"] < before}
    return {code: stored for code in digits if (stored := next((each for each in variants[code] if each in old), ""))}


def padded_lengths(codes: Codes, account: int, before: dt.datetime, memory: dict[str, Any]) -> list[int]:
    """The lengths of the stored codes that begin with a zero, asked once per file: mostly there are none or one."""
    key = f"padded_lengths {codes[0].__name__}"
    if key not in memory:
        fields = codes[0]._meta.fields
        code = fields[codes[1]]
        query = codes[0].select(fn.LENGTH(code).coerce(False)).where(
            (fields["account"] == account) & (code >= "0") & (code < "1") & (fields["created_at"] < before)
        )  # fmt: skip
        memory[key] = sorted(size for (size,) in query.distinct().tuples())
    found: list[int] = memory[key]
    return found
