"""Indexes for what a look of the mirror asks for: other programs' files, and those that were deleted of late."""

from __future__ import annotations

from peewee import Database
from playhouse.migrate import SchemaMigrator


def up(migrator: SchemaMigrator, db: Database) -> None:
    db.execute_sql("CREATE INDEX export_file_alone ON export_file (account_id, path) WHERE export_id IS NULL")
    db.execute_sql(
        "CREATE INDEX export_file_removed ON export_file (account_id, removed_at) WHERE removed_at IS NOT NULL"
    )


def down(migrator: SchemaMigrator, db: Database) -> None:
    for name in ("export_file_alone", "export_file_removed"):
        db.execute_sql(f"DROP INDEX {name}")
