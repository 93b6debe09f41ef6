"""The bare limit: the csv module and one upsert. It ends with the same stored data as an import, and does no more.

Nothing is checked, looked up, told apart or reported; faulty rows are stored as they are where the database takes them,
and an empty cell overwrites what is stored.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import psycopg
import uuid_utils

from bench.apart import Cost, stopwatch
from bench.partner_files import COLLECTION

CHUNK = {"sqlite": 5_000, "postgres": 20_000}
"""Rows of a transaction, as an import has them. On Postgres more gain nothing.

On SQLite 10,000 take a sixth longer, one transaction for a whole file half as long again; 1,250 take a twentieth less,
and rows that are made as they are stored (`STREAMED`) up to a tenth: they have not left the processor's caches by then.
"""
STREAMED = "bare upsert, streamed"
NOW = "2026-01-01T00:00:00.000000+00:00"

Values = tuple[str | None, ...]
Ids = dict[str, str]
"""Name of a category or the collection to its System ID."""


@dataclass(frozen=True, slots=True)
class Target:
    """A table and its columns behind the System ID; the first `keys` of them are the key."""

    table: str
    columns: tuple[str, ...]
    keys: int
    product: str = "{}"
    """How a key becomes what is stored."""
    types: frozenset[str] = frozenset()
    """The columns that are no texts on Postgres, as `column type`."""


PRODUCT = Target(
    "product",
    ("sku_id", "reference_id", "name", "description", "status", "categories", "collections", "moq", "ioq", "uom",
     "barcode", "weight", "media", "prices", "attributes"),
    1,
    types=frozenset({"categories jsonb", "collections jsonb", "moq numeric", "ioq numeric", "weight numeric",
                     "media jsonb", "prices jsonb", "attributes jsonb"}),
)  # fmt: skip
STOCK = Target(
    "inventory",
    ("product_id", "warehouse", "available_quantity", "on_order_quantity", "on_order_eta", "back_order_allowed",
     "back_order_limit"),
    2,
    product="(SELECT system_id FROM product WHERE account_id = 1 AND sku_id = {})",
    types=frozenset({"available_quantity numeric", "on_order_quantity jsonb", "on_order_eta jsonb",
                     "back_order_allowed boolean", "back_order_limit numeric"}),
)  # fmt: skip
TARGETS = {"product": PRODUCT, "inventory": STOCK}


def bare(url: str, entity: str, path: Path, ids: Ids, streamed: bool = False) -> Cost:
    """In a process of its own: store the file; on SQLite maybe without making a list of each transaction's rows."""
    target = TARGETS[entity]
    with stopwatch() as cost, path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        values = products(rows, ids) if entity == "product" else stock(rows)
        if url.startswith("sqlite"):
            _sqlite(url, target, values, streamed)
        else:
            _postgres(url, target, values)
    return cost


def products(rows: Iterator[list[str]], ids: Ids) -> Iterator[Values]:
    categories = {
        text: _packed([ids[name] for name in text.split("|")]) for text in ("Tableware > Cups", "Tableware|Lamps")
    }
    collections = {"": "[]", COLLECTION: _packed([ids[COLLECTION]])}
    uuid7 = uuid_utils.uuid7
    for (sku, reference, name, description, status, category, collection, moq, ioq, uom, barcode, weight, media,
         retail, dealer, export, color, size, material, season) in rows:  # fmt: skip
        yield (str(uuid7()), sku, reference, name, description, status.lower(), categories[category],
               collections[collection], moq, ioq, uom, barcode, weight, f'["{media}"]',
               f'{{"Retail":"{retail}","Dealer":"{dealer}","Export":"{export}"}}',
               f'{{"Color":"{color}","Size":"{size}","Material":"{material}"' +
               (f',"Season":"{season}"}}' if season else "}"))  # fmt: skip


def stock(rows: Iterator[list[str]]) -> Iterator[Values]:
    uuid7 = uuid_utils.uuid7
    for sku, warehouse, available, ordered, eta, allowed, limit, _ in rows:
        # Postgres would refuse the chunk.
        if available.isdigit():
            yield (str(uuid7()), sku, warehouse, available, _packed(ordered.split("|")) if ordered else "[]",
                   _packed(eta.split("|")) if eta else "[]", "1" if allowed == "Y" else "0", limit or None)  # fmt: skip


def _packed(items: list[str]) -> str:
    return '["' + '","'.join(items) + '"]'


def _upsert(target: Target, select: str) -> str:
    key = ", ".join((() if target.keys > 1 else ("account_id",)) + target.columns[: target.keys])
    changed = ", ".join(f"{name} = excluded.{name}" for name in (*target.columns[target.keys :], "updated_at"))
    return (f"INSERT INTO {target.table} (system_id, {', '.join(target.columns)}, account_id, created_at, updated_at) "
            f"{select} ON CONFLICT ({key}) DO UPDATE SET {changed}")  # fmt: skip


def _sqlite(url: str, target: Target, values: Iterator[Values], streamed: bool) -> None:
    places = ", ".join(["?", target.product.format("?"), *["?"] * (len(target.columns) - 1)])
    sql = _upsert(target, f"VALUES ({places}, 1, '{NOW}', '{NOW}')")
    database = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    # As ours; WAL is the file's own.
    database.executescript("PRAGMA synchronous = full; PRAGMA foreign_keys = on")
    for first in values:
        chunk = chain((first,), islice(values, CHUNK["sqlite"] - 1))
        rows = chunk if streamed else list(chunk)
        database.execute("BEGIN IMMEDIATE")
        database.executemany(sql, rows)
        database.execute("COMMIT")
    database.close()


def _postgres(url: str, target: Target, values: Iterator[Values]) -> None:
    types = dict(each.split() for each in target.types)
    casts = [f"{name}::{types.get(name, 'text')}" for name in target.columns[1:]]
    select = ", ".join(["system_id", target.product.format(target.columns[0]), *casts])
    sql = _upsert(target, f"SELECT {select}, 1, '{NOW}'::timestamptz, '{NOW}'::timestamptz FROM staging")
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        names = ", ".join(f"{name} text" for name in ("system_id", *target.columns))
        cursor.execute(f"CREATE TEMP TABLE staging ({names})")
        while chunk := list(islice(values, CHUNK["postgres"])):
            with cursor.copy("COPY staging FROM STDIN") as copy:
                # One statement must not meet a key twice.
                for row in {row[1 : 1 + target.keys]: row for row in chunk}.values():
                    copy.write_row(row)
            cursor.execute(sql)
            cursor.execute("TRUNCATE staging")
            connection.commit()
