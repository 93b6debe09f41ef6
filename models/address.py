"""Addresses of customers."""

from __future__ import annotations

from peewee import BooleanField, CharField, ForeignKeyField

from models.account import Account
from models.base import CODE, NAME, Record
from models.customer import Customer


class Address(Record):
    account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
    reference_id = CharField(max_length=CODE, null=True)
    customer = ForeignKeyField(Customer, on_delete="CASCADE", backref="addresses")
    type = CharField(max_length=16)
    attention = CharField(max_length=NAME, null=True)
    line_1 = CharField(max_length=NAME)
    line_2 = CharField(max_length=NAME, null=True)
    city = CharField(max_length=NAME)
    state = CharField(max_length=NAME, null=True)
    postal_code = CharField(max_length=CODE, null=True)
    country = CharField(max_length=2)
    phone = CharField(max_length=NAME, null=True)
    is_default = BooleanField(default=False)

    class Meta:
        indexes = ((("account", "reference_id"), True),)
