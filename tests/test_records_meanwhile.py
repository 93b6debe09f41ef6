"""Orders and customers that other programs change at the same moment, on Postgres, where several write at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

import customers
import orders
from errors import ConflictError
from models import Account, Customer, Order, OrderLine, Outbox, Product, new_system_id
from settings import Settings
from tests.system.server import wait_for

ORDER = {"order_date": "2026-11-23", "customer_reference_id": "K1", "lines": [{"sku_id": "001", "quantity": "2"}]}


@pytest.fixture(params=["postgres"])
def settings(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(request.param)


@pytest.fixture
def acme(settings: Settings) -> Account:
    account: Account = Account.create(name="acme")
    Product.create(account=account, sku_id="001", name="Cup")
    Customer.create(account=account, reference_id="K1", company_name="Delta")
    Outbox.delete().execute()
    return account


@contextmanager
def another_program(settings: Settings, statement: str, *values: Any) -> Iterator[None]:
    """It has written, and commits once whoever is called within waits for it."""
    url = settings.database_url
    with psycopg.connect(url) as connection:
        connection.execute(statement, values)

        def commit() -> None:
            with psycopg.connect(url, autocommit=True) as looking:
                wait_for(lambda: looking.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() is not None)
            connection.commit()

        thread = threading.Thread(target=commit)
        thread.start()
        try:
            yield
        finally:
            thread.join()


def test_an_order_that_is_cancelled_meanwhile_is_not_confirmed(settings: Settings, acme: Account) -> None:
    """What was read before it was the program's turn is out of date: the partner would get a cancelled order."""
    (made,) = orders.add(acme, json.dumps(ORDER).encode())

    with (
        another_program(
            settings, "UPDATE sales_order SET status = 'cancelled' WHERE system_id = %s", made["system_id"]
        ),
        pytest.raises(ConflictError, match="is cancelled: only a draft can be confirmed"),
    ):
        orders.confirm(made["system_id"])

    assert (Order.get().status, Outbox.select().count()) == ("cancelled", 0)


def test_an_order_whose_reference_id_is_taken_meanwhile(settings: Settings, acme: Account) -> None:
    """It is told in words, and no part of it is stored."""
    columns = "system_id, account_id, customer_id, reference_id, status, order_date, created_at, updated_at"
    insert = f"INSERT INTO sales_order ({columns}) VALUES (%s, %s, %s, 'PO1', 'draft', '2026-11-23', now(), now())"

    with (
        another_program(settings, insert, new_system_id(), acme.id, Customer.get().system_id),
        pytest.raises(ConflictError, match="Another program changed meanwhile what it refers to, or took its ID"),
    ):
        orders.add(acme, json.dumps({**ORDER, "reference_id": "PO1"}).encode())

    assert (Order.select().count(), OrderLine.select().count()) == (1, 0)


def test_a_customer_whose_reference_id_is_taken_meanwhile(settings: Settings, acme: Account) -> None:
    """The same."""
    columns = "system_id, account_id, reference_id, company_name, status, attributes, created_at, updated_at"
    insert = f"INSERT INTO customer ({columns}) VALUES (%s, %s, 'K2', 'Delta', 'active', '{{}}', now(), now())"

    with (
        another_program(settings, insert, new_system_id(), acme.id),
        pytest.raises(ConflictError, match="Another program changed meanwhile what it refers to, or took its ID"),
    ):
        customers.add(acme, b'{"company_name": "Echo", "reference_id": "K2"}')

    assert sorted(each.company_name for each in Customer.select()) == ["Delta", "Delta"]
