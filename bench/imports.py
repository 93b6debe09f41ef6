"""Whole imports against the bare limit of the database, in turns; and the same files again, unchanged.

On SQLite a bare upsert that makes its rows as it stores them stands beside them, too, see bench.bare.CHUNK.

By a worker that has had a large file before, and so has a process ready that reads ahead; what that one took to load is
among the CPU, not among the time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from bench.apart import Cost, apart
from bench.bare import STREAMED, Ids, bare
from bench.figures import Figure
from bench.homes import TITLES, engine, home
from bench.partner_files import PRODUCT, PRODUCT_NAME, STOCK, STOCK_NAME, product_rows, stock_rows, write
from bench.second_core import second_core
from bench.turn import import_file
from models import Category, Collection

Costs = dict[tuple[str, str], list[Cost]]
"""(entity, who) to what each round took."""
PLURALS = {"product": "products", "inventory": "inventory"}
LIMIT, FIRST, AGAIN = WHO = "bare limit", "first import", "import again"


def ids() -> Ids:
    """What the bare limit need not look up."""
    named = {each.path: each.system_id for each in Category.select()}
    return named | {each.name: each.system_id for each in Collection.select()}


def one_round(
    folder: Path, server: str | None, files: dict[str, Path], backwards: bool
) -> Iterable[tuple[str, str, Cost]]:
    """(entity, who, cost) of each, in one order or the other."""

    def limit(who: str = LIMIT) -> Iterable[tuple[str, str, Cost]]:
        with home(folder, server) as (settings, _):
            for entity, path in files.items():
                yield entity, who, apart(bare, settings.database_url, entity, path, ids(), who == STREAMED)

    def streamed() -> Iterable[tuple[str, str, Cost]]:
        return () if server else limit(STREAMED)

    def imports() -> Iterable[tuple[str, str, Cost]]:
        with home(folder, server) as (settings, account):
            for entity, path in files.items():
                for who in (FIRST, AGAIN):
                    cost, run = import_file(settings, account, entity, path)
                    assert run.rejected < run.rows / 10, f"{run.rejected} of {run.rows} rows rejected"
                    assert who == FIRST or run.unchanged == run.rows - run.rejected
                    yield entity, who, cost

    for each in (streamed, imports, limit) if backwards else (limit, imports, streamed):
        yield from each()


def measure(products: int, stock: int, rounds: int, engines: tuple[str, ...]) -> list[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="ftpdock-bench-") as name:
        folder = Path(name)
        files = {
            "product": write(folder / PRODUCT_NAME, PRODUCT, product_rows(products)),
            "inventory": write(folder / STOCK_NAME, STOCK, stock_rows(stock, products)),
        }
        for each in engines:
            costs: Costs = {}
            worth = []
            with engine(each) as server, second_core() as look:
                for number in range(rounds):
                    for entity, who, cost in one_round(folder, server, files, number % 2 > 0):
                        costs.setdefault((entity, who), []).append(cost)
                        worth.append(look())
            name = f"{TITLES[each]}: what two processes did at once meanwhile, of what one did alone"
            figures += [Figure(f"{name}, median of {len(worth)} looks", median(worth), "x"),
                        Figure(f"{name}, least", min(worth), "x")]  # fmt: skip
            figures += told(TITLES[each], costs, {"product": products, "inventory": stock})
    return figures


def told(title: str, costs: Costs, rows: dict[str, int]) -> list[Figure]:
    figures = []
    for entity, count in rows.items():
        own = {who: cost for (each, who), cost in costs.items() if each == entity}
        figures += of_entity(f"{title}, {PLURALS[entity]}", own, count)
    return figures


def of_entity(name: str, costs: dict[str, list[Cost]], rows: int) -> list[Figure]:
    speed = {who: rows / median(each.seconds for each in cost) for who, cost in costs.items()}
    bares = {who: speed[who] for who in (LIMIT, STREAMED) if who in speed}
    cpu = {who: median(each.cpu for each in costs[who]) / rows * 1e6 for who in WHO}
    peak = max(each.peak for each in costs[FIRST]) / 1e6
    return [
        Figure(f"{name}: import", speed[FIRST], "rows/s", bares, LIMIT, target=1.0),
        Figure(f"{name}: the same again", speed[AGAIN], "rows/s", {FIRST: speed[FIRST]}, FIRST, target=2.0),
        Figure(f"{name}: CPU of our processes", cpu[FIRST], "µs/row", {LIMIT: cpu[LIMIT], AGAIN: cpu[AGAIN]}, LIMIT),
        Figure(f"{name}: memory", peak, "MB"),
    ]
