"""Reading a file of stock with `imports.reading`, beside csv.reader alone, in turns."""

from __future__ import annotations

import csv
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.figures import Figure, in_turns
from bench.partner_files import STOCK, STOCK_NAME, stock_rows, write
from imports.reading import inspect, records
from schemas.inventory import InventorySchema

ALONE, OURS = "csv.reader alone", "records"


def measure(rows: int, rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="ftpdock-bench-") as folder:
        path = write(Path(folder) / STOCK_NAME, STOCK, stock_rows(rows, rows))
        shape = inspect(path, InventorySchema())
        works = {
            ALONE: lambda: alone(path),
            OURS: lambda: deque(records(path, shape), maxlen=0),
            "look": lambda: inspect(path, InventorySchema()),
        }
        seconds = in_turns(rounds, [(name, timed(work)) for name, work in works.items()])
    middle = {name: median(each) for name, each in seconds.items()}
    return [
        Figure("records of a file of stock", rows / middle[OURS], "rows/s", {ALONE: rows / middle[ALONE]}, ALONE),
        Figure("the look at its encoding and header", middle["look"] * 1000, "ms"),
    ]


def alone(path: Path) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        deque(csv.reader(file), maxlen=0)


def timed(work: Callable[[], object]) -> Callable[[], float]:
    def seconds() -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    return seconds
