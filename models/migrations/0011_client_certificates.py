"""Logins may need a client certificate besides their password."""

from __future__ import annotations

from peewee import Database, JSONField
from playhouse.migrate import SchemaMigrator


def up(migrator: SchemaMigrator, db: Database) -> None:
    migrator.migrate(migrator.add_column("login", "client_certificates", JSONField(null=True)))


def down(migrator: SchemaMigrator, db: Database) -> None:
    migrator.migrate(migrator.drop_column("login", "client_certificates"))
