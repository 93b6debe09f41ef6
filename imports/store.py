"""Bulk reading and writing of records: few statements, each prepared once from peewee's models."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import peewee
from peewee import Model, ModelSelect

from imports.bulk import insert, one_parameter, quoted, update
from imports.stored import Layout, Stored, is_text
from models import database, is_postgres, now

__all__ = [
    "ADDRESS",
    "PARAMETERS",
    "STREAMED",
    "Stored",
    "ask",
    "columns_of",
    "defaults",
    "fetch",
    "fetch_by",
    "fresh",
    "in_order_made",
    "insert",
    "is_too_large",
    "one_parameter",
    "rows",
    "select",
    "several",
    "stream",
    "system_ids",
    "update",
]

PARAMETERS = 10_000
"""Values per query: SQLite takes 32,766 and Postgres 65,535."""
ADDRESS = "@address"
"""What `select` gives as if it were an attribute: where a record lies in its table; see imports.held."""
STREAMED = 1_000
"""Rows that `stream` fetches at once."""


def fetch(
    model: type[Model], account: int, field: str, values: Iterable[Any], *, hold: bool = False, **also: Iterable[Any]
) -> list[Stored]:
    """The records of `account` whose `field` is one of `values`, by attribute name (foreign keys as keys).

    `also` bounds further attributes in the same way; better by few values than by many. With `hold` nobody else changes
    them before the end of the transaction: what is compared with them, and what is laid over them, stays right.
    """
    wanted = {name: sorted({value for value in each if value}) for name, each in ({field: values} | also).items()}
    if not all(wanted.values()):
        return []
    layout = Layout(model)
    columns = ", ".join(quoted(each.column_name) for each in layout.fields)
    return [Stored(layout, raw) for raw in _select(model, columns, account, wanted, hold)]


def _select(
    model: type[Model], columns: str, account: int, wanted: Mapping[str, Sequence[Any]], hold: bool
) -> list[tuple[Any, ...]]:
    """Rows by the values that attributes may have, which go as one parameter, however many they are.

    To hold them on SQLite nothing is needed: who writes has the whole database.
    """
    fields = model._meta.fields
    among = "= ANY(%s)" if is_postgres() else "IN (SELECT value FROM json_each(?))"
    conditions = " AND ".join(f"{quoted(fields[name].column_name)} {among}" for name in wanted)
    # SQLite knows nothing of the sizes of indexes: it would go through all of an account rather than by the keys.
    hidden = "+" if not is_postgres() and any(_leads(model, name) for name in wanted) else ""  # type: ignore[arg-type]
    own = f"{hidden}{quoted(fields['account'].column_name)} = {'%s' if is_postgres() else '?'}"
    table = quoted(model._meta.table_name)
    if len(wanted) == 1 and not is_postgres():  # a set of the values, for IN, would cost a tenth more
        ((name, values),) = wanted.items()
        if _nothing_between(model, name, account, values[0], values[-1]):
            return []
        sql = (f"SELECT {columns} FROM (SELECT value AS wanted FROM json_each(?)) CROSS JOIN {table} "
               f"ON {quoted(fields[name].column_name)} = wanted WHERE {own}")  # fmt: skip
        return ask(sql, (json.dumps(values), account))
    held = " FOR NO KEY UPDATE" if hold and is_postgres() else ""
    sql = f"SELECT {columns} FROM {table} WHERE {own} AND {conditions}{held}"
    return ask(sql, (account, *(list(each) if is_postgres() else json.dumps(each) for each in wanted.values())))


def _nothing_between(model: type[Model], name: str, account: int, first: Any, last: Any) -> bool:
    """Whether SQLite surely has no record with a value from `first` to `last`: of new keys behind all that are stored,
    as sorted files bring them, one look tells as much as one for each. It sorts plain texts as Python does."""
    fields = model._meta.fields
    plain = is_text(fields[name]) and not fields[name].collation
    if not (plain and any(names[:2] == ("account", name) for names, _ in model._meta.indexes)):
        return False
    sql = (f"SELECT 1 FROM {quoted(model._meta.table_name)} WHERE {quoted(fields['account'].column_name)} = ? AND "
           f"{quoted(fields[name].column_name)} BETWEEN json_extract(?, '$[0]') AND json_extract(?, '$[1]') "
           "LIMIT 1")  # fmt: skip
    return not ask(sql, (account, *[json.dumps([first, last])] * 2))


def ask(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows that a statement gives, as the driver makes them; JSON as text."""
    cursor = database.connection().cursor()
    try:
        with peewee.__exception_wrapper__:
            if is_postgres():
                from psycopg.types.string import TextLoader  # takes long to load, and SQLite needs none of it

                for kind in ("json", "jsonb"):  # read when somebody asks
                    cursor.adapters.register_loader(kind, TextLoader)
            cursor.execute(sql, parameters)
            found: list[tuple[Any, ...]] = cursor.fetchall()
    finally:
        cursor.close()
    return found


@cache
def _leads(model: type[Model], name: str) -> bool:
    """Whether an index begins with the attribute, so that it is found without the account."""
    field = model._meta.fields[name]
    return bool(field.primary_key or field.index or field.unique) or any(
        names[0] == name for names, _ in model._meta.indexes
    )


def fetch_by(
    model: type[Model], account: int, field: str, values: Iterable[Any], *, hold: bool = False
) -> dict[Any, Stored]:
    """The same, by the value of `field`, which is unique within an account."""
    return {record[field]: record for record in fetch(model, account, field, values, hold=hold)}


def select(
    model: type[Model],
    names: Sequence[str],
    account: int,
    wanted: Mapping[str, Iterable[str]],
    *,
    hold: bool = False,
) -> list[tuple[Any, ...]]:
    """Some attributes, as they lie in the table, of the records that have one of the texts in each of `wanted`."""
    among = {name: _possible(texts) for name, texts in wanted.items()}
    return _select(model, columns_of(model, names), account, among, hold) if all(among.values()) else []


def columns_of(model: type[Model], names: Sequence[str]) -> str:
    """Attributes, and ADDRESS, as a statement names them."""
    address = f"{quoted(model._meta.table_name)}.{'ctid' if is_postgres() else 'rowid'}"
    return ", ".join(address if name == ADDRESS else quoted(model._meta.fields[name].column_name) for name in names)


def several(texts: Iterable[str]) -> list[str] | str:
    """Texts as one parameter, for `= ANY` on Postgres and json_each on SQLite."""
    possible = _possible(texts)
    return possible if is_postgres() else json.dumps(possible)


def _possible(texts: Iterable[str]) -> list[str]:
    """What a record may hold, once each: Postgres refuses the question for a text with a NUL, which none does."""
    found = dict.fromkeys(texts)  # in their order: most files are sorted
    for nothing in (None, ""):
        found.pop(nothing, None)  # type: ignore[arg-type]
    return sorted(text for text in found if "\0" not in text) if "\0" in "".join(found) else sorted(found)


def system_ids(model: type[Model], account: int, field: str, values: Iterable[Any]) -> dict[str, str]:
    """The System IDs of the records that have one of `values` in `field`, by it."""
    return dict(select(model, (field, "system_id"), account, {field: values}))


def in_order_made(model: type[Model], account: int) -> ModelSelect:
    """All records of an account by System ID, which is the order in which they were made, ready for `stream`."""
    key = model._meta.fields["account"]
    # SQLite would find them by an index of the account and sort them in memory. A key that is reckoned has no index,
    # so it walks along the System IDs instead, past the records of others.
    mine = (key == account) if is_postgres() else (key + 0 == account)
    return model.select().where(mine).order_by(model._meta.fields["system_id"])


def stream(query: ModelSelect) -> Generator[Any, None, None]:
    """The rows of a query, as `rows` gives them, in memory that does not grow with their number.

    On Postgres by a cursor of the server's, within a transaction: the driver would fetch all rows at once.
    """
    if not is_postgres():
        yield from rows(query)
        return
    with database.atomic(), database.connection().cursor(name=f"stream_{uuid.uuid4().hex}") as cursor:
        cursor.itersize = STREAMED
        with peewee.__exception_wrapper__:
            cursor.execute(*query.sql())
            yield from _read(query, cursor)


def rows(query: ModelSelect) -> Iterator[Any]:
    """The rows of a query. A value that can't be read, because a program has stored what is none, is as it lies there:
    of one record that is wrong the others know nothing."""
    return _read(query, database.execute(query))


def _read(query: ModelSelect, cursor: Any) -> Iterator[Any]:
    usual, lenient = query._get_cursor_wrapper(cursor), query._get_cursor_wrapper(cursor)
    for wrapper in (usual, lenient):
        wrapper.initialize()
    lenient.converters = [each and partial(_if_it_can, each) for each in lenient.converters]
    for row in cursor:
        try:
            read = usual.process_row(row)
        except _UNREADABLE:
            read = lenient.process_row(row)
        yield read


_UNREADABLE = (ArithmeticError, TypeError, ValueError)


def _if_it_can(convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except _UNREADABLE:
        return value


def is_too_large(error: peewee.OperationalError) -> bool:
    """Whether Postgres refused a value that no index or page can hold (class 54), which it calls operational."""
    return str(getattr(getattr(error, "orig", None), "sqlstate", "")).startswith("54")


def defaults(model: type[Model]) -> dict[str, Any]:
    """A fresh record of `model`: every attribute with its default, None where there is none."""
    return fresh(model, now())


def fresh(model: type[Model], moment: dt.datetime) -> dict[str, Any]:
    """The same, made at `moment`."""
    constants, makers = _defaults(model)  # type: ignore[arg-type]
    record = constants.copy()
    for name, make in makers:
        record[name] = moment if make is now else make()
    return record


@cache
def _defaults(model: type[Model]) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]]]:
    """What is the same in all fresh records, and what makes the rest."""
    fields = model._meta.fields.items()
    constants = {name: None if callable(field.default) else field.default for name, field in fields}
    return constants, [(name, field.default) for name, field in fields if callable(field.default)]
