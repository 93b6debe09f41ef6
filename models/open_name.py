"""How a partner first wrote what follows the colon of an open column, so that `price: RETAIL` is `Price: Retail`."""

from __future__ import annotations

from peewee import BigAutoField, CharField, ForeignKeyField

from models.account import Account
from models.base import NAME, Base


class OpenName(Base):
    id = BigAutoField()
    account = ForeignKeyField(Account, backref="open_names", on_delete="CASCADE", index=False)
    entity = CharField(max_length=63)
    prefix = CharField(max_length=63)
    key = CharField(max_length=NAME)
    """What all spellings of the name share; see schemas.names.open_key."""
    name = CharField(max_length=NAME)

    class Meta:
        indexes = ((("account", "entity", "prefix", "key"), True),)
