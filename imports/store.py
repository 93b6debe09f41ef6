"""Bulk reading and writing of records: few statements, each prepared once from peewee's models."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

import peewee
from peewee import Field, JSONField, Model, ModelSelect

from models import database, is_postgres

PARAMETERS = 10_000
"""Values per query: SQLite takes 32,766 and Postgres 65,535."""
STREAMED = 1_000
"""Rows that `stream` fetches at once."""


def fetch(model: type[Model], account: int, field: str, values: Iterable[Any]) -> list[dict[str, Any]]:
    """The records of `account` whose `field` is one of `values`, as dicts by attribute name (foreign keys as keys)."""
    wanted = list(dict.fromkeys(value for value in values if value))
    found: list[dict[str, Any]] = []
    for start in range(0, len(wanted), PARAMETERS):
        query = model.select().where(
            (model._meta.fields["account"] == account)
            & model._meta.fields[field].in_(wanted[start : start + PARAMETERS])
        )
        found.extend(query.dicts())
    return found


def fetch_by(model: type[Model], account: int, field: str, values: Iterable[Any]) -> dict[Any, dict[str, Any]]:
    """The same, by the value of `field`, which is unique within an account."""
    return {record[field]: record for record in fetch(model, account, field, values)}


def system_ids(model: type[Model], account: int, field: str, values: Sequence[str]) -> dict[str, str]:
    """The System IDs of the records that have one of `values` (PARAMETERS at the most) in `field`, by it."""
    columns = model._meta.fields
    wanted = [value for value in values if "\0" not in value]  # Postgres refuses the question, not only the value.
    query = model.select(columns[field], columns["system_id"])
    return dict(query.where((columns["account"] == account) & columns[field].in_(wanted)).tuples())


def in_order_made(model: type[Model], account: int) -> ModelSelect:
    """All records of an account by System ID, which is the order in which they were made, ready for `stream`."""
    key = model._meta.fields["account"]
    # SQLite would find them by an index of the account and sort them in memory. A key that is reckoned has no index,
    # so it walks along the System IDs instead, past the records of others.
    mine = (key == account) if is_postgres() else (key + 0 == account)
    return model.select().where(mine).order_by(model._meta.fields["system_id"])


def stream(query: ModelSelect) -> Generator[Any, None, None]:
    """The rows of a query one by one, in memory that does not grow with their number.

    On Postgres by a cursor of the server's, within a transaction: the driver would fetch all rows at once.
    """
    if not is_postgres():
        yield from query.iterator()
        return
    with database.atomic(), database.connection().cursor(name=f"stream_{uuid.uuid4().hex}") as cursor:
        cursor.itersize = STREAMED
        with peewee.__exception_wrapper__:
            cursor.execute(*query.sql())
            wrapper = query._get_cursor_wrapper(cursor)
            wrapper.initialize()
            yield from map(wrapper.process_row, cursor)


def is_too_large(error: peewee.OperationalError) -> bool:
    """Whether Postgres refused a value that no index or page can hold (class 54), which it calls operational."""
    return str(getattr(getattr(error, "orig", None), "sqlstate", "")).startswith("54")


def _quoted(name: str) -> str:
    return f'"{name}"'


def _converter(field: Field) -> Callable[[Any], Any]:
    """What makes a parameter of an attribute's value."""
    if isinstance(field, JSONField) and not is_postgres():
        # peewee wraps the value into a call of json(), which a prepared statement has no place for.
        return _json_text
    converter: Callable[[Any], Any] = field.db_value
    return converter


def _json_text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parameter() -> str:
    return "%s" if is_postgres() else "?"


def _execute_many(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    cursor = database.connection().cursor()
    try:
        # peewee maps a driver's errors onto its own only within execute_sql; the handlers know peewee's.
        with peewee.__exception_wrapper__:
            cursor.executemany(sql, rows)
    finally:
        cursor.close()


def insert(model: type[Model], records: Sequence[Mapping[str, Any]]) -> None:
    """Insert `records`, each with every attribute of the model but an automatic key."""
    if not records:
        return
    fields: list[Field] = [model._meta.fields[name] for name in records[0]]
    columns = ", ".join(_quoted(field.column_name) for field in fields)
    places = ", ".join([_parameter()] * len(fields))
    sql = f"INSERT INTO {_quoted(model._meta.table_name)} ({columns}) VALUES ({places})"
    converters = [(field, _converter(field)) for field in fields]
    _execute_many(sql, [[to_value(record[field.name]) for field, to_value in converters] for record in records])


def update(model: type[Model], key: str, records: Sequence[Mapping[str, Any]]) -> None:
    """Set all attributes of `records`, each with the same ones, where `key` has the record's value."""
    if not records:
        return
    fields: list[Field] = [model._meta.fields[name] for name in records[0] if name != key]
    assignments = ", ".join(f"{_quoted(field.column_name)} = {_parameter()}" for field in fields)
    key_field = model._meta.fields[key]
    sql = (f"UPDATE {_quoted(model._meta.table_name)} SET {assignments} "
           f"WHERE {_quoted(key_field.column_name)} = {_parameter()}")  # fmt: skip
    converters = [(field, _converter(field)) for field in [*fields, key_field]]
    _execute_many(sql, [[to_value(record[field.name]) for field, to_value in converters] for record in records])


def defaults(model: type[Model]) -> dict[str, Any]:
    """A fresh record of `model`: every attribute with its default, None where there is none."""
    fresh: dict[str, Any] = {}
    for name, field in model._meta.fields.items():
        fresh[name] = field.default() if callable(field.default) else field.default
    return fresh
