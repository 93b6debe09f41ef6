"""Schedules: an account's default, exceptions per entity, and when each is picked up next."""

from __future__ import annotations

from peewee import SQL, CharField, Database, ForeignKeyField, Model
from playhouse.migrate import SchemaMigrator

from models.base import UTCField


def up(migrator: SchemaMigrator, db: Database) -> None:
    # With the default in the statement the table of accounts is not made anew on SQLite: much refers to it.
    schedule = CharField(max_length=64, default="immediate", constraints=[SQL("DEFAULT 'immediate'")])
    migrator.migrate(migrator.add_column("account", "schedule", schedule, allow_not_null=True))
    migrator.migrate(migrator.drop_not_null("entity_settings", "schedule"))
    # Until now nobody could choose it: it stood there because something else was set for the entity.
    db.execute_sql("UPDATE entity_settings SET schedule = NULL WHERE schedule = 'immediate'")

    class Account(Model):
        class Meta:
            database = db
            table_name = "account"

    class ScheduleState(Model):
        account = ForeignKeyField(Account, on_delete="CASCADE")
        entity = CharField(max_length=63)
        schedule = CharField(max_length=64)
        time_zone = CharField(max_length=64)
        last_run = UTCField(null=True)
        next_run = UTCField(index=True)

        class Meta:
            database = db
            table_name = "schedule_state"
            indexes = ((("account", "entity"), True),)

    db.create_tables([ScheduleState])


def down(migrator: SchemaMigrator, db: Database) -> None:
    migrator.migrate(migrator.drop_table("schedule_state"))
    db.execute_sql("UPDATE entity_settings SET schedule = 'immediate' WHERE schedule IS NULL")
    migrator.migrate(migrator.add_not_null("entity_settings", "schedule"))
    migrator.migrate(migrator.drop_column("account", "schedule"))
