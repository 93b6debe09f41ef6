"""What a record was last imported from, so that an unchanged row is known without reading it; see imports.hashes."""

from __future__ import annotations

from peewee import BigIntegerField, Database
from playhouse.migrate import SchemaMigrator

from models.base import is_postgres

TABLES = ("product", "inventory")

# Whoever changes a record without naming the row it now comes from changes what the hash stands for.
_STALE = "NEW.row_hash IS NOT NULL AND NEW.row_hash = OLD.row_hash"


def up(migrator: SchemaMigrator, db: Database) -> None:
    for table in TABLES:
        migrator.migrate(migrator.add_column(table, "row_hash", BigIntegerField(null=True)))
    if is_postgres():
        db.execute_sql(
            "CREATE FUNCTION ftpdock_forget_row() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN NEW.row_hash = NULL; RETURN NEW; END $$"
        )
    for table in TABLES:
        db.execute_sql(_postgres_trigger(table) if is_postgres() else _sqlite_trigger(table))


def _postgres_trigger(table: str) -> str:
    return (
        f"CREATE TRIGGER forget_row_{table} BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({_STALE}) "
        "EXECUTE FUNCTION ftpdock_forget_row()"
    )


def _sqlite_trigger(table: str) -> str:
    return (
        f"CREATE TRIGGER forget_row_{table} AFTER UPDATE ON {table} WHEN {_STALE} BEGIN "
        f"UPDATE {table} SET row_hash = NULL WHERE system_id = NEW.system_id; END"
    )


def down(migrator: SchemaMigrator, db: Database) -> None:
    for table in TABLES:
        db.execute_sql(f"DROP TRIGGER forget_row_{table}" + (f" ON {table}" if is_postgres() else ""))
    if is_postgres():
        db.execute_sql("DROP FUNCTION ftpdock_forget_row()")
    for table in TABLES:
        migrator.migrate(migrator.drop_column(table, "row_hash"))
