"""Stock of a product in a warehouse."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CharField, ForeignKeyField, JSONField

from models.account import Account
from models.base import NAME, ExactDecimalField, Record
from models.product import Product


class Inventory(Record):
    account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
    product = ForeignKeyField(Product, on_delete="CASCADE", index=False)
    warehouse = CharField(max_length=NAME, default="MAIN")
    available_quantity = ExactDecimalField()
    on_order_quantity = JSONField(default=list)
    """Quantities as text, one for each date of on_order_eta."""
    on_order_eta = JSONField(default=list)
    """ISO 8601 dates."""
    back_order_allowed = BooleanField(null=True)
    back_order_limit = ExactDecimalField(null=True)
    row_hash = BigIntegerField(null=True)
    """The hash of the row that it was last imported from; a trigger clears it when anything else changes the record."""

    class Meta:
        indexes = ((("product", "warehouse"), True), (("account", "product"), False))
