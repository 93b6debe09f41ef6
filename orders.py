"""What the business does to orders: adds them, confirms them, looks at them. Prints nothing.

The database is connected. What becomes of a confirmed order is told by triggers (migration 0005).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from marshmallow import ValidationError

import json_objects
from errors import ConflictError, FtpdockError, NotFoundError
from exports.files import Unexportable, line_total, totals
from exports.records import read_orders
from handlers.order_lines import line_records
from handlers.orders import ADDRESSES
from imports import store
from json_objects import Placed, Problems, Taken, taken_meanwhile
from models import (
    Account,
    Address,
    Customer,
    Order,
    OrderLine,
    Product,
    is_postgres,
    now,
    refuse_removed,
    snapshot,
    transaction,
)
from schemas.fields import SystemId
from schemas.objects import ORDER

Record = dict[str, Any]

AT_ONCE = 1_000
"""Orders that are read at a time."""

SHOWN_OF_LINE = ("position", "sku_id", "name", "quantity", "unit_price", "line_discount", "line_total", "line_notes")

_NO_COLUMNS = frozenset({"customer_system_id", "customer_reference_id", "lines", *ADDRESSES})


def add(account: Account, raw: bytes) -> list[Record]:
    """Store the order, or all of the list, that `raw` holds as JSON; none if one is wrong. Raises FtpdockError."""
    placed = json_objects.read(raw, ORDER, "order", "orders")
    problems = Problems()
    with taken_meanwhile(), transaction():
        refuse_removed(account)
        resolve = _Resolver(account, placed, problems)
        made = [resolve.order(each) for each in placed]
        problems.refuse()
        store.insert(Order, [record for record, _ in made])
        store.insert(OrderLine, [line for _, lines in made for line in lines])
    return [record for record, _ in made]


class _Resolver:
    """Turns objects into records, looking up for all of them at once what they refer to."""

    def __init__(self, account: Account, placed: list[Placed], problems: Problems) -> None:
        self._account, self._problems = account, problems
        given = [each.values for each in placed]
        self._customers = {
            f"customer_{key}": store.fetch_by(Customer, account.id, key, _all(given, f"customer_{key}"))
            for key in ("system_id", "reference_id")
        }
        wanted = [reference for attribute in ADDRESSES for reference in _all(given, attribute)]
        self._addresses = store.fetch_by(Address, account.id, "reference_id", wanted)
        skus = [line["sku_id"] for values in given for line in values["lines"]]
        self._products = store.fetch_by(Product, account.id, "sku_id", skus)
        self._taken = Taken(Order, account.id, _all(given, "reference_id"), problems)

    def order(self, placed: Placed) -> tuple[Record, list[Record]]:
        values = placed.values
        record = store.defaults(Order) | {name: value for name, value in values.items() if name not in _NO_COLUMNS}
        record["account"] = self._account.id
        record["customer"] = self._customer(placed)
        for attribute, (target, _) in ADDRESSES.items():
            record[target] = self._address(placed, attribute, record["customer"])
        self._taken.check(placed.place, values.get("reference_id"))
        if not values["lines"] and record["status"] != "draft":
            self._problems.add(f"{placed.place}.lines", f"the order is {record['status']} and has no lines: only a "
                               "draft may be without")  # fmt: skip
        lines = [self._line(placed.place, number, line) for number, line in enumerate(values["lines"])]
        return record, [line | {"order": record["system_id"]} for line in lines]

    def _customer(self, placed: Placed) -> str | None:
        """The System ID of the customer that the object names by either key, or by both."""
        found: set[str] = set()
        given = [(name, known) for name, known in self._customers.items() if name in placed.values]
        for name, known in given:
            value = placed.values[name]
            if value in known:
                found.add(known[value]["system_id"])
            else:
                self._problems.add(f"{placed.place}.{name}", f"no customer of the account has {value!r}: add the "
                                   "customer first, or correct it")  # fmt: skip
        if not given:
            self._problems.add(placed.place, "no customer is named: give customer_reference_id or customer_system_id")
        if len(found) > 1:
            self._problems.add(f"{placed.place}.customer_reference_id", "it and customer_system_id name two different "
                               "customers: correct one of them")  # fmt: skip
        return next(iter(found), None)

    def _address(self, placed: Placed, attribute: str, customer: str | None) -> str | None:
        reference = placed.values.get(attribute)
        if reference is None or customer is None:
            return None
        address = self._addresses.get(reference)
        if address is None or address["customer"] != customer:
            self._problems.add(f"{placed.place}.{attribute}", f"the customer has no address with reference_id "
                               f"{reference!r}: add the address first, or correct it")  # fmt: skip
            return None
        return str(address["system_id"])

    def _line(self, place: str, number: int, line: Record) -> Record:
        product = self._products.get(line["sku_id"])
        if product is None:
            self._problems.add(f"{place}.lines[{number}].sku_id", f"no product of the account has SKU_ID "
                               f"{line['sku_id']!r}: import the product first, or correct it")  # fmt: skip
        return {
            "position": number + 1,
            "product": product and product["system_id"],
            **{name: line.get(name) for name in ("quantity", "unit_price", "line_discount", "line_notes")},
        }


def _all(given: Iterable[Record], attribute: str) -> list[str]:
    return [values[attribute] for values in given if attribute in values]


def find(system_id: str) -> Order:
    """Raises NotFoundError."""
    order = Order.get_or_none(Order.system_id == system_id)
    if order is None:
        raise NotFoundError(f"There is no order {system_id}: `ftpdock order list --account NAME` shows them")
    return order


def check_system_id(text: str) -> str:
    """One spelling of a System ID. Raises FtpdockError."""
    try:
        return str(SystemId("").deserialize(text.strip()))
    except ValidationError:
        raise FtpdockError(f"{text!r} is not a System ID: write a UUID, as `order add` printed it") from None


def confirm(system_id: str) -> bool:
    """Confirm a draft, which exports it. False: it was confirmed before. Raises NotFoundError, ConflictError."""
    with transaction():
        if is_postgres():
            Order.select(Order.system_id).where(Order.system_id == system_id).for_update().execute()
        order = find(system_id)
        if order.status == "confirmed":
            return False
        if order.status != "draft":
            raise ConflictError(f"The order {system_id} is {order.status}: only a draft can be confirmed")
        if not OrderLine.select().where(OrderLine.order == order).exists():
            raise ConflictError(f"The order {system_id} has no lines: add some before it is confirmed, by an ORDER "
                                "file with this Order_ID (`ftpdock import FILE --account NAME`) or SQL")  # fmt: skip
        Order.update(status="confirmed", updated_at=now()).where(Order.system_id == system_id).execute()
    return True


def listed(account: Account, status: str | None = None) -> Iterator[Record]:
    """The orders of an account, oldest first, in short."""
    last = ""
    with _amounts_told():
        while batch := _batch(account, status, last):
            last = batch[-1]["system_id"]
            lines = line_records(order["system_id"] for order in batch)
            for order in batch:
                yield _readable(order | _sums(order, lines.get(order["system_id"], [])))


@contextlib.contextmanager
def _amounts_told() -> Iterator[None]:
    """Plain SQL may have stored amounts that are none."""
    try:
        yield
    except (Unexportable, InvalidOperation) as error:
        raise FtpdockError(f"An amount that is stored is not a number ({error}): correct it by SQL") from error


def _batch(account: Account, status: str | None, last: str) -> list[Record]:
    chosen = (Order.account == account) & (Order.system_id > last)
    if status:
        chosen &= Order.status == status
    query = Order.select(
        Order.system_id, Order.reference_id, Order.status, Order.order_date,
        Order.customer.alias("customer_system_id"), Customer.reference_id.alias("customer_reference_id"),
        Customer.company_name.alias("customer_name"), Order.currency, Order.shipping_amount, Order.tax_amount,
        Order.created_at, Order.updated_at,
    ).join(Customer)  # fmt: skip
    return list(query.where(chosen).order_by(Order.system_id).limit(AT_ONCE).dicts())


def _sums(order: Record, lines: list[Record]) -> Record:
    return totals(order, [line | {"line_total": line_total(line)} for line in lines])


def whole(system_id: str) -> Record:
    """An order with everything: head, sums, and `lines`, each with its total. Raises FtpdockError."""
    with _amounts_told():
        order = find(system_id)
        with snapshot():
            record = read_orders([system_id])[system_id]
        if isinstance(record, Unexportable):
            raise FtpdockError(str(record)) from record
        lines = [line | {"line_total": line_total(line)} for line in map(dict, record.lines)]
        sums = totals(record.order, lines)
    customer = record.customer.customer
    found = {
        "system_id": system_id,
        "account": order.account.name,
        **{name: record.order[name] for name in ("reference_id", "status", "order_date")},
        "customer_system_id": customer["system_id"],
        "customer_reference_id": customer["reference_id"],
        "customer_name": customer["company_name"],
        **{name: record.order[name] for name in ("currency", "pricelist")},
        **{attribute: _reference(getattr(order, target)) for attribute, (target, _) in ADDRESSES.items()},
        "notes": record.order["notes"],
        **{name: sums[name] for name in ("subtotal", "discount_amount")},
        **{name: record.order[name] for name in ("shipping_amount", "tax_amount")},
        "total": sums["total"],
        **{name: record.order[name] for name in ("created_at", "updated_at")},
        "lines": [_readable({name: line[name] for name in SHOWN_OF_LINE}) for line in lines],
    }
    return _readable(found)


def _readable(record: Record) -> Record:
    """Decimals as text with all of their digits: 1000 may be stored as 1E+3."""
    return {name: format(value, "f") if isinstance(value, Decimal) else value for name, value in record.items()}


def _reference(address: Address | None) -> str | None:
    return address and address.reference_id
