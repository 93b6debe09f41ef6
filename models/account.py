"""Accounts (partner organisations), their logins, and what they set per entity."""

from __future__ import annotations

from peewee import AutoField, BooleanField, CharField, ForeignKeyField, JSONField, TextField

from models.base import Base, UTCField, now


class Account(Base):
    id = AutoField()
    name = CharField(max_length=63, unique=True)
    company = CharField(max_length=200, default="")
    emails = JSONField(default=list)
    entities = JSONField(null=True)
    """A list of entity names, or NULL for all of them."""
    time_zone = CharField(max_length=64, default="UTC")
    date_format = CharField(max_length=32, default="YYYY-MM-DD")
    decimal_separator = CharField(max_length=1, default=".")
    column_order = CharField(max_length=8, default="strict")
    digest = BooleanField(default=False)
    """One mail for all imports that were picked up together, in place of one for each."""
    disabled = BooleanField(default=False)
    created_at = UTCField(default=now)


class Login(Base):
    id = AutoField()
    account = ForeignKeyField(Account, backref="logins", on_delete="CASCADE")
    name = CharField(max_length=63, unique=True)
    password_hash = TextField()
    entities = JSONField(null=True)
    """A subset of the account's entities, or NULL for all of them."""
    networks = JSONField(default=list)
    """CIDR networks that this login may come from; an empty list allows every address."""
    require_close_notify = BooleanField(default=True)
    disabled = BooleanField(default=False)
    created_at = UTCField(default=now)
    last_login_at = UTCField(null=True)


class EntitySettings(Base):
    """What an account decided for one entity; no row means the defaults."""

    id = AutoField()
    account = ForeignKeyField(Account, backref="entity_settings", on_delete="CASCADE")
    entity = CharField(max_length=63)
    on_error = CharField(max_length=8, default="continue")
    """continue: good rows go on; abort: a file counts as a whole or not at all."""
    schedule = CharField(max_length=64, default="immediate")
    """immediate: a file is an import from its receipt on; off: it waits in the entity folder."""

    class Meta:
        indexes = ((("account", "entity"), True),)

    @classmethod
    def of(cls, account: int, entity: str) -> EntitySettings:
        """What is set for an entity; an unsaved row with the defaults where nothing is."""
        found = cls.get_or_none((cls.account == account) & (cls.entity == entity))
        return found or cls(account=account, entity=entity)
