"""A full export of products, written as `ftpdock export` does: rows a second and the most memory that it takes.

The peak must not grow with the number of rows.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import models
from bench.apart import Cost, apart, stopwatch
from bench.figures import Figure
from bench.homes import TITLES, engine, home
from exports.full_file import write_full
from handlers.registry import Registry
from imports import store
from models import Account, Product
from settings import load

GROWTH = 1.1
"""How much more memory the large export may take than the small one."""
CHUNK = 10_000


def measure(few: int, many: int, engines: tuple[str, ...]) -> list[Figure]:
    figures = []
    for each in engines:
        with tempfile.TemporaryDirectory(prefix="ftpdock-bench-") as folder, engine(each) as server:
            small, large = (_export(Path(folder), server, rows) for rows in (few, many))
        name, fewer = TITLES[each], f"{few:,} rows"
        figures += [
            Figure(f"{name}: full export of {many:,} rows", many / large.seconds, "rows/s"),
            Figure(
                f"{name}: memory of a full export",
                large.peak / 1e6,
                "MB",
                {fewer: small.peak / 1e6},
                fewer,
                GROWTH,
                at_most=True,
            ),
        ]
    return figures


def _export(folder: Path, server: str | None, rows: int) -> Cost:
    with home(folder, server) as (settings, account):
        for first in range(0, rows, CHUNK):
            with models.transaction():
                numbers = range(first, min(first + CHUNK, rows))
                store.insert(Product, [_product(account.id, number) for number in numbers])
        return apart(export, settings.home, settings.database_url)


def _product(account: int, number: int) -> dict[str, object]:
    record = store.defaults(Product)
    return record | {"account": account, "system_id": models.new_system_id(), "sku_id": f"S{number:08}",
                     "name": f"Product {number}", "description": "A text of some length. " * 10,
                     "media": ["https://example.com/cup.jpg"], "prices": {"Retail": "7.90"},
                     "attributes": {"Color": "white", "Size": str(number % 50)}}  # fmt: skip


def export(home: Path, url: str) -> Cost:
    """In a process of its own: write one."""
    settings = load(home, environ={}, database=url)
    models.bind(url).connect()
    with stopwatch() as cost:
        write_full(settings, Registry().handler("product"), Account.get())
    models.database.close()
    return cost
