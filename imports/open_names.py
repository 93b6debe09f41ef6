"""Open columns keep the spelling of their first file: `Price: Retail` and `price: RETAIL` are one column."""

from __future__ import annotations

from dataclasses import replace

from imports.reading import Column, FileShape
from models import OpenName
from schemas import match_key


def settle(shape: FileShape, account: int, entity: str, *, keep: bool) -> FileShape:
    """The shape with its open columns named as the account's earlier files did; `keep` remembers new names."""
    opened = [column for column in shape.columns if column.kind == "open"]
    if not opened:
        return shape
    if keep:
        _remember(opened, account, entity)
    query = OpenName.select(OpenName.prefix, OpenName.key, OpenName.name)
    known = {(prefix, key): name for prefix, key, name in
             query.where((OpenName.account == account) & (OpenName.entity == entity)).tuples()}  # fmt: skip
    return replace(shape, columns=tuple(_settled(column, known) for column in shape.columns))


def _key(column: Column) -> str:
    return match_key(column.open_name) or column.open_name


def _remember(columns: list[Column], account: int, entity: str) -> None:
    rows = [{"account": account, "entity": entity, "prefix": column.open_prefix, "key": _key(column),
             "name": column.open_name} for column in columns]  # fmt: skip
    OpenName.insert_many(rows).on_conflict_ignore().execute()


def _settled(column: Column, known: dict[tuple[str, str], str]) -> Column:
    name = known.get((column.open_prefix, _key(column)), column.open_name)
    if column.kind != "open" or name == column.open_name:
        return column
    return replace(column, open_name=name, name=f"{column.open_prefix}: {name}")
