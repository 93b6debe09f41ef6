"""What a row costs when millions are stored, against what it costs when none are; and the memory of a large import.

The rows that are changed lie all over the table. In order of their keys or shuffled, in turns with the same in a small
home: an insert into an empty table, an update of a table that has only these rows. And all of it by the bare upsert,
too, which tells how much more the database itself asks for a row of a large table.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from statistics import median

from bench.apart import apart
from bench.bare import bare
from bench.figures import Figure
from bench.homes import TITLES, engine, home
from bench.imports import ids
from bench.partner_files import PRODUCT, PRODUCT_NAME, numbered_products, product_rows, write
from bench.turn import import_file
from models import Account
from settings import Settings

MEMORY = 400.0
"""Megabytes that all processes of an import together may take."""
TIMES = {"updated": 1.3, "inserted": 2.0}
"""How much more a row may cost in a large table."""
ORDERS = ("in order", "shuffled")
WHO = OURS, BARE = ("import", "bare upsert")

Costs = dict[tuple[str, str, str], list[float]]
"""(who, updated or inserted, order) to microseconds a row, of each round."""


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
            for place, (order, who) in enumerate(product(ORDERS, WHO)):
                # By another seed than before, so that every row changes.
                again = number * len(ORDERS) * len(WHO) + place + 1
                for kind, microseconds in _small(folder, server, numbers, order, who):
                    none.setdefault((who, kind, order), []).append(microseconds)
                for kind, suffix in (("updated", ""), ("inserted", f"x{again}")):
                    file = _file(folder, numbers, order, 10 + again, suffix)
                    many.setdefault((who, kind, order), []).append(_cost(settings, account, file, changed, kind, who))
    first = [
        Figure(f"{title}: import of {rows:,} rows", rows / cost.seconds, "rows/s"),
        Figure(f"{title}: memory of a large import", cost.peak / 1e6, "MB", target=MEMORY, at_most=True),
    ]
    return first + [_figure(title, key, none[key], each) for key, each in sorted(many.items(), key=_place)]


def _small(folder: Path, server: str | None, numbers: list[int], order: str, who: str) -> Iterator[tuple[str, float]]:
    with home(folder, server) as (settings, account):
        for seed, kind in enumerate(("inserted", "updated")):
            file = _file(folder, numbers, order, seed, "")
            yield kind, _cost(settings, account, file, len(numbers), kind, who)


def _file(folder: Path, numbers: list[int], order: str, seed: int, suffix: str) -> Path:
    shuffled = random.Random(seed).sample(numbers, len(numbers)) if order == "shuffled" else numbers
    return write(folder / PRODUCT_NAME, PRODUCT, numbered_products(shuffled, seed, suffix))


def _cost(settings: Settings, account: Account, file: Path, rows: int, kind: str, who: str) -> float:
    """Microseconds a row."""
    if who == BARE:
        cost = apart(bare, settings.database_url, "product", file, ids())
    else:
        cost, run = import_file(settings, account, "product", file)
        done = run.updated if kind == "updated" else run.created
        # A few were faulty when the table was filled.
        assert done > 0.97 * rows, f"{done} of {rows} were {kind}"
    return cost.seconds / rows * 1e6


def _place(item: tuple[tuple[str, str, str], object]) -> tuple[int, int]:
    """Ours first."""
    (who, _, order), _ = item
    return WHO.index(who), ORDERS.index(order)


def _figure(title: str, key: tuple[str, str, str], none: list[float], many: list[float]) -> Figure:
    who, kind, order = key
    name = f"{title}: {kind} row in a large table, {order}{' (bare upsert)' if who == BARE else ''}"
    small = {"in a small one": median(none)}
    return Figure(name, median(many), "µs", small, "in a small one", TIMES[kind] if who == OURS else None, at_most=True)
