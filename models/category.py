"""The category tree."""

from __future__ import annotations

from peewee import CharField, ForeignKeyField, IntegerField, JSONField, TextField

from models.account import Account
from models.base import CODE, Record


class Category(Record):
    account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
    reference_id = CharField(max_length=CODE, null=True)
    parent = ForeignKeyField("self", null=True, on_delete="RESTRICT", backref="children")
    path = CharField(max_length=1000)
    """The whole path, segments joined by ' > '; kept in step with `parent` when a category moves."""
    description = TextField(null=True)
    media = JSONField(default=list)
    position = IntegerField(null=True)

    class Meta:
        indexes = ((("account", "reference_id"), True), (("account", "path"), True))
