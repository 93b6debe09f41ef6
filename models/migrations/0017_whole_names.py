"""Long company names are compared to their ends: keys that were cut, or may have been, are made anew.

Imports fill in what is missing, as after another program has renamed a customer.
"""

from __future__ import annotations

from peewee import Database
from playhouse.migrate import SchemaMigrator

LONGEST = 500


def up(migrator: SchemaMigrator, db: Database) -> None:
    db.execute_sql(f"UPDATE customer SET name_key = NULL WHERE length(name_key) = {LONGEST}")


def down(migrator: SchemaMigrator, db: Database) -> None:
    """The version before has other keys for these, and fills them in as well."""
    up(migrator, db)
