"""Exports: the outbox with the triggers that fill it, the ledger, and what accounts set about their files."""

from __future__ import annotations

from typing import Any

from peewee import (
    SQL,
    AutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    Database,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)
from playhouse.migrate import SchemaMigrator

from models.base import NumberField, UTCField, is_postgres

SQLITE_NOW = "strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')"

SQLITE_TRIGGERS = {
    "export_order_inserted": ("INSERT ON sales_order", "NEW.status = 'confirmed'", "NEW"),
    "export_order_updated": ("UPDATE ON sales_order", "NEW.status = 'confirmed'", "NEW"),
    "export_line_inserted": ("INSERT ON order_line", None, "NEW"),
    "export_line_updated": ("UPDATE ON order_line", None, "NEW"),
    "export_line_moved": ("UPDATE OF order_id ON order_line", "OLD.order_id IS NOT NEW.order_id", "OLD"),
    "export_line_deleted": ("DELETE ON order_line", None, "OLD"),
}

_INTO_OUTBOX = "INSERT INTO outbox (account_id, kind, system_id, entity, created_at, attempts, error)"

POSTGRES_FUNCTIONS = {
    "ftpdock_export_order": f"""
        IF NEW.status = 'confirmed' AND NOT EXISTS (SELECT 1 FROM echo_guard) THEN
            {_INTO_OUTBOX}
            VALUES (NEW.account_id, 'order', NEW.system_id, 'order', clock_timestamp(), 0, '');
        END IF;
    """,
    # NEW is null in a DELETE, OLD in an INSERT. A line that moves concerns two orders.
    "ftpdock_export_line": f"""
        IF NOT EXISTS (SELECT 1 FROM echo_guard) THEN
            {_INTO_OUTBOX}
            SELECT account_id, 'order', system_id, 'order', clock_timestamp(), 0, '' FROM sales_order
            WHERE status = 'confirmed' AND system_id IN (NEW.order_id, OLD.order_id);
        END IF;
    """,
    "ftpdock_export_customer": f"""
        IF NOT EXISTS (SELECT 1 FROM echo_guard) THEN
            {_INTO_OUTBOX}
            VALUES (NEW.account_id, 'customer', NEW.system_id, 'customer', clock_timestamp(), 0, '');
        END IF;
    """,
    "ftpdock_outbox_filled": "PERFORM pg_notify('ftpdock_outbox', '');",
}
"""Trigger function to what it does."""

POSTGRES_TRIGGERS = {
    "export_order": ("INSERT OR UPDATE ON sales_order", "ftpdock_export_order"),
    "export_line": ("INSERT OR UPDATE OR DELETE ON order_line", "ftpdock_export_line"),
    "export_customer": ("INSERT ON customer", "ftpdock_export_customer"),
    "outbox_filled": ("INSERT ON outbox", "ftpdock_outbox_filled"),
}


def up(migrator: SchemaMigrator, db: Database) -> None:
    _add_columns(migrator)
    _create_tables(db)
    if is_postgres():
        schema = db.execute_sql("SELECT quote_ident(current_schema())").fetchone()[0]
        for name, body in POSTGRES_FUNCTIONS.items():
            db.execute_sql(_postgres_function(name, body, schema))
        for name, (when, function) in POSTGRES_TRIGGERS.items():
            db.execute_sql(f"CREATE TRIGGER {name} AFTER {when} FOR EACH ROW EXECUTE FUNCTION {function}()")
        return
    for name, (when, condition, row) in SQLITE_TRIGGERS.items():
        db.execute_sql(_sqlite_order_trigger(name, when, condition, row))
    db.execute_sql(
        "CREATE TRIGGER export_customer AFTER INSERT ON customer WHEN NOT EXISTS (SELECT 1 FROM echo_guard) BEGIN "
        "INSERT INTO outbox (account_id, kind, system_id, entity, created_at, attempts, error) "
        f"VALUES (NEW.account_id, 'customer', NEW.system_id, 'customer', {SQLITE_NOW}, 0, ''); END"
    )


def _postgres_function(name: str, body: str, schema: str) -> str:
    """A program may write by a role that knows nothing of the outbox, or with another search path: the function runs
    with the rights of whoever owns the tables, and finds these wherever it is called from."""
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path = {schema}, pg_temp AS $$ BEGIN {body} RETURN NULL; END $$"
    )


def _sqlite_order_trigger(name: str, when: str, condition: str | None, row: str) -> str:
    key = f"{row}.order_id" if "order_line" in when else f"{row}.system_id"
    conditions = " AND ".join(filter(None, ["NOT EXISTS (SELECT 1 FROM echo_guard)", condition]))
    return (
        f"CREATE TRIGGER {name} AFTER {when} WHEN {conditions} BEGIN "
        "INSERT INTO outbox (account_id, kind, system_id, entity, created_at, attempts, error) "
        f"SELECT account_id, 'order', system_id, 'order', {SQLITE_NOW}, 0, '' FROM sales_order "
        f"WHERE system_id = {key} AND status = 'confirmed'; END"
    )


def _add_columns(migrator: SchemaMigrator) -> None:
    def add(table: str, name: str, field: Any) -> None:
        # With the default in the statement SQLite makes no table anew, which would delete all that refers to it.
        migrator.migrate(migrator.add_column(table, name, field, allow_not_null=True))

    false = SQL("DEFAULT FALSE")
    add("account", "export_imported", BooleanField(default=False, constraints=[false]))
    add("account", "export_bom", BooleanField(default=False, constraints=[false]))
    add("account", "export_delimiter", CharField(max_length=1, default=",", constraints=[SQL("DEFAULT ','")]))
    add("entity_settings", "export_schedule", CharField(max_length=64, null=True))


def _create_tables(db: Database) -> None:
    class Base(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Account(Base):
        id = AutoField()

    class Outbox(Base):
        number = NumberField()
        account = ForeignKeyField(Account, on_delete="CASCADE")
        kind = CharField(max_length=8)
        system_id = CharField(max_length=36, null=True)
        entity = CharField(max_length=63)
        created_at = UTCField()
        attempts = IntegerField()
        error = TextField()
        due_at = UTCField(null=True)

        class Meta:
            indexes = ((("kind", "system_id"), False),)

    class EchoGuard(Base):
        id = AutoField()

    class Export(Base):
        number = NumberField()
        account = ForeignKeyField(Account, on_delete="CASCADE")
        kind = CharField(max_length=8)
        system_id = CharField(max_length=36, null=True)
        entity = CharField(max_length=63)
        path = CharField(max_length=1000)
        state = CharField(max_length=9)
        revision = IntegerField()
        digest = CharField(max_length=64)
        created_at = UTCField()
        ready_at = UTCField(null=True)
        collected_at = UTCField(null=True)
        collected_by = CharField(max_length=63, null=True)
        collected_from = CharField(max_length=64, null=True)
        removed_at = UTCField(null=True)
        removed_by = CharField(max_length=63, null=True)
        error = TextField()

        class Meta:
            indexes = (
                (("account", "path"), True),
                (("account", "state"), False),
                (("kind", "system_id"), False),
            )

    class ExportFile(Base):
        number = NumberField()
        account = ForeignKeyField(Account, on_delete="CASCADE")
        export = ForeignKeyField(Export, on_delete="CASCADE", null=True)
        path = CharField(max_length=1000)
        size = BigIntegerField()
        mtime_ns = BigIntegerField()
        state = CharField(max_length=9)
        mirrored_at = UTCField()
        collected_at = UTCField(null=True)
        collected_by = CharField(max_length=63, null=True)
        collected_from = CharField(max_length=64, null=True)
        removed_at = UTCField(null=True)
        removed_by = CharField(max_length=63, null=True)

        class Meta:
            indexes = ((("account", "path"), True),)

    db.create_tables([Outbox, EchoGuard, Export, ExportFile])


def down(migrator: SchemaMigrator, db: Database) -> None:
    if is_postgres():
        for name, (when, function) in POSTGRES_TRIGGERS.items():
            db.execute_sql(f"DROP TRIGGER {name} ON {when.rpartition(' ')[2]}")
            db.execute_sql(f"DROP FUNCTION {function}()")
    else:
        for name in (*SQLITE_TRIGGERS, "export_customer"):
            db.execute_sql(f"DROP TRIGGER {name}")
    for table in ("export_file", "export", "echo_guard", "outbox"):
        migrator.migrate(migrator.drop_table(table))
    migrator.migrate(migrator.drop_column("entity_settings", "export_schedule"))
    for column in ("export_delimiter", "export_bom", "export_imported"):
        migrator.migrate(migrator.drop_column("account", column))
