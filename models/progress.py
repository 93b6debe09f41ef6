"""The statements of a running import: it says with each chunk how far it is, so they are prepared."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from peewee import JSONField, ModelUpdate

from models.export import EchoGuard
from models.prepared import Prepared, slot
from models.upload import ImportRun


def keep_run(number: int, owner: str, until: dt.datetime, **changes: object) -> bool:
    """Renew the lease of a run and set other attributes. False, and nothing is done: somebody else has it."""
    values = {name: _parameter(name, value) for name, value in {**changes, "lease_until": until}.items()}
    statement = _keeping(tuple(values))
    return bool(statement.run(mine=number, me=owner, **values).rowcount)


@contextmanager
def unechoed() -> Iterator[None]:
    """Within a transaction: the triggers leave the outbox alone. If it fails it is rolled back, guard and all."""
    guard = _GUARD.insert()
    yield
    _UNGUARD.run(guard=guard)


@cache
def _keeping(names: tuple[str, ...]) -> Prepared:
    def build() -> ModelUpdate:
        mine = (ImportRun.number == slot("mine")) & (ImportRun.lease_owner == slot("me"))
        return ImportRun.update({name: slot(name) for name in names}).where(mine)

    return Prepared(build)


def _parameter(name: str, value: Any) -> Any:
    field = ImportRun._meta.fields[name]
    # peewee wraps JSON into a call for SQLite, for which a slot has no place.
    return json.dumps(value, separators=(",", ":")) if isinstance(field, JSONField) else field.db_value(value)


_GUARD = Prepared(lambda: EchoGuard.insert())
_UNGUARD = Prepared(lambda: EchoGuard.delete().where(EchoGuard.id == slot("guard")))
