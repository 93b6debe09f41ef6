"""Products."""

from __future__ import annotations

from peewee import BigIntegerField, CharField, ForeignKeyField, JSONField, TextField

from models.account import Account
from models.base import CODE, NAME, ExactDecimalField, Record


class Product(Record):
    account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
    sku_id = CharField(max_length=CODE)
    reference_id = CharField(max_length=CODE, null=True)
    name = CharField(max_length=500)
    description = TextField(null=True)
    status = CharField(max_length=16, default="active")
    categories = JSONField(default=list)
    """System IDs of categories, in the partner's order."""
    collections = JSONField(default=list)
    """System IDs of collections, in the partner's order."""
    moq = ExactDecimalField(null=True)
    ioq = ExactDecimalField(null=True)
    uom = CharField(max_length=NAME, null=True)
    barcode = CharField(max_length=CODE, null=True)
    weight = ExactDecimalField(null=True)
    media = JSONField(default=list)
    prices = JSONField(default=dict)
    """Price list name to the amount as text: JSON numbers would be floats."""
    attributes = JSONField(default=dict)
    row_hash = BigIntegerField(null=True)
    """The hash of the row that it was last imported from; a trigger clears it when anything else changes the record."""

    class Meta:
        indexes = ((("account", "sku_id"), True), (("account", "reference_id"), True))
