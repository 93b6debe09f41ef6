"""People at customers."""

from __future__ import annotations

from peewee import BooleanField, CharField, ForeignKeyField

from models.account import Account
from models.base import CODE, NAME, Record
from models.customer import Customer


class Contact(Record):
    account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
    reference_id = CharField(max_length=CODE, null=True)
    customer = ForeignKeyField(Customer, on_delete="CASCADE", backref="contacts")
    first_name = CharField(max_length=NAME)
    last_name = CharField(max_length=NAME, null=True)
    email = CharField(max_length=320, null=True)
    phone = CharField(max_length=NAME, null=True)
    role = CharField(max_length=NAME, null=True)
    is_primary = BooleanField(default=False)

    class Meta:
        indexes = ((("account", "reference_id"), True),)
