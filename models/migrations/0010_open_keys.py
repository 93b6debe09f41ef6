"""Names of open columns are told apart by what parts two digits: a price list 2-5 is no price list 25.

How Unicode writes an ä does not tell them apart any more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from unicodedata import normalize

from peewee import AutoField, CharField, Database, IntegerField, Model
from playhouse.migrate import SchemaMigrator

LONGEST = 200

# As the program compared at that time, and before.
_APART = re.compile(r"(?<=\d)[ _-]+(?=\d)|(?<=\d)[ _-]*-$|^-[ _-]*(?=\d)")


def up(migrator: SchemaMigrator, db: Database) -> None:
    _compare_by(lambda name: "-".join(map(_former_key, _APART.split(normalize("NFC", name)))) or name, db)


def _former_key(name: str) -> str:
    return "".join(character for character in name.casefold() if character not in " -_\t\u00a0")


def _compare_by(key: Callable[[str], str], db: Database) -> None:
    """Give each name its key, unless an older one of the same kind has it: both then stay as they are."""

    class OpenName(Model):
        id = AutoField()
        account_id = IntegerField()
        entity = CharField()
        prefix = CharField()
        key = CharField()
        name = CharField()

        class Meta:
            database = db
            table_name = "open_name"

    names = list(OpenName.select().order_by(OpenName.id))
    taken = {(each.account_id, each.entity, each.prefix, each.key) for each in names}
    for each in names:
        new = (each.account_id, each.entity, each.prefix, key(each.name))
        if new not in taken and len(new[-1]) <= LONGEST:
            OpenName.update(key=new[-1]).where(OpenName.id == each.id).execute()
            taken.add(new)


def down(migrator: SchemaMigrator, db: Database) -> None:
    _compare_by(lambda name: _former_key(name) or name, db)
