"""What a row costs when millions are stored, against what it costs when none are; and the memory of a large import.

The rows that are changed lie all over the table. In order of their keys or shuffled, in turns with the same in a small
home: an insert into an empty table, an update of a table that has only these rows.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.figures import Figure
from bench.homes import TITLES, engine, home
from bench.partner_files import PRODUCT, PRODUCT_NAME, numbered_products, product_rows, write
from bench.turn import import_file
from models import Account
from settings import Settings

MEMORY = 400.0
"""Megabytes that all processes of an import together may take."""
TIMES = {"updated": 1.3, "inserted": 2.0}
"""How much more a row may cost in a large table."""
ORDERS = ("in order", "shuffled")

Costs = dict[tuple[str, str], list[float]]
"""(updated or inserted, order) to microseconds a row, of each round."""


def measure(rows: int, changed: int, rounds: int, engines: tuple[str, ...]) -> list[Figure]:
    figures: list[Figure] = []
    for each in engines:
        with tempfile.TemporaryDirectory(prefix="ftpdock-bench-") as folder, engine(each) as server:
            figures += _on(TITLES[each], Path(folder), server, rows, min(changed, rows), rounds)
    return figures


def _on(title: str, folder: Path, server: str | None, rows: int, changed: int, rounds: int) -> list[Figure]:
    none: Costs = {}
    many: Costs = {}
    with home(folder, server) as (settings, account):
        path = write(folder / PRODUCT_NAME, PRODUCT, product_rows(rows))
        cost, _ = import_file(settings, account, "product", path)
        for number in range(rounds):
            numbers = sorted(random.Random(number).sample(range(rows), changed))
            for order in ORDERS:
                # By another seed than before, so that every row changes.
                again = number * len(ORDERS) + ORDERS.index(order) + 1
                for kind, microseconds in _small(folder, server, numbers, order):
                    none.setdefault((kind, order), []).append(microseconds)
                for kind, suffix in (("updated", ""), ("inserted", f"x{again}")):
                    microseconds = _import(settings, account, folder, numbers, order, 10 + again, suffix, kind)
                    many.setdefault((kind, order), []).append(microseconds)
    first = [
        Figure(f"{title}: import of {rows:,} rows", rows / cost.seconds, "rows/s"),
        Figure(f"{title}: memory of a large import", cost.peak / 1e6, "MB", target=MEMORY, at_most=True),
    ]
    return first + [_figure(title, kind, order, none[kind, order], each) for (kind, order), each in many.items()]


def _small(folder: Path, server: str | None, numbers: list[int], order: str) -> Iterator[tuple[str, float]]:
    with home(folder, server) as (settings, account):
        for seed, kind in enumerate(("inserted", "updated")):
            yield kind, _import(settings, account, folder, numbers, order, seed, "", kind)


def _import(
    settings: Settings,
    account: Account,
    folder: Path,
    numbers: list[int],
    order: str,
    seed: int,
    suffix: str,
    kind: str,
) -> float:
    """Microseconds a row."""
    shuffled = random.Random(seed).sample(numbers, len(numbers)) if order == "shuffled" else numbers
    path = write(folder / PRODUCT_NAME, PRODUCT, numbered_products(shuffled, seed, suffix))
    cost, run = import_file(settings, account, "product", path)
    done = run.updated if kind == "updated" else run.created
    # A few were faulty when the table was filled.
    assert done > 0.97 * len(numbers), f"{done} of {len(numbers)} were {kind}"
    return cost.seconds / len(numbers) * 1e6


def _figure(title: str, kind: str, order: str, none: list[float], many: list[float]) -> Figure:
    name = f"{title}: {kind} row in a large table, {order}"
    return Figure(
        name, median(many), "µs", {"in a small one": median(none)}, "in a small one", TIMES[kind], at_most=True
    )
