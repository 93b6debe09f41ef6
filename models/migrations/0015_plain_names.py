"""Company names are compared without what is not seen, and composed: keys of names that are not ASCII are made anew.

Imports fill in what is missing, as after another program has renamed a customer.
"""

from __future__ import annotations

from peewee import Database
from playhouse.migrate import SchemaMigrator

from models.base import is_postgres

# Longer in bytes than in characters, in the words of either engine.
_SQLITE = "length(CAST(company_name AS BLOB)) > length(company_name)"
_POSTGRES = "octet_length(company_name) > char_length(company_name)"


def up(migrator: SchemaMigrator, db: Database) -> None:
    db.execute_sql(f"UPDATE customer SET name_key = NULL WHERE {_POSTGRES if is_postgres() else _SQLITE}")


def down(migrator: SchemaMigrator, db: Database) -> None:
    """The version before has other keys for these, and fills them in as well."""
    up(migrator, db)
