"""What the queue remembers of an import: where its files lie, how many rows there are, what went wrong with it."""

from __future__ import annotations

from typing import Any

from peewee import SQL, CharField, Database, IntegerField
from playhouse.migrate import SchemaMigrator


def up(migrator: SchemaMigrator, db: Database) -> None:
    def add(name: str, field: Any) -> Any:
        # With the default in the statement SQLite makes no table anew, which would delete all that refers to it.
        return migrator.add_column("import_run", name, field, allow_not_null=True)

    migrator.migrate(
        add("folder", CharField(max_length=16, default="", constraints=[SQL("DEFAULT ''")])),
        add("total", IntegerField(null=True)),
        add("failures", IntegerField(default=0, constraints=[SQL("DEFAULT 0")])),
        add("strikes", IntegerField(default=0, constraints=[SQL("DEFAULT 0")])),
        add("struck_at", IntegerField(null=True)),
        migrator.add_index("import_run", ("account_id", "started_at")),
    )


def down(migrator: SchemaMigrator, db: Database) -> None:
    migrator.migrate(migrator.drop_index("import_run", "import_run_account_id_started_at"))
    for column in ("struck_at", "strikes", "failures", "total", "folder"):
        migrator.migrate(migrator.drop_column("import_run", column))
