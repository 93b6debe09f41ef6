"""Rules for keys that several entities share (design section 7, 'How a row finds its record')."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from handlers.base import Context
from imports import store
from imports.rows import Row
from imports.scan import Key, Texts
from models import Customer, Record

Stored = dict[str, Any]


def own_keys(texts: Texts, system_column: str, *columns: str) -> Iterable[Key]:
    """The System ID and the given columns of a row, as far as they are filled in."""
    if system_id := texts(system_column):
        yield Key(system_column, system_id.lower())
    for column in columns:
        if text := texts(column):
            yield Key(column, text)


def by_system_id(model: type[Record], rows: list[Row], context: Context) -> dict[str, Stored]:
    return store.fetch_by(model, context.account, "system_id", [row.values.get("system_id") for row in rows])


def by_attribute(model: type[Record], attribute: str, rows: list[Row], context: Context) -> dict[str, Stored]:
    return store.fetch_by(model, context.account, attribute, [row.values.get(attribute) for row in rows])


def find_system_id(row: Row, column: str, known: dict[str, Stored]) -> bool:
    """Take the record that the row's System ID names. False: the row has none. An unknown one rejects the row."""
    system_id = row.values.get("system_id")
    if system_id is None:
        return False
    row.stored = known.get(system_id)
    if row.stored is None:
        row.reject("UNKNOWN_SYSTEM_ID", column, f"No {column} {system_id} is known: take it from ids.csv, or leave the "
                   "cell empty for a new record")  # fmt: skip
    return True


def refuse_taken(row: Row, column: str, attribute: str, known: dict[str, Stored]) -> None:
    """A key that belongs to another record than the one the row has found."""
    other = known.get(row.values.get(attribute) or "")
    if row.stored and other and other["system_id"] != row.stored["system_id"]:
        row.reject("KEY_CONFLICT", column, f"{column} {row.values[attribute]!r} belongs to another record "
                   f"({other['system_id']}) than the other keys of the row ({row.stored['system_id']})")  # fmt: skip


def refuse_changed_reference(row: Row, column: str, system_column: str) -> None:
    """A Reference_ID changes only in company of the System ID."""
    if row.stored is None or "reference_id" not in row.values:
        return
    stored, new = row.stored["reference_id"], row.values["reference_id"]
    if stored is not None and stored != new:
        row.reject("KEY_CONFLICT", column, f"The record has {column} {stored!r}, the row {new or 'clears it'!r}: "
                   f"to change it, send {system_column} {row.stored['system_id']} with it")  # fmt: skip


def find_by_two_keys(rows: list[Row], context: Context, model: type[Record], attribute: str, column: str) -> None:
    """System_ID; else `column` and Reference_ID, which must neither point at two records nor disagree with one."""
    by_id = by_system_id(model, rows, context)
    by_key = by_attribute(model, attribute, rows, context)
    by_reference = by_attribute(model, "reference_id", rows, context)
    for row in rows:
        if not find_system_id(row, "System_ID", by_id):
            key, reference = row.values.get(attribute), row.values.get("reference_id")
            row.stored = by_key.get(key or "") or by_reference.get(reference or "")
            refuse_changed_reference(row, "Reference_ID", "System_ID")
            if row.stored and key and row.stored[attribute] != key:
                row.reject("KEY_CONFLICT", column, f"Reference_ID {reference!r} belongs to {column} "
                           f"{row.stored[attribute]!r}, not {key!r}: to change {column}, send System_ID "
                           f"{row.stored['system_id']} with it")  # fmt: skip
        if not row.rejected:
            refuse_taken(row, column, attribute, by_key)
            refuse_taken(row, "Reference_ID", "reference_id", by_reference)


class CustomerReferences:
    """Customer_System_ID and Customer_Reference_ID of a chunk's rows."""

    def __init__(self, rows: list[Row], context: Context) -> None:
        self._by_id = store.fetch_by(Customer, context.account, "system_id",
                                     [row.values.get("customer_system_id") for row in rows])  # fmt: skip
        self._by_reference = store.fetch_by(Customer, context.account, "reference_id",
                                            [row.values.get("customer_reference_id") for row in rows])  # fmt: skip

    def resolve(self, row: Row) -> str | None:
        """The customer's System ID; None if the row names none or was rejected."""
        found: dict[str, str] = {}
        for column, attribute, known in (
            ("Customer_System_ID", "customer_system_id", self._by_id),
            ("Customer_Reference_ID", "customer_reference_id", self._by_reference),
        ):
            value = row.values.get(attribute)
            if value is None:
                continue
            if value not in known:
                row.reject("UNKNOWN_REFERENCE", column, f"No customer has {column} {value!r}: send the customer first, "
                           "or correct the cell")  # fmt: skip
                return None
            found[column] = known[value]["system_id"]
        if len(set(found.values())) > 1:
            row.reject("KEY_CONFLICT", "Customer_Reference_ID", "Customer_System_ID and Customer_Reference_ID name two "
                       "different customers: correct one of them")  # fmt: skip
            return None
        return next(iter(found.values()), None)


def need_customer(row: Row) -> None:
    row.reject("REQUIRED", "Customer_Reference_ID", "No customer is named: fill in Customer_System_ID or "
               "Customer_Reference_ID")  # fmt: skip


def customer_ids(customers: Iterable[str]) -> dict[str, str | None]:
    """System ID to Reference ID of the customers, for writing records out."""
    wanted = list(set(customers))
    found: dict[str, str | None] = {}
    for start in range(0, len(wanted), store.PARAMETERS):
        part = wanted[start : start + store.PARAMETERS]
        query = Customer.select(Customer.system_id, Customer.reference_id).where(Customer.system_id.in_(part))
        found.update(query.tuples())
    return found
