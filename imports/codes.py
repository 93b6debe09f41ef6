"""What spreadsheets do to codes: 00123 comes back as 123.

Only products made `before` the run count: a run that goes on after a kill is to say the same as one that does not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from peewee import fn

from imports import store
from imports.rows import Row
from models import Product
from schemas import quoted


def warn_of_lost_zeros(rows: Iterable[Row], account: int, before: dt.datetime, memory: dict[str, Any]) -> None:
    """Warn on each of the rows, whose SKUs are not stored, when one with leading zeros in front is."""
    for row, stored in zero_padded(rows, account, before, memory):
        row.warn("LEADING_ZEROS_LOST", "SKU_ID", f"SKU_ID {quoted(row.values['sku_id'])} is new, but {quoted(stored)} "
                 "exists: if a spreadsheet dropped the zeros, format the column as text and send the file "
                 "again")  # fmt: skip


def zero_padded(
    rows: Iterable[Row], account: int, before: dt.datetime, memory: dict[str, Any]
) -> Iterable[tuple[Row, str]]:
    """The rows whose SKU is all digits, with the stored SKU that has the same digits behind leading zeros."""
    lengths = padded_lengths(account, before, memory)
    if not lengths:
        return
    digits = [row for row in rows if (row.values.get("sku_id") or "").isdecimal()]
    variants = {row.number: [row.values["sku_id"].zfill(size) for size in lengths if size > len(row.values["sku_id"])]
                for row in digits}  # fmt: skip
    known = store.fetch_by(Product, account, "sku_id", [each for found in variants.values() for each in found])
    for row in digits:
        stored = next((each for each in variants[row.number] if each in known and known[each]["created_at"] < before),
                      None)  # fmt: skip
        if stored:
            yield row, stored


def padded_lengths(account: int, before: dt.datetime, memory: dict[str, Any]) -> list[int]:
    """The lengths of the stored SKUs that begin with a zero, asked once per file: mostly there are none or one."""
    if "padded_lengths" not in memory:
        length = fn.LENGTH(Product.sku_id).coerce(False)
        query = Product.select(length).where(
            (Product.account == account)
            & (Product.sku_id >= "0")
            & (Product.sku_id < "1")
            & (Product.created_at < before)
        )
        memory["padded_lengths"] = sorted(size for (size,) in query.distinct().tuples())
    found: list[int] = memory["padded_lengths"]
    return found
