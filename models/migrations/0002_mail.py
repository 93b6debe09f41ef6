"""Mail: its queue, digests, and which imports were picked up together."""

from __future__ import annotations

from peewee import (
    SQL,
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
    # With the default in the statement no table is made anew, which on SQLite would delete all that refers to it.
    digest = BooleanField(default=False, constraints=[SQL("DEFAULT FALSE")])
    migrator.migrate(
        migrator.add_column("account", "digest", digest, allow_not_null=True),
        migrator.add_column("import_run", "pickup", TextField(null=True)),
    )

    class Account(Model):
        class Meta:
            database = db
            table_name = "account"

    class ImportRun(Model):
        number = IntegerField(primary_key=True)

        class Meta:
            database = db
            table_name = "import_run"

    class Mail(Model):
        number = NumberField()
        account = ForeignKeyField(Account, on_delete="CASCADE", null=True)
        run = ForeignKeyField(ImportRun, on_delete="CASCADE", null=True)
        pickup = TextField(null=True)
        gathered_into = IntegerField(null=True)
        key = CharField(max_length=200, unique=True)
        token = CharField(max_length=36)
        data = JSONField(default=dict)
        state = CharField(max_length=8, default="waiting")
        attempts = IntegerField(default=0)
        delivered = JSONField(default=list)
        refused = JSONField(default=dict)
        error = TextField(default="")
        created_at = UTCField()
        retries_from = UTCField()
        due_at = UTCField()
        sent_at = UTCField(null=True)
        lease_owner = CharField(max_length=64, null=True)
        lease_until = UTCField(null=True)

        class Meta:
            database = db
            table_name = "mail"
            indexes = ((("state", "due_at"), False),)

    db.create_tables([Mail])


def down(migrator: SchemaMigrator, db: Database) -> None:
    migrator.migrate(
        migrator.drop_table("mail"),
        migrator.drop_column("import_run", "pickup"),
        migrator.drop_column("account", "digest"),
    )
