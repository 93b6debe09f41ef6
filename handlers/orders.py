"""How orders are imported: one row per line, an order whole or not at all."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from handlers.base import Context, Handler, batched
from handlers.further import Further, further, readable
from handlers.keys import (
    CustomerReferences,
    UniqueKey,
    by_system_id,
    customer_ids,
    find_further,
    find_system_id,
    names_no_customer,
    need_customer,
    own_keys,
    refer_to_customers,
    refuse_taken,
)
from handlers.order_lines import LINE_ATTRIBUTES, LINE_COLUMNS, Lines, in_parts, line_records
from handlers.strangers import Strangers
from imports import store
from imports.near import instead, other_cases
from imports.rows import UNCHANGED, UPDATED, Row, live
from imports.scan import Key, Texts
from imports.store import Stored
from models import Address, Order, OrderLine, now
from schemas import CLEAR, quoted
from schemas.order import HEAVIEST_ORDER, LONGEST_ORDER, OrderSchema

ADDRESSES = {
    "billing_address_reference_id": ("billing_address", "Billing_Address_Reference_ID"),
    "shipping_address_reference_id": ("shipping_address", "Shipping_Address_Reference_ID"),
}
"""Attribute of the schema to attribute of the model and column."""


class OrderHandler(Handler):
    """The rows of an order are gathered under a head, which stands for all of them while the order is found."""

    schema, model = OrderSchema, Order
    key_columns = ("Reference_ID",)
    unique = {"Reference_ID": "reference_id"}
    after = ("customer", "address", "contact", "product")
    references = frozenset({"customer_system_id", "customer_reference_id", *ADDRESSES, *LINE_ATTRIBUTES})
    longest_group = LONGEST_ORDER
    heaviest_group = HEAVIEST_ORDER

    def order(self, texts: Texts) -> list[Key] | None:
        """By the IDs. A row without any is an order of its own if it has what that takes, else a line of some other."""
        keys = list(own_keys(texts, "Order_ID", "Reference_ID"))
        customer = texts("Customer_System_ID") or texts("Customer_Reference_ID")
        return keys if keys or (customer and texts("Order_Date")) else None

    def process(self, rows: list[Row], context: Context) -> None:
        rows = self._without_long(rows)
        groups = [list(group) for _, group in groupby(rows, key=lambda row: row.group)]
        lines = Lines(rows, context)
        heads = [(_head(group, context), group) for group in groups]
        rejected = further([row for row in rows if row.rejected], context)
        for _, group in heads:
            lines.check(group)
            _reject_stray(group[0])
        self._tell_more_of_lines(rejected, context)
        good: list[Row] = [head for head, group in heads if not _fault(group)]
        bad: list[Row] = [head for head, group in heads if _fault(group)]
        super().process(good, context)
        self.tell_more(bad, context)
        for head, group in heads:
            _pass_on(head, group)
        self._write_lines([(head, group) for head, group in heads if not group[0].rejected], lines, context)
        for head, group in heads:
            _settle(head, group)

    def _without_long(self, rows: list[Row]) -> list[Row]:
        """The rows of orders that are not too long; the others are rejected."""
        bearable = [row for row in rows if self.holds(row)]
        for row in rows if len(bearable) < len(rows) else ():
            if row.group_size > self.longest_group:
                _reject_long(row, f"{row.group_size} rows, and at most {self.longest_group}")
            elif not self.holds(row):
                _reject_long(row, f"{row.group_weight} characters in its rows, and at most {self.heaviest_group}")
        return bearable

    def find(self, rows: list[Row], context: Context) -> None:
        known = by_system_id(Order, rows, context)
        reference = UniqueKey(Order, "Reference_ID", "reference_id", rows, context)
        for row in rows:
            if not find_system_id(row, "Order_ID", known):
                row.stored = reference.holder(row)
            refuse_taken(row, (reference,))

    def refer(self, rows: list[Row], context: Context) -> None:
        customers = CustomerReferences(rows, context)
        for row in rows:
            customer = customers.resolve(row)
            if customer is not None:
                row.write["customer"] = customer
            elif row.stored is None and not row.rejected:
                need_customer(row)
        known = _addresses(rows, context.account)
        for row in live(rows):
            for attribute in filter(row.values.__contains__, ADDRESSES):
                _refer_to_address(row, attribute, known)

    @staticmethod
    def _tell_more_of_lines(rows: list[Further], context: Context) -> None:
        Lines(list(rows), context).check(list(rows))
        for row in rows:
            row.tell()

    def look_further(self, rows: list[Further], context: Context) -> None:
        """The rows are heads."""
        refer_to_customers(rows, context)
        for row in find_further(rows, context, self):
            if names_no_customer(row):
                need_customer(row)
            self.refuse_missing(row, context)
        known = _addresses(list(rows), context.account)
        for row in rows:
            for attribute in ADDRESSES:
                _look_for_address(row, attribute, known)
            if row.stored and "customer" in row.write:
                self.check(row, context)

    def check(self, row: Row, context: Context) -> None:
        """An order that goes to another customer does not keep the addresses of the former one."""
        if not row.stored or row.stored["customer"] == row.write["customer"]:
            return
        for attribute, (target, column) in ADDRESSES.items():
            if row.stored[target] and attribute not in row.values:
                row.reject("UNKNOWN_REFERENCE", column, "The order goes to another customer, but its address belongs "
                           f"to the former one: give an address of the new one, or {CLEAR} for none")  # fmt: skip

    def has(self, row: Row, column: str, context: Context) -> bool:
        return column in LINE_COLUMNS or super().has(row, column, context)

    def _write_lines(self, heads: list[tuple[Head, list[Row]]], lines: Lines, context: Context) -> None:
        known = [head for head, _ in heads if head.stored is not None]
        stored = line_records(head.system_id for head in known)
        changed: list[Row] = []
        fresh: list[dict[str, Any]] = []
        for head, group in heads:
            before = stored.get(head.system_id, [])
            wanted = lines.merge(head.system_id, group, before)
            if head.stored is not None and wanted == before:
                continue
            if head.outcome == UNCHANGED:
                head.outcome = UPDATED
                head.write["updated_at"] = now()
                changed.append(head)
            fresh.extend(wanted)
        _delete_lines([head.system_id for head in known if head.outcome == UPDATED], {line["order"] for line in fresh})
        store.update(Order, "system_id", [head.write for head in changed])
        store.insert(OrderLine, fresh)

    def export(self, account: int) -> Iterable[dict[str, Any]]:
        """Without what an order refers to in another account, and without an order of which a line does."""
        strangers = Strangers(self.entity)
        for batch in batched(super().export(account)):
            for part in in_parts(batch, itemgetter("system_id")):
                yield from _with_lines(part, account, strangers)

    def count(self, account: int) -> int:
        found: int = OrderLine.select().join(Order).where(Order.account == account).count()
        return found


class Head(Row):
    """What the rows of an order agree about."""

    __slots__ = ("origin", "rows")

    def __init__(self, rows: list[Row]) -> None:
        first = rows[0]
        super().__init__(first.number, first.line, [], first.group)
        self.rows = rows
        self.origin: dict[str, Row] = {}
        """Column to the row whose cell it has."""

    @property
    def early(self) -> bool:
        return any(row.early for row in self.rows)

    @property
    def faulty(self) -> set[str]:
        return super().faulty.union(*(row.faulty for row in self.rows))

    @property
    def legible(self) -> bool:
        return any(row.legible for row in self.rows)

    @property
    def complete(self) -> bool:
        return all(row.legible for row in self.rows) and not (self.rows[0].stray and _id_column(self.rows[0]))


def _head(group: list[Row], context: Context) -> Head:
    """The head of an order; a row that disagrees with those before it is rejected."""
    head = Head(group)
    faulty = {row.number for row in group if row.rejected}
    given = [(row, readable(row, context.schema) if row.number in faulty else row.values) for row in group]
    for name, cell in context.schema.fields.items():
        if name in LINE_ATTRIBUTES:
            continue
        column = str(cell.data_key)
        for row, values in given:
            if name not in values:
                continue
            if name not in head.values:
                head.values[name] = values[name]
                head.texts[column] = _told(row, name, column)
                head.origin[column] = row
            elif values[name] != head.values[name] and not (
                # No plugin has seen the faulty one, so that the same cell may have become another value.
                faulty & {row.number, head.origin[column].number} and _told(row, name, column) == head.texts[column]
            ):
                row.reject("HEADER_CONFLICT", column, f"{column} is {quoted(_told(row, name, column))} here, but "
                           f"{quoted(head.texts[column])} on line {head.origin[column].line} of the same order: make "
                           "them equal")  # fmt: skip
    return head


def _told(row: Row, name: str, column: str) -> str:
    """The cell; of a value that only a plugin has given, that one."""
    return row.texts[column] if column in row.texts else str(row.values[name])


def _reject_long(row: Row, what: str) -> None:
    """A row of an order of which not all rows are at hand: only what the row itself tells can be said."""
    if row.rejected:
        return
    column = next((each for each in ("Order_ID", "Reference_ID") if row.text(each) not in ("", CLEAR)), "Reference_ID")
    row.reject("ORDER_REJECTED", column, f"The order with {column} {quoted(row.text(column))} has {what} are taken: "
               "give each order a Reference_ID of its own, or make several orders of it")  # fmt: skip


def _reject_stray(row: Row) -> None:
    """A row that is no order of its own, in a file whose rows say of which order they are."""
    if row.stray != row.line or row.rejected:
        return
    if column := _id_column(row):
        row.reject("REQUIRED", column, "The row does not say of which order it is a line, and without a customer and "
                   f"an Order_Date it is no order of its own: give the {column} of its order, and send all lines of "
                   "that order again")  # fmt: skip


def _fault(group: list[Row]) -> str:
    """Why the rows of an order can't be taken; empty: nothing is wrong with any of them."""
    if bad := next((row.line for row in group if row.rejected), 0):
        return f"Line {bad} of the same order was rejected"
    if group[0].stray not in (0, group[0].line):
        stray = f"Line {group[0].stray} can't be read, or does not say of which order it is"
        return f"{stray}, and may be a line of this one"
    return ""


def _id_column(row: Row) -> str:
    """A column of the file that says of which order its rows are; empty: each is an order of its own."""
    return next((each for each in ("Reference_ID", "Order_ID") if each in row.texts), "")


def _reject_whole(group: list[Row]) -> None:
    """If a row of the order is rejected, so are the others; a stray row that may be of it counts as one."""
    what = _fault(group)
    for row in group if what else ():
        if not row.rejected:
            row.reject("ORDER_REJECTED", "", f"{what}, and an order is taken whole or not at all: correct that line, "
                       "and send all lines of the order again")  # fmt: skip


def _pass_on(head: Head, group: list[Row]) -> None:
    """What was said about a cell of the head is reported where it stands, the rest on the order's first row."""
    for message in head.warnings:
        head.origin.get(message.column, group[0]).warnings.append(message)
    for message in head.errors:
        head.origin.get(message.column, group[0]).errors.append(message)
    _reject_whole(group)


def _settle(head: Row, group: list[Row]) -> None:
    for row in group:
        row.outcome = head.outcome
    group[0].system_id, group[0].stored, group[0].write = head.system_id, head.stored, head.write


def _addresses(rows: list[Row], account: int) -> dict[str, Stored]:
    """Those that rows refer to; of references that nobody has, those that differ in upper and lower case only."""
    wanted = [row.values.get(attribute) for row in rows for attribute in ADDRESSES]
    known = store.fetch_by(Address, account, "reference_id", wanted)
    cases = [case for each in wanted if each and each not in known for case in other_cases(each)]
    return known | store.fetch_by(Address, account, "reference_id", cases)


def _near(reference: str, customer: str | None, known: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The customer's address whose reference is written otherwise, if nobody's is written so."""
    cases = other_cases(reference) if reference not in known else ()
    return next((case for case in cases if case in known and known[case]["customer"] == customer), None)


def _refer_to_address(row: Row, attribute: str, known: Mapping[str, Mapping[str, Any]]) -> None:
    target, column = ADDRESSES[attribute]
    reference = row.values[attribute]
    if reference is None:
        row.write[target] = None
        return
    address = known.get(reference)
    customer = row.write.get("customer") or (row.stored or {}).get("customer")
    if address is None or address["customer"] != customer:
        near = _near(reference, customer, known)
        row.reject("UNKNOWN_REFERENCE", column, "The customer has no address with Address_Reference_ID "
                   f"{quoted(reference)}" + instead(near, "send the address first"))  # fmt: skip
    else:
        row.write[target] = address["system_id"]


def _look_for_address(row: Further, attribute: str, known: Mapping[str, Mapping[str, Any]]) -> None:
    """As far as it is known whose it should be, or that nobody has it."""
    reference = row.values.get(attribute)
    if reference is None:
        return
    if "customer" in row.write or (row.stored and names_no_customer(row)):
        _refer_to_address(row, attribute, known)
    elif reference not in known:
        row.reject("UNKNOWN_REFERENCE", ADDRESSES[attribute][1], f"No address has Address_Reference_ID "
                   f"{quoted(reference)}: send the address first, or correct the cell")  # fmt: skip


def _delete_lines(updated: list[str], rewritten: set[str]) -> None:
    wanted = [system_id for system_id in updated if system_id in rewritten]
    for start in range(0, len(wanted), store.PARAMETERS):
        OrderLine.delete().where(OrderLine.order.in_(wanted[start : start + store.PARAMETERS])).execute()


def _with_lines(orders: list[dict[str, Any]], account: int, strangers: Strangers) -> Iterator[dict[str, Any]]:
    customers = customer_ids(account, (order["customer"] for order in orders))
    wanted = (order[target] for order in orders for target, _ in ADDRESSES.values())
    addresses = dict(store.select(Address, ("system_id", "reference_id"), account, {"system_id": wanted}))
    lines = line_records((order["system_id"] for order in orders), skus_of=account)
    for order in orders:
        # What other programs write may have no lines; the template has no row for that.
        own = lines.get(order["system_id"], [])
        strangers.tell(order["system_id"], _elsewhere(order, own, customers, addresses))
        if any(line["sku_id"] is None for line in own):
            # No line can be without a product, and a file without the line would take it out of the order.
            continue
        known = order["customer"] in customers
        order["customer_system_id"] = order["customer"] if known else None
        order["customer_reference_id"] = customers.get(order["customer"])
        for attribute, (target, _) in ADDRESSES.items():
            # A row that names no customer must name no address of one: it would be refused when it comes back.
            order[attribute] = addresses.get(order[target]) if known else None
        for line in own:
            yield order | line


def _elsewhere(
    order: dict[str, Any], lines: list[dict[str, Any]], customers: Container[str], addresses: Container[str]
) -> list[str]:
    """Which of the order's references lead to none of the account's records; of its lines, the first."""
    named = [("customer", customers), *((target, addresses) for target, _ in ADDRESSES.values())]
    found = [target for target, known in named if order[target] is not None and order[target] not in known]
    strange = next((line["position"] for line in lines if line["sku_id"] is None), None)
    return found if strange is None else [*found, f"product of line {strange}"]
