"""The CSV files of an exported order or customer: columns that stay as they are, cells as the account's settings say.

What is stored stands in the cells unaltered, also if a spreadsheet would take it for a formula: these files are read
by programs. Nothing in them depends on when they were written, so equal records give equal bytes.
"""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from models import Account
from schemas import Formats

Record = Mapping[str, Any]

ADDRESS = {
    "Address_System_ID": "system_id",
    "Address_Reference_ID": "reference_id",
    "Attention": "attention",
    "Line_1": "line_1",
    "Line_2": "line_2",
    "City": "city",
    "State": "state",
    "Postal_Code": "postal_code",
    "Country": "country",
    "Phone": "phone",
}
CONTACT = {
    "Contact_System_ID": "system_id",
    "Contact_Reference_ID": "reference_id",
    "Contact_First_Name": "first_name",
    "Contact_Last_Name": "last_name",
    "Contact_Email": "email",
    "Contact_Phone": "phone",
    "Contact_Role": "role",
}
BILLING = {f"Billing_{column}": attribute for column, attribute in ADDRESS.items()}
SHIPPING = {f"Shipping_{column}": attribute for column, attribute in ADDRESS.items()}
ORDER = {
    "Order_ID": "system_id",
    "Reference_ID": "reference_id",
    "Status": "status",
    "Order_Date": "order_date",
}
CUSTOMER_OF_ORDER = {
    "Customer_System_ID": "system_id",
    "Customer_Reference_ID": "reference_id",
    "Customer_Company_Name": "company_name",
    "Customer_Email": "email",
    "Customer_Phone": "phone",
    "Customer_Tax_ID": "tax_id",
    "Payment_Terms": "payment_terms",
    "Sales_Rep": "sales_rep",
}
AMOUNTS = {
    "Pricelist": "pricelist",
    "Currency": "currency",
    "Lines": "lines",
    "Subtotal": "subtotal",
    "Discount_Amount": "discount_amount",
    "Shipping_Amount": "shipping_amount",
    "Tax_Amount": "tax_amount",
    "Total": "total",
    "Notes": "notes",
}
ITEM = {
    "Order_ID": "order",
    "Line": "position",
    "SKU_ID": "sku_id",
    "Product_System_ID": "product",
    "Product_Reference_ID": "product_reference_id",
    "Name": "name",
    "UOM": "uom",
    "Quantity": "quantity",
    "Unit_Price": "unit_price",
    "Line_Discount": "line_discount",
    "Line_Total": "line_total",
    "Line_Notes": "line_notes",
}
CUSTOMER = {
    "System_ID": "system_id",
    "Reference_ID": "reference_id",
    "Company_Name": "company_name",
    "Email": "email",
    "Phone": "phone",
    "Sales_Rep": "sales_rep",
    "Pricelist": "pricelist",
    "Payment_Terms": "payment_terms",
    "Currency": "currency",
    "Tax_ID": "tax_id",
    "Status": "status",
    "Attributes": "attributes",
}

ORDER_COLUMNS = (*ORDER, *CUSTOMER_OF_ORDER, *CONTACT, *BILLING, *SHIPPING, *AMOUNTS)
ITEM_COLUMNS = tuple(ITEM)
CUSTOMER_COLUMNS = (*CUSTOMER, *CONTACT, *BILLING, *SHIPPING)

EXACT = decimal.Context(prec=10_000, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow])
"""Rounds nothing: Python's own context would keep 28 digits, and quantity times price may have 48."""


class Unexportable(Exception):
    """A record that can't be written as it is stored. The message is for the admin."""


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """A customer with what belongs to it; None for what it has not."""

    customer: Record
    contact: Record | None = None
    billing: Record | None = None
    shipping: Record | None = None


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order, its customer with the order's addresses, and its lines by position."""

    order: Record
    customer: CustomerRecord
    lines: Sequence[Record] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Style:
    """How an account wants its exports written."""

    formats: Formats = field(default_factory=Formats)
    bom: bool = False
    delimiter: str = ","

    @classmethod
    def of(cls, account: Account) -> Style:
        return cls(Formats(account.date_format, account.decimal_separator), account.export_bom,
                   account.export_delimiter)  # fmt: skip


Files = dict[str, bytes]
"""Name to content of what we write into an export's folder."""


def names(kind: str, system_id: str) -> tuple[str, ...]:
    """The files of an order or customer."""
    stems = {"order": ("order_data", "order_items"), "customer": ("customer_data",)}[kind]
    return tuple(f"{stem}_{system_id}.csv" for stem in stems)


def order_files(record: OrderRecord, style: Style) -> Files:
    """Raises Unexportable."""
    lines = [dict(line) | {"line_total": line_total(line)} for line in record.lines]
    order = dict(record.order) | totals(record.order, lines)
    customer = record.customer
    order["pricelist"] = order["pricelist"] or customer.customer["pricelist"]
    order["currency"] = order["currency"] or customer.customer["currency"]
    head = [*_cells(order, ORDER, style), *_cells(customer.customer, CUSTOMER_OF_ORDER, style),
            *_belongings(customer, style), *_cells(order, AMOUNTS, style)]  # fmt: skip
    data, items = names("order", order["system_id"])
    return {
        data: _csv(ORDER_COLUMNS, [head], style),
        items: _csv(ITEM_COLUMNS, (_cells(line, ITEM, style) for line in lines), style),
    }


def customer_files(record: CustomerRecord, style: Style) -> Files:
    """Raises Unexportable."""
    row = [*_cells(record.customer, CUSTOMER, style), *_belongings(record, style)]
    (data,) = names("customer", record.customer["system_id"])
    return {data: _csv(CUSTOMER_COLUMNS, [row], style)}


def digest(files: Files) -> str:
    """SHA-256 of names and contents."""
    found = hashlib.sha256()
    for name, content in sorted(files.items()):
        found.update(f"{name}\n{len(content)}\n".encode() + content)
    return found.hexdigest()


def line_total(line: Record) -> Decimal | None:
    """Quantity times price less the discount, to the last digit; None without a price. Raises Unexportable."""
    quantity, price, discount = (_number(line, name) for name in ("quantity", "unit_price", "line_discount"))
    if quantity is None or price is None:
        return None
    with decimal.localcontext(EXACT):
        return _plain(quantity * price - (discount or 0), max(_decimals(price), _decimals(discount)))


def totals(order: Record, lines: Sequence[Record]) -> dict[str, Any]:
    """The sums of an order whose lines have their `line_total`: None for a sum of which a part is not known."""
    shipping, tax = _number(order, "shipping_amount"), _number(order, "tax_amount")
    amounts = [line["line_total"] for line in lines]
    discounts = [line["line_discount"] for line in lines if line["line_discount"] is not None]
    with decimal.localcontext(EXACT):
        subtotal = None if None in amounts else sum(amounts, Decimal(0))
        total = None if subtotal is None else subtotal + (shipping or 0) + (tax or 0)
        discount = sum(discounts, Decimal(0)) if discounts else None
    return {"lines": len(lines), "subtotal": subtotal, "discount_amount": discount, "total": total}


def _number(record: Record, name: str) -> Decimal | None:
    value: Decimal | None = record[name]
    if value is not None and not value.is_finite():
        raise Unexportable(f"{name} is {value}: expected a number")
    return value


def _decimals(value: Decimal | None) -> int:
    exponent = 0 if value is None else value.as_tuple().exponent
    return max(0, -int(exponent))


def _plain(value: Decimal, decimals: int) -> Decimal:
    """Without the zeros that a quantity of 2.000 leaves behind; as many digits stay as the price has."""
    while _decimals(value) > decimals and value.as_tuple().digits[-1] == 0:
        value = value.quantize(Decimal((0, (1,), 1 - _decimals(value))))
    return value


def _belongings(record: CustomerRecord, style: Style) -> list[str]:
    parts = ((record.contact, CONTACT), (record.billing, BILLING), (record.shipping, SHIPPING))
    return [cell for held, columns in parts for cell in _cells(held, columns, style)]


def _cells(record: Record | None, columns: Mapping[str, str], style: Style) -> list[str]:
    if record is None:
        return [""] * len(columns)
    return [_cell(record[attribute], style.formats) for attribute in columns.values()]


def _cell(value: Any, formats: Formats) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, Decimal):
        return formats.write_decimal(value)
    if isinstance(value, dt.date):
        return formats.write_date(value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return str(value)


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]], style: Style) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=style.delimiter)
    writer.writerow(columns)
    writer.writerows(rows)
    return buffer.getvalue().encode("utf-8-sig" if style.bom else "utf-8")
