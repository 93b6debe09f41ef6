"""The lines of orders: each row of an ORDER file is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from peewee import JOIN, fn

from handlers.base import Context
from imports import store
from imports.codes import SKUS
from imports.near import NearCodes
from imports.rows import Row
from models import OrderLine, Product
from schemas import quoted

DETAILS = ("quantity", "unit_price", "line_discount", "line_notes")
LINE_ATTRIBUTES = frozenset({"sku_id", *DETAILS})
LINE_COLUMNS = frozenset({"SKU_ID", "Quantity", "Unit_Price", "Line_Discount", "Line_Notes"})

MOST = 20_000
"""Lines that are held at once when orders are written out."""
PLAIN_LINE = 1_000
"""Characters of notes that count as another line."""

Record = dict[str, Any]
Item = TypeVar("Item")


class Lines:
    """Turns the rows of a chunk into order lines."""

    def __init__(self, rows: list[Row], context: Context) -> None:
        given = [row.values.get("sku_id") for row in rows]
        products = store.fetch_by(Product, context.account, "sku_id", given)
        self._products = {sku: product["system_id"] for sku, product in products.items()}
        self._near = NearCodes(SKUS, given, self._products, context.account, context.started, context.memory)

    def check(self, rows: list[Row]) -> None:
        """Reject the rows that are no line: each needs a product that exists, and a quantity."""
        for row in rows:
            if row.rejected:
                continue
            for attribute, column in (("sku_id", "SKU_ID"), ("quantity", "Quantity")):
                if row.values.get(attribute) is None:
                    row.reject("REQUIRED", column, f"{column} is empty: each row of an order is a line with a product "
                               "and a quantity")  # fmt: skip
            sku = row.values.get("sku_id")
            if sku and sku not in self._products:
                row.reject("UNKNOWN_REFERENCE", "SKU_ID", f"No product has SKU_ID {quoted(sku)}"
                           + self._near.instead(sku, "send the product first"))  # fmt: skip

    def merge(self, order: str, rows: list[Row], stored: list[Record]) -> list[Record]:
        """The lines of an order by its rows; what a row leaves out is kept from the stored line of the same product."""
        kept: dict[str, list[Record]] = {}
        for line in stored:
            kept.setdefault(line["product"], []).append(line)
        merged: list[Record] = []
        for position, row in enumerate(rows, 1):
            product = self._products[row.values["sku_id"]]
            former = kept.get(product)
            line = dict.fromkeys(DETAILS) | (former.pop(0) if former else {})
            line |= {name: row.values[name] for name in DETAILS if name in row.values}
            merged.append(line | {"order": order, "position": position, "product": product})
        return merged


def in_parts(items: Sequence[Item], order_of: Callable[[Item], str]) -> Iterator[list[Item]]:
    """The items, so many at a time that their orders have at most MOST lines together, or notes that are as long; more
    only if one alone has."""
    orders = [order_of(each) for each in items]
    notes = fn.COALESCE(fn.SUM(fn.LENGTH(OrderLine.line_notes)), 0) / PLAIN_LINE
    counts = OrderLine.select(OrderLine.order, fn.COUNT(OrderLine.id) + notes).where(OrderLine.order.in_(orders))
    lines = dict(counts.group_by(OrderLine.order).tuples())
    part: list[Item] = []
    held = 0
    for order, each in zip(orders, items, strict=True):
        held += lines.get(order, 0)
        if part and held > MOST:
            yield part
            part, held = [], lines.get(order, 0)
        part.append(each)
    if part:
        yield part


def line_records(orders: Iterable[str], *, skus_of: int | None = None) -> dict[str, list[Record]]:
    """The lines of the orders by position, without their database ids.

    `skus_of` an account adds the product's `sku_id`, None where the product is not that account's, and leaves values
    that can't be read to whoever writes them. Raises InvalidOperation without it.
    """
    found: dict[str, list[Record]] = {}
    wanted = list(orders)
    columns = [OrderLine.order, OrderLine.position, OrderLine.product, OrderLine.quantity, OrderLine.unit_price,
               OrderLine.line_discount, OrderLine.line_notes]  # fmt: skip
    for start in range(0, len(wanted), store.PARAMETERS):
        query = OrderLine.select(*columns)
        if skus_of is not None:
            own = (Product.system_id == OrderLine.product) & (Product.account == skus_of)
            query = OrderLine.select(*columns, Product.sku_id).join(Product, JOIN.LEFT_OUTER, on=own)
        part = query.where(OrderLine.order.in_(wanted[start : start + store.PARAMETERS]))
        ordered = part.order_by(OrderLine.order, OrderLine.position).dicts()
        for line in ordered if skus_of is None else store.rows(ordered):
            found.setdefault(line["order"], []).append(line)
    return found
