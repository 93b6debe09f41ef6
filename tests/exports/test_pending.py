"""The outbox of what has many rows: what can't be exported for days, and orders of many lines."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable

from exports import pending
from handlers.order_lines import MOST, PLAIN_LINE
from models import Customer, Order, OrderLine, Outbox, database, is_postgres, now
from settings import Settings
from tests.shop import Shop

LIMIT = {"postgres": 65_535, "sqlite": 32_766}
"""Rows that one statement can name; SQLite may be built for more."""
_COLUMNS = "account_id, kind, system_id, entity, created_at, attempts, error, due_at"


def test_a_failure_of_many_rows_holds_up_nobody(settings: Settings) -> None:
    """All of them wait on, and all of them go at last."""
    shop = Shop(settings)
    limit = LIMIT["postgres" if is_postgres() else "sqlite"]
    if not is_postgres():
        database.connection().setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, limit)
    customer = _one_that_can_t_be_exported(shop)
    _repeat(limit)
    order = shop.order()

    assert shop.dispatch() == [f"Orders/order_{order.system_id}"]
    assert Outbox.select().where(Outbox.attempts == 6, Outbox.due_at > now()).count() == limit + 1
    assert shop.dispatch() == []

    (shop.tree / "Customers").unlink()
    first = Outbox.select().order_by(Outbox.number).first()
    Outbox.update(due_at=None).where(Outbox.number == first.number).execute()
    assert shop.dispatch() == [f"Customers/customer_{customer.system_id}"]
    assert Outbox.select().count() == 0


def test_a_failure_of_many_attempts_holds_up_nobody(settings: Settings) -> None:
    """The pause does not grow beyond what can be reckoned with."""
    shop = Shop(settings)
    _one_that_can_t_be_exported(shop)
    Outbox.update(attempts=2_000).execute()
    order = shop.order()

    assert shop.dispatch() == [f"Orders/order_{order.system_id}"]
    (waiting,) = Outbox.select()
    assert (waiting.attempts, waiting.due_at - now() < dt.timedelta(seconds=301)) == (2_001, True)


def test_a_clock_that_was_ahead_holds_nothing_up(settings: Settings) -> None:
    """No pause is so long as what it has written; each row is taken once."""
    shop = Shop(settings)
    customer = _one_that_can_t_be_exported(shop)
    (shop.tree / "Customers").unlink()
    _repeat(2)
    order = shop.order()
    late = Outbox.due_at.is_null(False) | (Outbox.kind == "order")
    Outbox.update(due_at=now() + dt.timedelta(days=365)).where(late).execute()

    assert shop.dispatch() == [f"Customers/customer_{customer.system_id}", f"Orders/order_{order.system_id}"]
    assert Outbox.select().count() == 0


def _one_that_can_t_be_exported(shop: Shop) -> Customer:
    shop.tree.mkdir(parents=True)
    (shop.tree / "Customers").write_text("a file in the way")
    customer: Customer = Customer.create(account=shop.account, company_name="Echo")
    return customer


def _repeat(times: int) -> None:
    """As if a program had written what is in the outbox so many times: it has failed before, and one row is due."""
    (row,) = Outbox.select()
    one = Outbox.number == row.number
    Outbox.update(attempts=5, due_at=now() + dt.timedelta(hours=1)).where(one).execute()
    many = f"WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < {times})"
    database.execute_sql(f"INSERT INTO outbox ({_COLUMNS}) {many} SELECT {_COLUMNS} FROM outbox, many "
                         f"WHERE number = {row.number}")  # fmt: skip
    Outbox.update(due_at=None).where(one).execute()


def test_an_order_of_many_lines_is_made_once(make_settings: Callable[..., Settings]) -> None:
    """The rows that come behind the first ones are answered together with them."""
    shop = Shop(make_settings("sqlite"))
    order = shop.order(status="draft")
    other = shop.order(status="draft")
    _add_lines(order, pending.ROWS)
    Order.update(status="confirmed").where(Order.system_id == order.system_id).execute()
    OrderLine.update(line_notes="changed").where(OrderLine.order == order).execute()
    Order.update(status="confirmed").where(Order.system_id == other.system_id).execute()
    assert Outbox.select().count() > pending.ROWS + 1

    (first,) = pending.take(100)

    assert len(first.numbers) == Outbox.select().where(Outbox.system_id == order.system_id).count()
    assert sorted(shop.dispatch()) == sorted(f"Orders/order_{each.system_id}" for each in (order, other))


def test_a_turn_ends_when_its_orders_have_many_lines(make_settings: Callable[..., Settings]) -> None:
    """However few rows of the outbox tell of them: drafts that are confirmed have one each. All have their turn."""
    shop = Shop(make_settings("sqlite"))
    small, *large = orders = [shop.order(status="draft") for _ in range(3)]
    for order in large:
        _add_lines(order, MOST // 2)
    Order.update(status="confirmed").execute()

    taken = pending.take(100)

    assert [each.system_id for each in taken] == [small.system_id, large[0].system_id]
    assert shop.dispatch() == [f"Orders/order_{order.system_id}" for order in orders]


def _add_lines(order: Order, lines: int) -> None:
    """Behind the first one."""
    many = f"WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < {lines})"
    database.execute_sql(f"INSERT INTO order_line (order_id, position, product_id, quantity) {many} SELECT order_id, "
                         f"position + n, product_id, quantity FROM order_line, many "
                         f"WHERE order_id = '{order.system_id}'")  # fmt: skip


def test_orders_of_long_notes_are_taken_few_at_a_time(settings: Settings) -> None:
    """As those of many lines are: else some of them would not fit into memory together."""
    shop = Shop(settings)
    long = "x" * (MOST * PLAIN_LINE // 2)
    orders = [shop.order({"line_notes": notes}) for notes in (long, long, None, "short")]

    taken = [[each.system_id for each in pending.take(10)]]
    Outbox.delete().where(Outbox.system_id.in_(taken[0])).execute()
    taken.append([each.system_id for each in pending.take(10)])

    assert taken == [[orders[0].system_id], [order.system_id for order in orders[1:]]]
