"""The plain way with our own schema and models: Schema.load(many) and insert_many().on_conflict(), chunk by chunk."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

import models
from bench.apart import Cost, stopwatch
from bench.bare import Ids
from models import Product, transaction
from schemas.product import ProductSchema

CHUNK, STATEMENT = 5_000, 1_000
"""Rows of a transaction, and of a statement, whose parameters SQLite limits."""
REFERENCES = ("categories", "collections")
KEY = [Product.account, Product.sku_id]
UNCHANGED = {"system_id", "created_at", "row_hash", "account", "sku_id"}
"""What a row of the file does not change."""
KEPT = [field for field in Product._meta.sorted_fields if field.name not in UNCHANGED]


def plain_way(url: str, path: Path, ids: Ids) -> Cost:
    """In a process of its own: store the good rows of a file of products."""
    schema = ProductSchema()
    models.bind(url).connect()
    with stopwatch() as cost, path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        while chunk := list(islice(rows, CHUNK)):
            _store([_record(each, ids) for each in _checked(schema, chunk)])
    models.database.close()
    return cost


def _checked(schema: ProductSchema, rows: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    """The values of the good rows."""
    fixed = [{name: cell for name, cell in row.items() if cell and name in schema.columns} for row in rows]
    try:
        loaded, faults = schema.load(fixed, many=True), {}
    except ValidationError as error:
        loaded, faults = error.valid_data, error.messages_dict
    for number, (row, values) in enumerate(zip(rows, loaded, strict=True)):
        if number in faults:
            continue
        try:
            yield {**values, **_open(schema, row)}
        except ValidationError:
            continue


def _open(schema: ProductSchema, row: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {
        column.attribute: {
            name.removeprefix(f"{column.prefix}: "): column.field.pack(column.field.deserialize(cell))
            for name, cell in row.items()
            if cell and name.startswith(f"{column.prefix}: ")
        }
        for column in schema.open_columns
    }


def _record(values: dict[str, Any], ids: Ids) -> dict[str, Any]:
    found = {name: [ids[each] for each in values.get(name) or ()] for name in REFERENCES}
    return {**values, **found, "account": 1}


def _store(records: list[dict[str, Any]]) -> None:
    with transaction():
        for first in range(0, len(records), STATEMENT):
            query = Product.insert_many(records[first : first + STATEMENT])
            query.on_conflict(conflict_target=KEY, preserve=KEPT).execute()
