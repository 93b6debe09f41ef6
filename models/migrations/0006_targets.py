"""Targets and their deliveries: exports that are pushed to partners' own servers."""

from __future__ import annotations

from peewee import (
    AutoField,
    BooleanField,
    CharField,
    Database,
    ForeignKeyField,
    IntegerField,
    JSONField,
    Model,
    TextField,
)
from playhouse.migrate import SchemaMigrator

from models.base import NumberField, UTCField


def up(migrator: SchemaMigrator, db: Database) -> None:
    class Base(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Account(Base):
        id = AutoField()

    class Export(Base):
        number = NumberField()

    class Target(Base):
        number = NumberField()
        account = ForeignKeyField(Account, on_delete="CASCADE")
        name = CharField(max_length=63)
        url = CharField(max_length=1000)
        username = CharField(max_length=200)
        secret = TextField()
        secret_env = CharField(max_length=200, null=True)
        options = JSONField()
        kinds = JSONField(null=True)
        since = UTCField(null=True)
        disabled = BooleanField()
        failures = IntegerField()
        due_at = UTCField(null=True)
        unreachable_since = UTCField(null=True)
        error = TextField()
        created_at = UTCField()

    class Delivery(Base):
        number = NumberField()
        target = ForeignKeyField(Target, on_delete="CASCADE")
        export = ForeignKeyField(Export, on_delete="CASCADE")
        revision = IntegerField()
        state = CharField(max_length=9)
        attempts = IntegerField()
        refusals = IntegerField()
        error = TextField()
        created_at = UTCField()
        delivered_at = UTCField(null=True)

        class Meta:
            indexes = (
                (("target", "export", "revision"), True),
                (("target", "state"), False),
            )

    db.create_tables([Target, Delivery])


def down(migrator: SchemaMigrator, db: Database) -> None:
    for table in ("delivery", "target"):
        migrator.migrate(migrator.drop_table(table))
