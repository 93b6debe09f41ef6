"""A ninth entity as a plugin: partners drop SHIPMENT_18_09_2024.csv into /Shipments.

Put this file where Python finds it and name it in ftpdock.toml: plugins = ["shipments"]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from peewee import CharField, DateField, ForeignKeyField

from handlers.base import Context, Handler
from handlers.keys import by_attribute, by_system_id, find_system_id, own_keys
from handlers.registry import Registry
from hookspecs import hookimpl
from imports import store
from imports.rows import Row
from imports.scan import Key, Texts
from models import Account, Order, Record
from schemas import TemplateSchema, quoted
from schemas.fields import Code, Date, SystemId, Text


class ShipmentSchema(TemplateSchema):
    """The template: the order of the fields is the order of the columns."""

    entity, plural, folder = "shipment", "shipments", "Shipments"

    system_id = SystemId("System_ID")
    reference_id = Code("Reference_ID", 100, needed=True, help="your number of the shipment")
    order_reference_id = Code("Order_Reference_ID", 100, needed=True, help="an order that exists")
    carrier = Text("Carrier", 200)
    tracking_number = Code("Tracking_Number", 100)
    shipped_on = Date("Shipped_On", needed=True)

    example_rows = (
        {"Reference_ID": "S-1", "Order_Reference_ID": "PO-1", "Carrier": "DHL", "Tracking_Number": "00340434161094",
         "Shipped_On": "2024-09-18"},
    )  # fmt: skip


class Shipment(Record):
    """The table. Attributes have the names of the schema's fields, but for references to other records."""

    account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
    reference_id = CharField(max_length=100)
    order = ForeignKeyField(Order, on_delete="CASCADE", backref="shipments")
    carrier = CharField(max_length=200, null=True)
    tracking_number = CharField(max_length=100, null=True)
    shipped_on = DateField()

    class Meta:
        indexes = ((("account", "reference_id"), True),)


class ShipmentHandler(Handler):
    """The rules: how rows find their records, and what they refer to."""

    schema, model = ShipmentSchema, Shipment
    key_columns = ("Reference_ID",)
    after = ("order",)
    references = frozenset({"order_reference_id"})

    def keys(self, texts: Texts) -> Iterable[Key]:
        return own_keys(texts, "System_ID", "Reference_ID")

    def find(self, rows: list[Row], context: Context) -> None:
        by_id = by_system_id(Shipment, rows, context)
        by_reference = by_attribute(Shipment, "reference_id", rows, context)
        for row in rows:
            if not find_system_id(row, "System_ID", by_id):
                row.stored = by_reference.get(row.values.get("reference_id") or "")

    def refer(self, rows: list[Row], context: Context) -> None:
        wanted = [row.values.get("order_reference_id") for row in rows]
        orders = store.fetch_by(Order, context.account, "reference_id", wanted)
        for row in rows:
            reference = row.values.get("order_reference_id")
            if reference in orders:
                row.write["order"] = orders[reference]["system_id"]
            elif reference:
                row.reject("UNKNOWN_REFERENCE", "Order_Reference_ID", f"No order has Reference_ID {quoted(reference)}")

    def export(self, account: int) -> Iterable[dict[str, Any]]:
        orders = dict(Order.select(Order.system_id, Order.reference_id).where(Order.account == account).tuples())
        for record in super().export(account):
            yield record | {"order_reference_id": orders[record["order"]]}


@hookimpl
def register_entities(registry: Registry) -> None:
    registry.add(ShipmentHandler())
