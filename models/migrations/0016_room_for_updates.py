"""On Postgres pages of records that files change by the thousand keep a tenth free.

A changed row is a new one beside the old one. If it fits into the page of the old one, and no key has changed, the
indexes are left as they are (https://www.postgresql.org/docs/current/storage-hot.html); if not, each of them gets
another entry, in a page of its own when the rows lie far apart. Pages that are full already fill up as before.
"""

from __future__ import annotations

from peewee import Database
from playhouse.migrate import SchemaMigrator

from models.base import is_postgres

TABLES = ("product", "inventory")


def up(migrator: SchemaMigrator, db: Database) -> None:
    if is_postgres():
        for table in TABLES:
            db.execute_sql(f"ALTER TABLE {table} SET (fillfactor = 90)")


def down(migrator: SchemaMigrator, db: Database) -> None:
    if is_postgres():
        for table in TABLES:
            db.execute_sql(f"ALTER TABLE {table} RESET (fillfactor)")
