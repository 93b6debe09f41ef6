"""Rows per second of csv.reader alone and of imports.reading over the same file: python bench/reading.py [rows]"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from imports.reading import inspect, records
from schemas.inventory import InventorySchema


def write(path: Path, rows: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(InventorySchema().columns)
        writer.writerows([f"{n:07}", "MAIN", n % 500, "60|60", "2030-01-15|2030-02-15", "Y", 50] for n in range(rows))


def alone(path: Path) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        deque(csv.reader(file), maxlen=0)


def timed(work: Callable[[], object]) -> float:
    """Seconds, the best of three."""
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "INVENTORY_18_09_2024.csv"
        write(path, rows)
        shape = inspect(path, InventorySchema())
        plain = timed(lambda: alone(path))
        ours = timed(lambda: deque(records(path, shape), maxlen=0))
        look = timed(lambda: inspect(path, InventorySchema()))
    print(f"csv.reader alone  {rows / plain:12,.0f} rows/s")
    print(f"records()         {rows / ours:12,.0f} rows/s, {ours / plain:.2f} x the time")
    print(f"inspect()         {look * 1000:12,.0f} ms once")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000)
