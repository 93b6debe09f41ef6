"""Rules for keys that several entities share (design section 7, 'How a row finds its record')."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from handlers.base import Context, Entangled, Handler
from handlers.further import Further
from imports import store
from imports.codes import CUSTOMERS
from imports.near import NearCodes
from imports.rows import Row, live
from imports.scan import Key, Texts
from imports.store import Stored
from models import Customer, Record
from schemas import CLEAR, quoted


def own_keys(texts: Texts, system_column: str, *columns: str) -> Iterable[Key]:
    """The System ID and the given columns of a row, as far as they are filled in."""
    if system_id := texts(system_column):
        yield Key(system_column, one_spelling(system_id))
    for column in columns:
        if text := texts(column):
            yield Key(column, text)


def told_apart(row: Row, *id_columns: str) -> str:
    """What to do with a row that is like others, of which at least one has none of the IDs that tell them apart.

    Not that one of all is to be kept: those with IDs may be different records.
    """
    neither = f"neither {' nor '.join(id_columns)}"
    if any(row.text(column) not in ("", CLEAR) for column in id_columns):
        return f", and one of them has {neither}: give it one, or take that row out"
    return f", and this row has {neither}: give it one, or take it out; if none of them has one, keep one of them"


def one_spelling(system_id: str) -> str:
    """A UUID as it is stored; what is none is the schema's to refuse."""
    try:
        return str(uuid.UUID(system_id))
    except ValueError:
        return system_id


def by_system_id(model: type[Record], rows: list[Row], context: Context) -> dict[str, Stored]:
    return by_attribute(model, "system_id", rows, context)


def by_attribute(model: type[Record], attribute: str, rows: list[Row], context: Context) -> dict[str, Stored]:
    return store.fetch_by(model, context.account, attribute, _values(rows, attribute), hold=True)


def find_system_id(row: Row, column: str, known: Mapping[str, Stored]) -> bool:
    """Take the record that the row's System ID names. False: the row has none. An unknown one rejects the row."""
    system_id = row.values.get("system_id")
    if system_id is None:
        return False
    row.stored = known.get(system_id)
    if row.stored is None:
        row.reject("UNKNOWN_SYSTEM_ID", column, f"No {column} {system_id} is known: take it from ids.csv, or leave the "
                   "cell empty for a new record")  # fmt: skip
    return True


class UniqueKey:
    """A key of which an account has no two alike, and the records that the rows of a chunk name by it.

    Ask and tell in the order of the rows. Of several keys of the rows each is made `beside` the first.
    """

    def __init__(
        self,
        model: type[Record],
        column: str,
        attribute: str,
        rows: list[Row],
        context: Context,
        at_hand: Iterable[Stored] = (),
        beside: UniqueKey | None = None,
    ) -> None:
        """`at_hand` are records that were read already: they need not be read again for this key."""
        self.column, self.attribute = column, attribute
        self._known = {record[attribute]: record for record in at_hand if record[attribute] is not None}
        wanted = [value for row in rows if (value := row.values.get(attribute)) not in self._known]
        self._known |= store.fetch_by(model, context.account, attribute, wanted, hold=True)
        # Shared: a record that is found by one key must not be what it was before a row changed another of its keys.
        self._left: set[str] = beside._left if beside else set()

    @property
    def known(self) -> Iterable[Stored]:
        return self._known.values()

    def holder(self, row: Row) -> Stored | None:
        """The record that has the row's value. Raises Entangled if a row before is about to change its keys."""
        found = self._known.get(row.values.get(self.attribute) or "")
        if found and found["system_id"] in self._left:
            raise Entangled
        return found

    def refuse_taken(self, row: Row) -> None:
        """Reject a row that has found one record and carries the key of another."""
        other = self.holder(row)
        if row.stored and other and other["system_id"] != row.stored["system_id"]:
            row.reject("KEY_CONFLICT", self.column, f"{self.column} {quoted(row.values[self.attribute])} belongs to "
                       f"another record ({other['system_id']}) than the other keys of the row "
                       f"({row.stored['system_id']}): correct one of them")  # fmt: skip

    def settle(self, row: Row) -> None:
        """Take note of a row that gives its record another key."""
        if row.stored and not row.rejected and row.values.get(self.attribute, ...) not in (
            ..., row.stored[self.attribute]):  # fmt: skip
            self._left.add(row.stored["system_id"])


def refuse_changed_reference(row: Row, column: str, system_column: str) -> None:
    """A Reference_ID changes only in company of the System ID."""
    if row.stored is None or "reference_id" not in row.values:
        return
    stored, new = row.stored["reference_id"], row.values["reference_id"]
    if stored is not None and stored != new:
        said = "clears it" if new is None else quoted(new)
        row.reject("KEY_CONFLICT", column, f"The record has {column} {quoted(stored)}, the row {said}: to change it, "
                   f"send {system_column} {row.stored['system_id']} with it")  # fmt: skip


def refuse_taken(row: Row, keys: Sequence[UniqueKey]) -> None:
    """Reject the row for each key that belongs to another record; a row that goes on may have freed some."""
    if not row.rejected:
        for key in keys:
            key.refuse_taken(row)
        for key in keys:
            key.settle(row)


def find_by_two_keys(rows: list[Row], context: Context, model: type[Record], attribute: str, column: str) -> None:
    """System_ID; else `column` and Reference_ID, which must neither point at two records nor disagree with one."""
    known = by_system_id(model, rows, context)
    main = UniqueKey(model, column, attribute, rows, context, known.values())
    at_hand = [*known.values(), *main.known]
    reference = UniqueKey(model, "Reference_ID", "reference_id", rows, context, at_hand, main)
    if not main.known and not reference.known and not any("system_id" in row.values for row in rows):
        return
    for row in rows:
        by_id = find_system_id(row, "System_ID", known)
        if not by_id:
            row.stored = main.holder(row) or reference.holder(row)
            _refuse_changed_key(row, main)
        refuse_taken(row, (main, reference))
        if not by_id and not row.rejected:
            refuse_changed_reference(row, "Reference_ID", "System_ID")


def _refuse_changed_key(row: Row, main: UniqueKey) -> None:
    """A row that was found by its Reference_ID must not bring a new SKU or name."""
    key = row.values.get(main.attribute)
    if row.stored and key and row.stored[main.attribute] != key:
        row.reject("KEY_CONFLICT", main.column, f"Reference_ID {quoted(row.values['reference_id'])} belongs to "
                   f"{main.column} {quoted(row.stored[main.attribute])}, not {quoted(key)}: to change {main.column}, "
                   f"send System_ID {row.stored['system_id']} with it")  # fmt: skip


def find_further(rows: list[Further], context: Context, handler: Handler) -> list[Further]:
    """The rows that find no record by their System IDs and unique keys, however their faulty cells are corrected.

    Those that find one get it as `row.stored`. A System ID that does not exist is told of.
    """
    columns = {handler.schema.id_column: "system_id", **handler.unique}
    known = {attribute: store.fetch_by(handler.model, context.account, attribute, _values(rows, attribute))
             for attribute in columns.values()}  # fmt: skip
    new: list[Further] = []
    for row in rows:
        has_id = find_system_id(row, handler.schema.id_column, known["system_id"])
        by_id, row.stored = row.stored, None
        if (has_id and not by_id) or not row.complete or not row.faulty.isdisjoint(columns):
            continue
        found = {record["system_id"]: record for attribute in columns.values()
                 if (record := known[attribute].get(row.values.get(attribute)))}  # fmt: skip
        if len(found) == 1:
            (row.stored,) = found.values()
        elif not found:
            new.append(row)
    return new


def _values(rows: Iterable[Row], attribute: str) -> list[Any]:
    return [row.values.get(attribute) for row in rows]


def keep_apart(rows: list[Row]) -> None:
    """Raise Entangled if two rows have found one record: they are written one after the other.

    For entities whose rows may find it by what others have, too. The first pass has found all duplicates that it can,
    and which rows meet in a chunk must not matter.
    """
    found = [row.stored["system_id"] for row in live(rows) if row.stored is not None]
    if len(found) > len(set(found)):
        raise Entangled


CUSTOMER_ATTRIBUTES = frozenset({"customer_system_id", "customer_reference_id"})
CUSTOMER_COLUMNS = frozenset({"Customer_System_ID", "Customer_Reference_ID"})


class CustomerReferences:
    """Customer_System_ID and Customer_Reference_ID of a chunk's rows."""

    def __init__(self, rows: list[Row], context: Context) -> None:
        self._by_id = store.fetch_by(Customer, context.account, "system_id",
                                     [row.values.get("customer_system_id") for row in rows])  # fmt: skip
        given = [row.values.get("customer_reference_id") for row in rows]
        self._by_reference = store.fetch_by(Customer, context.account, "reference_id", given)
        self._near = NearCodes(CUSTOMERS, given, self._by_reference, context.account, context.started,
                               context.memory)  # fmt: skip

    def resolve(self, row: Row) -> str | None:
        """The customer's System ID; None if the row names none or was rejected."""
        found: dict[str, str] = {}
        named = CUSTOMER_ATTRIBUTES & row.values.keys()
        for column, attribute, known in (
            ("Customer_System_ID", "customer_system_id", self._by_id),
            ("Customer_Reference_ID", "customer_reference_id", self._by_reference),
        ):
            if attribute not in row.values:
                continue
            value = row.values[attribute]
            if value is None:
                row.reject("REQUIRED", column, f"{column} can't be cleared: name a customer, or leave the cell empty "
                           "to keep the stored one")  # fmt: skip
                continue
            if value not in known:
                row.reject("UNKNOWN_REFERENCE", column, f"No customer has {column} {quoted(value)}"
                           + self._near.instead(value, "send the customer first"))  # fmt: skip
                continue
            found[column] = known[value]["system_id"]
        if len(set(found.values())) > 1:
            row.reject("KEY_CONFLICT", "Customer_Reference_ID", "Customer_System_ID and Customer_Reference_ID name two "
                       "different customers: correct one of them")  # fmt: skip
            return None
        return next(iter(found.values()), None) if len(found) == len(named) else None


def need_customer(row: Row) -> None:
    row.reject("REQUIRED", "Customer_Reference_ID", "No customer is named: fill in Customer_System_ID or "
               "Customer_Reference_ID")  # fmt: skip


def refer_to_customers(rows: list[Further], context: Context) -> None:
    """Put the customers that rows certainly mean into `row.write`, and reject rows for those that don't exist."""
    customers = CustomerReferences(list(rows), context)
    for row in rows:
        customer = customers.resolve(row)
        if customer is not None and row.faulty.isdisjoint(CUSTOMER_COLUMNS):
            row.write["customer"] = customer


def names_no_customer(row: Row) -> bool:
    return row.faulty.isdisjoint(CUSTOMER_COLUMNS) and CUSTOMER_ATTRIBUTES.isdisjoint(row.values)


def customer_ids(account: int, customers: Iterable[str]) -> dict[str, str | None]:
    """System ID to Reference ID of those customers that are the account's, for writing records out."""
    return dict(store.select(Customer, ("system_id", "reference_id"), account, {"system_id": customers}))
