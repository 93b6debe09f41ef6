"""What waits on SQLite while a million-row import runs: small imports by another worker, and a reader without a pause.

Each of the three is a process of its own on one home. A small import is queued and run as ever; it waits as long as it
takes longer than the median of those that were alone. The reader asks for a product by its key and for a page of a
hundred, again and again: never is there a moment for long at which nobody reads.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from pathlib import Path
from statistics import median

import models
from bench.apart import Stop, apart, beside
from bench.figures import Figure, waits
from bench.homes import account, home
from bench.partner_files import PRODUCT, PRODUCT_NAME, numbered_products, product_rows, write
from bench.turn import ready, turn
from jobs.pickup import queue_file
from models import Account, ImportRun

SMALL = 20
"""Rows of a small import."""
ALONE, PAUSE = 5.0, 0.05
"""Seconds of small imports alone, and between two."""
SMALL_WAIT, READER_WAIT, WAL = 200.0, 20.0, 100.0
"""What is promised: milliseconds at p99, and megabytes."""
ONE = "SELECT * FROM product WHERE account_id = ? AND sku_id = ?"
PAGE = "SELECT sku_id, * FROM product WHERE account_id = ? AND sku_id > ? ORDER BY sku_id LIMIT 100"


def measure(rows: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="ftpdock-bench-") as name, home(Path(name), None) as (settings, owner):
        account("small")
        path = write(Path(name) / PRODUCT_NAME, PRODUCT, product_rows(rows))
        where = settings.home, settings.database_url
        with beside(small_imports, *where, False) as alone:
            time.sleep(ALONE)
        number = queue_file(settings, owner, "product", path, path.name, origin="command").number
        log = Path(settings.database_url.removeprefix("sqlite:///") + "-wal")
        sizes: list[int] = []
        with beside(small_imports, *where, True) as small, beside(reader, *where, owner.id, rows) as reads:
            cost = apart(turn, *where, look=lambda: sizes.append(log.stat().st_size))
        run: ImportRun = ImportRun.get_by_id(number)
        assert run.status == "completed_with_errors", run.error
    usual = median(alone)
    return [
        Figure("the large import meanwhile", rows / cost.seconds, "rows/s"),
        Figure(f"{SMALL} rows imported alone, median", usual * 1000, "ms"),
        *waits(
            f"{SMALL} rows beside a large import, longer than alone", [each - usual for each in small], p99=SMALL_WAIT
        ),
        *waits("a reader's SELECT beside it", reads, p99=READER_WAIT),
        Figure("the WAL of SQLite meanwhile", max(sizes) / 1e6, "MB", target=WAL, at_most=True),
    ]


def small_imports(stop: Stop, home: Path, url: str, busy: bool) -> list[float]:
    """In a process of its own: seconds from queueing to closing, again and again; if `busy`, beside a running one."""
    worker, name = ready(home, url)
    owner = Account.get(Account.name == "small")
    while busy and not ImportRun.select().where(ImportRun.status == "running").exists():
        time.sleep(0.01)
    seconds: list[float] = []
    while not stop.is_set():
        first = len(seconds) * SMALL
        rows = numbered_products(range(first, first + SMALL), seed=first, suffix="b" * busy)
        path = write(home / PRODUCT_NAME, PRODUCT, rows)
        begun = time.perf_counter()
        number = queue_file(worker.settings, owner, "product", path, path.name, origin="command").number
        assert worker.turn(name.name)
        seconds.append(time.perf_counter() - begun)
        assert ImportRun.get_by_id(number).status == "completed"
        time.sleep(PAUSE)
    models.database.close()
    name.close()
    return seconds


def reader(stop: Stop, home: Path, url: str, account: int, rows: int) -> list[float]:
    """In a process of its own: seconds of each question."""
    database = sqlite3.connect(url.removeprefix("sqlite:///"))
    chance = random.Random(3)
    seconds = []
    key = ""
    while not stop.is_set():
        for question in (PAGE, ONE):
            begun = time.perf_counter()
            found = database.execute(question, (account, key)).fetchall()
            seconds.append(time.perf_counter() - begun)
            # A page from somewhere, then its first product alone.
            key = found[0][0] if question is PAGE and found else f"S{chance.randrange(rows):08}"
    database.close()
    return seconds
