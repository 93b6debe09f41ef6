"""Records to be changed are asked for where they were seen a moment ago, which needs no index of their keys.

SQLite calls the place `rowid` and Postgres `ctid`, which is that of one version of a record. Whatever changes or moves
a record may leave another one there, or none; so a place counts only together with the System ID, and who is not there
is asked for by that. On Postgres what lies there instead, of the same account, is held as well.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from peewee import Model

from imports.arrays import literal
from imports.bulk import quoted
from imports.store import ADDRESS, ask, columns_of, select
from models import is_postgres


def held(
    model: type[Model], names: Sequence[str], account: int, ids: Sequence[str], addresses: Sequence[Any]
) -> dict[str, Sequence[Any]]:
    """By System ID the address and some attributes of records, as they lie in the table. Nobody else changes them
    before the end of the transaction: what is compared with them stays right. `addresses`: where they were, or None.
    """
    wanted = ("system_id", ADDRESS, *names)
    known = {address: key for address, key in zip(addresses, ids, strict=True) if address is not None}
    there = _select_at(model, columns_of(model, wanted), account, list(known)) if known else []
    found: dict[str, Sequence[Any]] = {row[0]: row[1:] for row in there if known.get(row[1]) == row[0]}
    if moved := set(ids).difference(found):
        found |= {row[0]: row[1:] for row in select(model, wanted, account, {"system_id": moved}, hold=True)}
    return found


def _select_at(model: type[Model], columns: str, account: int, addresses: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What lies at some addresses, by these alone: an index of the account would lead to all that it has.

    To hold it on SQLite nothing is needed: who writes has the whole database.
    """
    table, own = quoted(model._meta.table_name), quoted(model._meta.fields["account"].column_name)
    if is_postgres():
        sql = f"SELECT {columns} FROM {table} WHERE ctid = ANY(%s::tid[]) AND {own} + 0 = %s FOR NO KEY UPDATE"
        return ask(sql, (literal(addresses), account))
    sql = (f"SELECT {columns} FROM (SELECT value AS wanted FROM json_each(?)) CROSS JOIN {table} "
           f"ON {table}.rowid = wanted WHERE +{own} = ?")  # fmt: skip
    return ask(sql, (json.dumps(addresses), account))
