"""A customer whom another program renames has no name_key any more, until an import finds it by its new name."""

from __future__ import annotations

from peewee import Database
from playhouse.migrate import SchemaMigrator

from models.base import is_postgres

# Whoever gives another name without another key leaves the key of the former one.
_STALE = "NEW.company_name <> OLD.company_name AND NEW.name_key = OLD.name_key"


def up(migrator: SchemaMigrator, db: Database) -> None:
    if is_postgres():
        db.execute_sql(
            "CREATE FUNCTION ftpdock_forget_name() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN NEW.name_key = NULL; RETURN NEW; END $$"
        )
        db.execute_sql(
            f"CREATE TRIGGER forget_name BEFORE UPDATE ON customer FOR EACH ROW WHEN ({_STALE}) "
            "EXECUTE FUNCTION ftpdock_forget_name()"
        )
    else:
        db.execute_sql(
            f"CREATE TRIGGER forget_name AFTER UPDATE ON customer WHEN {_STALE} BEGIN "
            "UPDATE customer SET name_key = NULL WHERE system_id = NEW.system_id; END"
        )
    # Kept are keys that are surely right: ASCII is all that both engines fold as Python does. Imports fill in the rest.
    folded = 'lower(company_name COLLATE "C")' if is_postgres() else "lower(company_name)"
    db.execute_sql(f"UPDATE customer SET name_key = NULL WHERE name_key <> {folded}")


def down(migrator: SchemaMigrator, db: Database) -> None:
    db.execute_sql("DROP TRIGGER forget_name" + (" ON customer" if is_postgres() else ""))
    if is_postgres():
        db.execute_sql("DROP FUNCTION ftpdock_forget_name()")
