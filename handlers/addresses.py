"""How addresses of customers are imported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from handlers.base import Context, Handler
from handlers.keys import (
    CustomerReferences,
    by_attribute,
    by_system_id,
    customer_ids,
    find_system_id,
    need_customer,
    own_keys,
    refuse_changed_reference,
    refuse_taken,
)
from imports import store
from imports.rows import Row, live
from imports.scan import Key, Texts
from models import Address
from schemas.address import AddressSchema

PLACE = {"type": "Type", "attention": "Attention", "line_1": "Line_1", "line_2": "Line_2", "city": "City",
         "state": "State", "postal_code": "Postal_Code", "country": "Country"}  # fmt: skip
"""What makes two addresses of one customer equal: attribute to column. Phone and Is_Default are said about a place."""


class CustomerPartHandler(Handler):
    """What addresses and contacts have in common: they belong to a customer and are found by own IDs or by likeness."""

    id_columns: tuple[str, str]
    """The columns of the own System ID and Reference ID."""
    references = frozenset({"customer_system_id", "customer_reference_id"})

    def likeness(self, record: dict[str, Any]) -> tuple[Any, ...] | None:
        """What two equal records of one customer share; None for a record that is like no other."""
        raise NotImplementedError

    def find(self, rows: list[Row], context: Context) -> None:
        system_column, reference_column = self.id_columns
        customers = CustomerReferences(rows, context)
        by_id = by_system_id(self.model, rows, context)
        by_reference = by_attribute(self.model, "reference_id", rows, context)
        for row in rows:
            customer = customers.resolve(row)
            if customer is not None:
                row.write["customer"] = customer
            if row.rejected:
                continue
            if find_system_id(row, system_column, by_id):
                refuse_taken(row, reference_column, "reference_id", by_reference)
            elif row.values.get("reference_id"):
                row.stored = by_reference.get(row.values["reference_id"])
                self._refuse_other_customer(row)
        self._find_alike([row for row in live(rows) if self._without_ids(row)], context)
        for row in live(rows):
            if row.stored is None and "customer" not in row.write:
                need_customer(row)

    @staticmethod
    def _without_ids(row: Row) -> bool:
        return not (row.values.get("system_id") or row.values.get("reference_id"))

    def _refuse_other_customer(self, row: Row) -> None:
        system_column, reference_column = self.id_columns
        if row.stored and row.write.get("customer", row.stored["customer"]) != row.stored["customer"]:
            row.reject("KEY_CONFLICT", reference_column, f"{reference_column} {row.values['reference_id']!r} belongs "
                       f"to another customer: to move it, send {system_column} {row.stored['system_id']}")  # fmt: skip

    def _find_alike(self, rows: list[Row], context: Context) -> None:
        known: dict[tuple[Any, ...], dict[str, Any]] = {}
        customers = [row.write["customer"] for row in rows if "customer" in row.write]
        for record in store.fetch(self.model, context.account, "customer", customers):
            likeness = self.likeness(record)
            if likeness is not None:
                known.setdefault((record["customer"], *likeness), record)
        for row in rows:
            likeness = self.likeness(row.values)
            if likeness is not None and "customer" in row.write:
                row.stored = known.get((row.write["customer"], *likeness))
            refuse_changed_reference(row, self.id_columns[1], self.id_columns[0])

    def export(self, account: int) -> Iterable[dict[str, Any]]:
        found = list(super().export(account))
        references = customer_ids(record["customer"] for record in found)
        for record in found:
            record["customer_system_id"] = record["customer"]
            record["customer_reference_id"] = references[record["customer"]]
        return found


def folded(value: Any) -> str:
    """Text for comparison: case and runs of blanks don't count; nothing is the same as empty."""
    return " ".join(str(value or "").split()).casefold()


class AddressHandler(CustomerPartHandler):
    schema, model = AddressSchema, Address
    id_columns = ("Address_System_ID", "Address_Reference_ID")
    key_columns = ("Address_Reference_ID", "Customer_Reference_ID", "Type", "Line_1")
    after = ("customer",)

    def keys(self, texts: Texts) -> Iterable[Key]:
        yield from own_keys(texts, *self.id_columns)
        place = "\t".join(folded(texts(column)) for column in PLACE.values())
        customer = texts("Customer_System_ID").lower() or texts("Customer_Reference_ID")
        yield Key("Line_1", f"{customer}\t{place}", strong=not any(map(texts, self.id_columns)))

    def likeness(self, record: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(folded(record.get(attribute)) for attribute in PLACE)
