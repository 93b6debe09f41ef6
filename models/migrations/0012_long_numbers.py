"""On Postgres numbers have 64 bits, as they always had on SQLite: with each line of an order goes one of the outbox.

And two queries that are asked again and again find their few rows without going through whole tables.
"""

from __future__ import annotations

from peewee import Database
from playhouse.migrate import SchemaMigrator

from models.base import is_postgres

NUMBERS = {
    "upload": ("id",),
    "import_run": ("number",),
    "mail": ("number", "run_id", "gathered_into"),
    "order_line": ("id",),
    "outbox": ("number",),
    "echo_guard": ("id",),
    "export": ("number",),
    "export_file": ("number", "export_id"),
    "target": ("number",),
    "delivery": ("number", "target_id", "export_id"),
    "open_name": ("id",),
}
"""Columns of a table that are numbers, the one that the database gives out first, and what refers to others'."""

INDEXES = {
    "import_run_dry": "import_run (finished_at) WHERE dry_run",
    "mail_gathered_into": "mail (gathered_into) WHERE gathered_into IS NOT NULL",
}


def up(migrator: SchemaMigrator, db: Database) -> None:
    if is_postgres():
        _change_numbers(db, "bigint")
    for name, what in INDEXES.items():
        db.execute_sql(f"CREATE INDEX {name} ON {what}")


def _change_numbers(db: Database, kind: str) -> None:
    for table, columns in NUMBERS.items():
        # All in one statement: each writes the table anew.
        db.execute_sql(f"ALTER TABLE {table} " + ", ".join(f"ALTER COLUMN {each} TYPE {kind}" for each in columns))
        sequence = db.execute_sql("SELECT pg_get_serial_sequence(%s, %s)", (table, columns[0])).fetchone()[0]
        if sequence is not None:
            db.execute_sql(f"ALTER SEQUENCE {sequence} AS {kind}")


def down(migrator: SchemaMigrator, db: Database) -> None:
    for name in INDEXES:
        db.execute_sql(f"DROP INDEX {name}")
    if is_postgres():
        _change_numbers(db, "integer")
