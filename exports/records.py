"""Reads orders and customers with all that their exports tell, in few queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import InvalidOperation
from typing import Any

from peewee import JOIN

from exports.files import CustomerRecord, OrderRecord, Unexportable
from handlers.strangers import Strangers
from models import Address, Contact, Customer, Order, OrderLine, Product
from models.base import Record as Model

Row = dict[str, Any]
Found = dict[str, Row]


def read_orders(system_ids: Iterable[str]) -> dict[str, OrderRecord | Unexportable]:
    """Those that are there, by System ID, whatever their status. Call it in a `models.snapshot`."""
    wanted = list(system_ids)
    try:
        return _read_orders(wanted)
    except InvalidOperation as error:
        if len(wanted) > 1:
            # One of them is to blame: the others can be read.
            return {key: record for each in wanted for key, record in read_orders([each]).items()}
        reason = f"An amount that is stored is not a number ({error}): correct the order"
        return dict.fromkeys(wanted, Unexportable(reason))


def _read_orders(system_ids: Iterable[str]) -> dict[str, OrderRecord | Unexportable]:
    """Raises InvalidOperation: a program may have stored an amount that is none."""
    orders = _by_id(Order, system_ids)
    customers = _by_id(Customer, (order["customer"] for order in orders.values()))
    belongings = Belongings(customers)
    addresses = _by_id(Address, (order[each] for order in orders.values() for each in ("billing_address",
                                                                                     "shipping_address")))  # fmt: skip
    lines = _lines(orders)
    read: dict[str, OrderRecord | Unexportable] = {}
    for system_id, order in orders.items():
        try:
            read[system_id] = _order(order, customers, addresses, belongings, lines.get(system_id, []))
        except Unexportable as error:
            read[system_id] = error
    return read


def read_customers(system_ids: Iterable[str]) -> dict[str, CustomerRecord]:
    """Those that are there, by System ID."""
    customers = _by_id(Customer, system_ids)
    belongings = Belongings(customers)
    return {system_id: belongings.of(customer) for system_id, customer in customers.items()}


class Belongings:
    """The contacts and default addresses of customers, as far as they are of the same account."""

    def __init__(self, customers: Found) -> None:
        ids = list(customers)
        # Of several primary ones, or defaults, the newest: who sends one means it to take the place of the former.
        mine = Contact.select().where(Contact.customer.in_(ids)).order_by(Contact.system_id)
        self._contacts: Found = {}
        for row in _of_one_account("contact", mine.dicts(), customers):
            if row["is_primary"] or row["customer"] not in self._contacts:
                self._contacts[row["customer"]] = row
        defaults = Address.select().where(Address.customer.in_(ids) & Address.is_default).order_by(Address.system_id)
        addresses = _of_one_account("address", defaults.dicts(), customers)
        self._addresses: dict[tuple[str, str], Row] = {}
        # An address for one use goes before one for both.
        for row in sorted(addresses, key=lambda row: row["type"] != "both"):
            for use in ("billing", "shipping") if row["type"] == "both" else (row["type"],):
                self._addresses[row["customer"], use] = row

    def of(self, customer: Row) -> CustomerRecord:
        system_id = customer["system_id"]
        billing, shipping = (self._addresses.get((system_id, use)) for use in ("billing", "shipping"))
        return CustomerRecord(customer, self._contacts.get(system_id), billing, shipping)


def _of_one_account(entity: str, rows: Iterable[Row], customers: Found) -> Iterator[Row]:
    """Plain SQL may hang another partner's contact or address on a customer, who must not be told of it."""
    strangers = Strangers(entity)
    for row in rows:
        if row["account"] == customers[row["customer"]]["account"]:
            yield row
        else:
            strangers.tell(row["system_id"], ("customer",))


def _order(order: Row, customers: Found, addresses: Found, belongings: Belongings, lines: list[Row]) -> OrderRecord:
    customer = _own(customers, order, "customer")
    assert customer is not None
    default = belongings.of(customer)
    billing, shipping = (_own(addresses, order, f"{use}_address") for use in ("billing", "shipping"))
    for line in lines:
        if line["product_account"] != order["account"]:
            raise Unexportable(f"The product {line['product']} of line {line['position']} is not there, or of another "
                               "account: correct the order")  # fmt: skip
    held = CustomerRecord(customer, default.contact, billing or default.billing, shipping or default.shipping)
    return OrderRecord(order, held, lines)


def _own(found: Found, order: Row, attribute: str) -> Row | None:
    """The record that an order refers to. Plain SQL could refer to another partner's, who must not be told of."""
    if order[attribute] is None:
        return None
    record = found.get(order[attribute])
    if record is None or record["account"] != order["account"]:
        raise Unexportable(f"The {attribute} {order[attribute]} is not there, or of another account: correct the order")
    return record


def _by_id(model: type[Model], system_ids: Iterable[str | None]) -> Found:
    wanted = list({each for each in system_ids if each is not None})
    query = model.select().where(model.system_id.in_(wanted))
    return {row["system_id"]: row for row in query.dicts()}


def _lines(orders: Iterable[str]) -> dict[str, list[Row]]:
    query = OrderLine.select(
        OrderLine.order, OrderLine.position, OrderLine.product, OrderLine.quantity, OrderLine.unit_price,
        OrderLine.line_discount, OrderLine.line_notes, Product.sku_id, Product.name, Product.uom,
        Product.reference_id.alias("product_reference_id"), Product.account.alias("product_account"),
    ).join(Product, JOIN.LEFT_OUTER)  # fmt: skip
    found: dict[str, list[Row]] = {}
    for line in query.where(OrderLine.order.in_(list(orders))).order_by(OrderLine.order, OrderLine.position).dicts():
        found.setdefault(line["order"], []).append(line)
    return found
