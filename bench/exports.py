"""How long a confirmed order takes from its commit to a partner's listing: at 1, 10 and 100 orders a second.

A program in a process of its own commits orders with two lines, by peewee's models or by plain SQL. A client that is
connected by FTPS lists /Export/Orders again and again (MLSD); an order counts from the return of its COMMIT to the end
of the first listing that has its folder.
"""

from __future__ import annotations

import contextlib
import ftplib
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

import models
from bench.apart import Stop, beside
from bench.figures import Figure, waits
from bench.homes import TITLES, engine
from tests.system.server import Server

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


Committed = list[tuple[str, float]]
"""Each order, and the moment after its commit."""


def write_orders(stop: Stop, url: str, account: str, way: str, rate: int, seconds: int) -> Committed:
    """In a process of its own: commit so many, evenly."""
    write = WAYS[way](url, account)
    start = time.monotonic()
    committed = []
    for number in range(rate * seconds):
        time.sleep(max(0.0, start + number / rate - time.monotonic()))
        committed.append((f"order_{write()}", time.monotonic()))
    return committed


def listings(client: ftplib.FTP_TLS) -> Iterator[tuple[float, set[str]]]:
    """The names in /Export/Orders, and when each listing was over."""
    while True:
        lines: list[str] = []
        with contextlib.suppress(ftplib.error_perm):  # There is no order yet.
            client.retrlines("MLSD /Export/Orders", lines.append)
        yield time.monotonic(), {line.partition(" ")[2] for line in lines}
        time.sleep(PAUSE)


def measure(seconds: int, engines: tuple[str, ...]) -> list[Figure]:
    figures: list[Figure] = []
    for each in engines:
        with tempfile.TemporaryDirectory(prefix="ftpdock-bench-") as folder, engine(each) as uri:
            url = uri or f"sqlite:///{folder}/orders.db"
            figures += _on(TITLES[each], url, Path(folder) / "home", seconds)
    return figures


def _on(title: str, url: str, home: Path, seconds: int) -> list[Figure]:
    server = Server(home, FTPDOCK_DATABASE=url)
    server.add_account("first")
    models.bind(url).connect()
    server.start()
    figures: list[Figure] = []
    try:
        for way in WAYS:
            for rate in RATES:
                promised = LIMIT if rate == PROMISED else None
                figures += waits(f"{title}, by {way}, {rate}/s", _waits(server, url, way, rate, seconds), p99=promised)
    finally:
        server.stop()
        models.database.close()
    return figures


def _waits(server: Server, url: str, way: str, rate: int, seconds: int) -> list[float]:
    """Seconds from the commit of each order to the listing that shows it."""
    account = f"{way}{rate}"
    server.add_account(account)
    owner = models.Account.get(models.Account.name == account)
    models.Customer.create(account=owner, company_name="Delta")
    models.Product.create(account=owner, sku_id="001", name="Lamp")
    seen: dict[str, float] = {}
    with server.login(account) as client, beside(write_orders, url, account, way, rate, seconds) as committed:
        deadline = time.monotonic() + seconds + PATIENCE
        for moment, names in listings(client):
            for name in names - seen.keys():
                seen[name] = moment
            if len(seen) == rate * seconds or moment > deadline:
                break
    missing = [order for order, _ in committed if order not in seen]
    assert not missing, f"{len(missing)} of {len(committed)} orders were never listed"
    return [seen[order] - moment for order, moment in committed]
