"""What the chunks of a dry run, each of which is undone, would have made of what rows are found by."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from imports import store
from imports.rows import CREATED, UPDATED, Row
from models import Customer

if TYPE_CHECKING:
    from handlers.base import Context

_SHARED = ("system_id", "name_key", "company_name", "reference_id")
_NAMED = "SELECT system_id FROM contact WHERE system_id IN (SELECT value FROM json_each(?))"
_FIND = """
    SELECT * FROM customer WHERE name_key IN (SELECT value FROM json_each(?))
    UNION SELECT * FROM customer WHERE system_id IN (SELECT value FROM json_each(?))
"""


class Scratch:
    """A SQLite file, so that memory stays bounded: each row may be to be remembered."""

    def __init__(self, scratch: Path) -> None:
        self._path = scratch
        scratch.unlink(missing_ok=True)
        self._db = sqlite3.connect(scratch, isolation_level=None)
        for pragma in ("journal_mode=off", "synchronous=off", "locking_mode=exclusive"):
            self._db.execute(f"PRAGMA {pragma}")

    @classmethod
    def of(cls, context: Context) -> Self:
        """That of the run, which is made when it is needed."""
        found = context.memory.get(cls)
        if found is None:
            found = context.memory[cls] = cls(context.folder / f"{cls.__name__.lower()}.db")
            context.closing.callback(found.close)
        return found

    def close(self) -> None:
        self._db.close()
        self._path.unlink(missing_ok=True)


class Named(Scratch):
    """Contacts that got a Reference_ID."""

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        self._db.execute("CREATE TABLE contact (system_id TEXT PRIMARY KEY) WITHOUT ROWID")

    def note(self, system_ids: Iterable[str]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR IGNORE INTO contact VALUES (?)", ((each,) for each in system_ids))
        self._db.execute("COMMIT")

    def among(self, system_ids: Iterable[str]) -> set[str]:
        wanted = json.dumps(list(system_ids))
        return {each for (each,) in self._db.execute(_NAMED, (wanted,))}


class Names(Scratch):
    """Customers whose names or Reference_IDs are others than those that are stored."""

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        self._db.execute("CREATE TABLE customer (system_id TEXT PRIMARY KEY, name_key TEXT, company_name TEXT, "
                         "reference_id TEXT) WITHOUT ROWID")  # fmt: skip
        self._db.execute("CREATE INDEX customer_name_key ON customer (name_key)")

    def note(self, rows: Iterable[Row]) -> None:
        """Remember the customers that accepted rows have made, or by whose name others are found now, or are not."""
        noted = [[row.write[each] for each in _SHARED] for row in rows if row.outcome == CREATED or _changed(row)]
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO customer VALUES (?, ?, ?, ?)", noted)
        self._db.execute("COMMIT")

    def over(self, found: list[store.Stored], names: Iterable[str], account: int) -> list[Mapping[str, Any]]:
        """The customers with one of `names`, of which `found` are stored."""
        wanted = json.dumps(sorted(names)), json.dumps([record["system_id"] for record in found])
        noted = {each[0]: dict(zip(_SHARED, each, strict=True)) for each in self._db.execute(_FIND, wanted)}
        stored = store.fetch_by(Customer, account, "system_id", noted, hold=True)
        # One that is not stored was made by the file, with what else nobody has kept.
        fresh = store.defaults(Customer) | {"account": account}
        kept = [record for record in found if record["system_id"] not in noted]
        return [*kept, *({**stored.get(system_id, fresh), **each} for system_id, each in noted.items())]


def _changed(row: Row) -> bool:
    return row.outcome == UPDATED and any(row.write[each] != row.stored[each] for each in _SHARED[1:])  # type: ignore[index]
