"""Customers of the business."""

from __future__ import annotations

from typing import Any

from peewee import CharField, ForeignKeyField, JSONField

from models.account import Account
from models.base import CODE, NAME, Record


class Customer(Record):
    account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
    reference_id = CharField(max_length=CODE, null=True)
    company_name = CharField(max_length=500)
    name_key = CharField(max_length=500, null=True)
    """The company name trimmed and case-folded (handlers.customers.name_key). NULL: written or renamed by another
    program (a trigger, migration 0009, sees to the second), until the next import of customers."""
    email = CharField(max_length=320, null=True)
    phone = CharField(max_length=NAME, null=True)
    sales_rep = CharField(max_length=NAME, null=True)
    pricelist = CharField(max_length=NAME, null=True)
    payment_terms = CharField(max_length=NAME, null=True)
    currency = CharField(max_length=3, null=True)
    tax_id = CharField(max_length=CODE, null=True)
    status = CharField(max_length=16, default="active")
    attributes = JSONField(default=dict)

    class Meta:
        indexes = ((("account", "reference_id"), True), (("account", "name_key"), False))

    def save(self, *args: Any, **kwargs: Any) -> Any:
        """The key goes: it was read before, and may be of a former name."""
        self.name_key = None
        return super().save(*args, **kwargs)
