"""Collections of products."""

from __future__ import annotations

from peewee import CharField, ForeignKeyField, IntegerField, JSONField, TextField

from models.account import Account
from models.base import CODE, NAME, Record


class Collection(Record):
    account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
    reference_id = CharField(max_length=CODE, null=True)
    name = CharField(max_length=NAME)
    description = TextField(null=True)
    media = JSONField(default=list)
    position = IntegerField(null=True)

    class Meta:
        indexes = ((("account", "reference_id"), True), (("account", "name"), True))
