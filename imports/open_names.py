"""Open columns keep the spelling of their first file: `Price: Retail` and `price: RETAIL` are one column."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from imports.reading import Column, FileShape
from models import OpenName
from schemas import open_key


def settle(shape: FileShape, account: int, entity: str, *, keep: bool) -> FileShape:
    """The shape with its open columns named as the account's earlier files did; `keep` remembers new names."""
    opened = [column for column in shape.columns if column.kind == "open"]
    if not opened:
        return shape
    if keep:
        _remember([(column.open_prefix, column.open_name) for column in opened], account, entity)
    known = _known(account, entity)
    return replace(shape, columns=tuple(_settled(column, known) for column in shape.columns))


def spelled(account: int, entity: str, prefix: str, names: Iterable[str], *, keep: bool = True) -> dict[str, str]:
    """What each of these names, which no file brought, is called by the account's files; `keep` remembers new ones."""
    wanted = list(dict.fromkeys(names))
    if wanted and keep:
        _remember([(prefix, name) for name in wanted], account, entity)
    known = _known(account, entity)
    return {name: known.get((prefix, open_key(name)), name) for name in wanted}


def _known(account: int, entity: str) -> dict[tuple[str, str], str]:
    query = OpenName.select(OpenName.prefix, OpenName.key, OpenName.name)
    found = query.where((OpenName.account == account) & (OpenName.entity == entity)).tuples()
    return {(prefix, key): name for prefix, key, name in found}


def _remember(columns: list[tuple[str, str]], account: int, entity: str) -> None:
    known = _known(account, entity)
    columns = [(prefix, name) for prefix, name in columns if (prefix, open_key(name)) not in known]
    if not columns:  # nothing to be written: others may be at it
        return
    rows = [{"account": account, "entity": entity, "prefix": prefix, "key": open_key(name), "name": name}
            for prefix, name in columns]  # fmt: skip
    OpenName.insert_many(rows).on_conflict_ignore().execute()


def _settled(column: Column, known: dict[tuple[str, str], str]) -> Column:
    name = known.get((column.open_prefix, open_key(column.open_name)), column.open_name)
    if column.kind != "open" or name == column.open_name:
        return column
    return replace(column, open_name=name, name=f"{column.open_prefix}: {name}")
