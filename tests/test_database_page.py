"""docs/database.md tells other programs what they may write: it has to be true."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

import models
from models import Account, Address, Contact, Customer, Order, OrderLine, Outbox, Product, is_postgres
from settings import Settings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "database.md").read_text()
TABLES: tuple[Any, ...] = (Customer, Address, Contact, Product, Order, OrderLine)
KINDS = {
    "uuid": ("VARCHAR(36)", "character varying(36)"),
    "time": ("TEXT", "timestamp with time zone"),
    "date": ("DATE", "date"),
    "decimal": ("TEXT", "numeric"),
    "boolean": ("INTEGER", "boolean"),
    "json": ("TEXT", "jsonb"),
    "text": ("TEXT", "text"),
    "integer": ("INTEGER", "integer"),
    "bigint": ("INTEGER", "bigint"),
}
"""Kind on the page to type on SQLite and Postgres; `text (n)` is a varchar on both."""


def section(title: str) -> str:
    """What stands under a heading, up to the next one."""
    return re.split(r"^#", PAGE.partition(f"# {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def example(title: str) -> str:
    """The first block of code under a heading."""
    found = re.search(r"```\w*\n(.*?)```", section(title), re.DOTALL)
    assert found, title
    return found[1]


@pytest.fixture
def acme(settings: Settings) -> Account:
    """The account of the examples, with the products that they name."""
    account: Account = Account.create(name="acme")
    for sku in ("001", "002"):
        Product.create(account=account, sku_id=sku, name=f"Cup {sku}")
    return account


def run_sql(settings: Settings, script: str) -> None:
    """As a program would: by the engine's own driver, on a connection of its own."""
    if is_postgres():
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            connection.execute(script.encode())
        return
    file = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"), isolation_level=None)
    with contextlib.closing(file):
        file.executescript(script)


def check_stored(account: Account) -> None:
    """The examples all store the same, and the outbox has both records."""
    customer, address, order = Customer.get(), Address.get(), Order.get()
    assert (customer.account_id, customer.reference_id, customer.attributes) == (account.id, "K9", {"Region": "North"})
    assert (address.customer_id, address.is_default, order.billing_address_id) == (
        customer.system_id, True, address.system_id)  # fmt: skip
    assert (order.reference_id, order.status, str(order.order_date)) == ("PO1", "confirmed", "2026-11-23")
    assert (order.customer_id, order.tax_amount) == (customer.system_id, Decimal("9.01"))
    assert abs(order.created_at - models.now()).total_seconds() < 3600
    assert [(each.position, each.product.sku_id, each.quantity, str(each.unit_price)) for each in order.lines] == [
        (1, "001", 2, "19.99"), (2, "002", 6, "4.50")]  # fmt: skip
    rows = Outbox.select(Outbox.kind, Outbox.system_id).order_by(Outbox.number).tuples()
    assert list(dict.fromkeys(rows)) == [("customer", customer.system_id), ("order", order.system_id)]


def test_the_sql_of_each_engine(settings: Settings, acme: Account) -> None:
    """Copied from the page and run, it stores the order whole and fills the outbox."""
    run_sql(settings, example("Postgres" if is_postgres() else "SQLite"))

    check_stored(acme)


def test_the_python_with_peewee(settings: Settings, acme: Account) -> None:
    """The same in a process of its own, with nothing but the URL replaced."""
    code = example("Python, with peewee")
    shown = '"sqlite:////var/lib/ftpdock/ftpdock.db"'
    assert shown in code
    models.database.close()

    subprocess.run([sys.executable, "-W", "error", "-c", code.replace(shown, repr(settings.database_url))], cwd=ROOT,
                   check=True, timeout=60)  # fmt: skip

    models.database.connect()
    check_stored(acme)


def test_confirming_a_draft(settings: Settings, acme: Account) -> None:
    """The statement of the page exports the order once, in the spelling of either engine."""
    run_sql(settings, example("Postgres" if is_postgres() else "SQLite").replace("'confirmed'", "'draft'"))
    Outbox.delete().execute()
    statement = example("Confirming a draft")
    if is_postgres():
        statement = re.sub(r"strftime\(.*?\)", "now()", statement)

    run_sql(settings, statement)
    run_sql(settings, statement)

    order = Order.get()
    assert (order.status, order.updated_at > order.created_at) == ("confirmed", True)
    assert [(row.kind, row.system_id) for row in Outbox.select()] == [("order", order.system_id)]


@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
def test_the_grants_are_enough(settings: Settings, acme: Account) -> None:
    """A role with what the page grants, and nothing else, can run the example."""
    role = f"shop_{models.new_system_id().replace('-', '')}"
    grants = next(block for block in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL) if "GRANT" in block)
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role}; {grants.replace('shop', role)}".encode())
        try:
            connection.execute(f"SET ROLE {role}".encode())
            connection.execute(example("Postgres").encode())
        finally:
            connection.execute("RESET ROLE")
            connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())

    check_stored(acme)


def test_the_columns(settings: Settings) -> None:
    """Each column of each table stands there with its kind, and whether it is needed."""
    for table in (model._meta.table_name for model in TABLES):
        rows = re.findall(r"^\| `(\w+)` \| ([^|]+?) \| (yes|) ?\|", section(f"`{table}`"), re.MULTILINE)
        written = {name: (type_of_kind(kind), needed == "yes") for name, kind, needed in rows}
        assert stored_columns(table) == written, table


def type_of_kind(kind: str) -> str:
    """The type that this database has for a kind of the page."""
    if length := re.fullmatch(r"text \((\d+)\)", kind):
        return ("VARCHAR({})", "character varying({})")[is_postgres()].format(length[1])
    return KINDS[kind][is_postgres()]


def stored_columns(table: str) -> dict[str, tuple[str, bool]]:
    """Name to type and whether a value has to be given, by the word of the database."""
    if not is_postgres():
        found = models.database.execute_sql(f"SELECT name, type, pk = 0 OR type <> 'INTEGER', \"notnull\" "
                                            f"FROM pragma_table_info('{table}')")  # fmt: skip
        return {name: (kind, bool(not_null and given)) for name, kind, given, not_null in found}
    found = models.database.execute_sql(
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull AND NOT atthasdef FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped", (table,))  # fmt: skip
    return {name: (kind, needed) for name, kind, needed in found}
