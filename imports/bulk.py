"""Bulk writing of records: column by column into parameters, then one statement for all of them."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from json.encoder import c_make_encoder, encode_basestring  # type: ignore[attr-defined]
from typing import Any

import peewee
from peewee import Field, ForeignKeyField, JSONField, Model

from imports import arrays
from imports.stored import is_text
from models import database, is_postgres
from models.base import ExactDecimalField, UTCField

Records = Sequence[Mapping[str, Any]]
Column = Sequence[Any]

_TEXTS = frozenset({str, type(None)})
_NUMBERS = frozenset({int})
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
# What JSONEncoder.encode makes anew for each value.
_pieces: Callable[[Any, int], Iterable[str]] = c_make_encoder(
    None, _encoder.default, encode_basestring, None, ":", ",", False, False, True
)


def quoted(name: str) -> str:
    return f'"{name}"'


def insert(model: type[Model], records: Records) -> None:
    """Insert `records`, each with every attribute of the model but an automatic key."""
    if not records:
        return
    fields: list[Field] = [model._meta.fields[name] for name in records[0]]
    columns = _columns(fields, records)
    names = [quoted(field.column_name) for field in fields]
    if is_postgres() and arrays.insert(quoted(model._meta.table_name), names, columns):
        return
    places = ", ".join([_parameter()] * len(fields))
    sql = f"INSERT INTO {quoted(model._meta.table_name)} ({', '.join(names)}) VALUES ({places})"
    _execute_many(sql, columns)


def ready_columns(columns: Mapping[str, Column]) -> Mapping[str, Column]:
    """The same for `insert_columns`, which then has less to do before the database begins."""
    return {name: arrays.joined(values) for name, values in columns.items()} if is_postgres() else columns


def insert_columns(
    model: type[Model],
    columns: Mapping[str, Column],
    constants: Mapping[str, Any],
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Insert records by the column: parameters by attribute, and of the other attributes one value for all records.

    The columns may be ready.
    `meanwhile` is called while a server of its own works on them; it must not use the database.
    """
    fields = model._meta.fields
    shared = {name: one_parameter(fields[name], value) for name, value in constants.items()}
    names = [quoted(fields[name].column_name) for name in (*columns, *shared)]
    table = quoted(model._meta.table_name)
    if is_postgres():
        arrays.insert_columns(table, names, list(columns.values()), list(shared.values()), meanwhile)
        return
    places = ", ".join([*["?"] * len(columns), *_literals(shared.values())])
    _execute_many(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", list(columns.values()))


def sorted_by(keys: Sequence[str], columns: Mapping[str, Column]) -> Mapping[str, Column]:
    """The rows in the order of their keys: neighbours in an index that are written together cost it half."""
    if sorted(keys) == list(keys):
        return columns
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return {name: [values[place] for place in order] for name, values in columns.items()}


def update_columns(model: type[Model], columns: Mapping[str, Column], constants: Mapping[str, Any]) -> None:
    """Set attributes of records by the column, others to one value, in a transaction. The last two columns, `system_id`
    and the address (see imports.held), name the records."""
    fields = model._meta.fields
    shared = {name: one_parameter(fields[name], value) for name, value in constants.items()}
    names = [quoted(fields[name].column_name) for name in (*list(columns)[:-2], *shared)]
    table = quoted(model._meta.table_name)
    *given, addresses = columns.values()
    with database.atomic() as savepoint:
        if _update_columns(table, names, given, list(shared.values()), addresses) == len(addresses):
            return
        savepoint.rollback()  # or the same twice would count as a change by somebody else
    _update_columns(table, names, given, list(shared.values()), None)


def _update_columns(
    table: str, names: Sequence[str], columns: Sequence[Column], constants: Sequence[Any], addresses: Column | None
) -> int:
    """How many records were found by System ID, the last column, and by where they lie if that is given."""
    if is_postgres():
        return arrays.update_columns(table, names, columns, constants, addresses)
    places = [*["?"] * (len(columns) - 1), *_literals(constants)]
    assignments = ", ".join(f"{name} = {place}" for name, place in zip(names, places, strict=True))
    sql = f"UPDATE {table} SET {assignments} WHERE"
    if addresses is None:
        return _execute_many(f"{sql} system_id = ?", columns)
    return _execute_many(f"{sql} +system_id = ? AND rowid = ?", [*columns, addresses])


def update(model: type[Model], key: str, records: Records) -> None:
    """Set the attributes of `records`, each with the same ones, where `key` has the record's value.

    Of records that are ChainMaps, what was changed over what is stored, only attributes that some record changes.
    """
    if not records:
        return
    fields = [model._meta.fields[name] for name in _changed(records) if name != key]
    key_field = model._meta.fields[key]
    columns = _columns([*fields, key_field], records)
    table, names = quoted(model._meta.table_name), [quoted(field.column_name) for field in (*fields, key_field)]
    if is_postgres() and arrays.update(table, names, columns):
        return
    assignments = ", ".join(f"{name} = {_parameter()}" for name in names[:-1])
    _execute_many(f"UPDATE {table} SET {assignments} WHERE {names[-1]} = {_parameter()}", columns)


def _changed(records: Records) -> list[str]:
    if not all(isinstance(record, ChainMap) for record in records):
        return list(records[0])
    changed = {name for record in records if isinstance(record, ChainMap) for name in record.maps[0]}
    return sorted(changed)


def _literals(values: Iterable[Any]) -> list[str]:
    """As SQLite itself writes them. To bind the same values for each record takes 7 % of an insert's time."""
    given = list(values)
    asked = f"SELECT {', '.join(['quote(?)'] * len(given))}"
    return list(database.execute_sql(asked, given).fetchone()) if given else []


def _parameter() -> str:
    return "%s" if is_postgres() else "?"


def _execute_many(sql: str, columns: Sequence[Iterable[Any]]) -> int:
    """Returns how many rows were changed."""
    cursor = database.connection().cursor()
    try:
        # peewee maps a driver's errors onto its own only within execute_sql; the handlers know peewee's.
        with peewee.__exception_wrapper__:
            cursor.executemany(sql, zip(*columns, strict=False))
            return int(cursor.rowcount)
    finally:
        cursor.close()


def _columns(fields: Sequence[Field], records: Records) -> list[Column]:
    """The parameters of all records, by field."""
    return [_parameters(field, [record[field.name] for record in records]) for field in fields]


def _parameters(field: Field, values: list[Any]) -> Column:
    """Parameters of a column's values; what a field does in Python is left out where it does nothing."""
    types = set(map(type, values))
    if (types <= _TEXTS and is_text(field)) or (types <= _NUMBERS and _is_number(field)):
        return values
    if isinstance(field, JSONField) and field._dumps is json.dumps:
        # On SQLite peewee wraps the value into a call of json(), which a prepared statement has no place for.
        return [None if value is None else as_json(value) for value in values]
    if type(field) is ExactDecimalField and types <= {Decimal, type(None)}:
        return [None if value is None else exact(value) for value in values]
    if type(field) is UTCField:
        return _each_once(field.db_value, values)
    if type(field) is ExactDecimalField:
        return [_exactly(field, value) for value in values]
    return [field.db_value(value) for value in values]


def _exactly(field: Field, value: Any) -> Any:
    """What is no number was written by another program, and stays as long as no row gives one."""
    try:
        return field.db_value(value)
    except ArithmeticError:
        return value


def one_parameter(field: Field | None, value: Any) -> Any:
    """The parameter of one value; without a field, the value itself."""
    return value if field is None else _parameters(field, [value])[0]


def _is_number(field: Field) -> bool:
    if isinstance(field, ForeignKeyField):
        return _is_number(field.rel_field)
    return type(field) in (peewee.AutoField, peewee.IntegerField, peewee.BigIntegerField)


def as_json(value: Any) -> str:
    """JSON as it is stored: no blanks, letters as they are."""
    return "".join(_pieces(value, 0))


def exact(value: Decimal) -> str:
    """A decimal as digits, without an exponent."""
    text = str(value)
    return format(value, "f") if "E" in text else text


def _each_once(convert: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    """The records of a chunk mostly share one moment."""
    known = {id(value): convert(value) for value in {id(value): value for value in values}.values()}
    return [known[id(value)] for value in values]
