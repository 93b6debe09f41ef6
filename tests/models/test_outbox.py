"""The triggers that fill the outbox in the transaction of whatever program writes, on either engine."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys

import psycopg
import pytest
from playhouse.migrations import Runner

import models
from models import (
    Account,
    Address,
    Contact,
    Customer,
    EchoGuard,
    Export,
    Order,
    OrderLine,
    Outbox,
    Product,
    new_system_id,
    now,
    transaction,
)
from models.migrate import MIGRATIONS
from settings import Settings

OTHER_PROGRAM = """
import json, sys
url, statements = json.load(sys.stdin)
if url.startswith("sqlite"):
    import sqlite3
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
else:
    import psycopg
    connection = psycopg.connect(url, autocommit=True)
for statement in statements:
    connection.execute(statement)
connection.close()
"""


def by_another_program(settings: Settings, *statements: str) -> None:
    """Run plain SQL in another process, which knows nothing of ours."""
    subprocess.run([sys.executable, "-c", OTHER_PROGRAM], input=json.dumps([settings.database_url, statements]),
                   text=True, check=True, timeout=60)  # fmt: skip


@pytest.fixture
def account(settings: Settings) -> Account:
    """An account with a customer, two products, and an outbox that is empty."""
    made = Account.create(name="acme")
    Customer.create(account=made, reference_id="K1", company_name="Delta")
    for sku in ("A", "B"):
        Product.create(account=made, sku_id=sku, name=sku)
    clear()
    return made


def clear() -> None:
    Outbox.delete().execute()


def outbox() -> list[tuple[str, str]]:
    """(kind, System ID) of what is to be exported, each once: one order may stand there several times."""
    rows = Outbox.select(Outbox.kind, Outbox.system_id).order_by(Outbox.number).tuples()
    return list(dict.fromkeys(rows))


def an_order(account: Account, status: str = "confirmed", *skus: str) -> Order:
    order = Order.create(account=account, customer=Customer.get(), status=status, order_date=dt.date(2026, 11, 23))
    for position, sku in enumerate(skus, 1):
        a_line(order, position, sku)
    return order


def a_line(order: Order, position: int, sku: str = "A") -> OrderLine:
    made: OrderLine = OrderLine.create(order=order, position=position, product=Product.get(sku_id=sku), quantity=1)
    return made


def test_an_order_that_is_inserted_as_confirmed(account: Account) -> None:
    """It stands in the outbox with its account, due at once, in the form that the dispatcher reads."""
    before = now()
    order = an_order(account)

    row = Outbox.get()
    assert (row.account_id, row.kind, row.system_id, row.entity) == (account.id, "order", order.system_id, "order")
    assert (row.attempts, row.error, row.due_at) == (0, "", None)
    assert before - dt.timedelta(seconds=1) < row.created_at < now() + dt.timedelta(seconds=1)


def test_an_order_and_a_customer_by_plain_sql_in_another_process(settings: Settings, account: Account) -> None:
    """The trigger belongs to the database: it makes no difference who writes, and in which language."""
    customer, order, product = new_system_id(), new_system_id(), Product.get(sku_id="A").system_id
    moment = "2026-11-23T10:00:00.000000+00:00"
    models.database.close()

    by_another_program(
        settings,
        "BEGIN",
        "INSERT INTO customer (system_id, created_at, updated_at, account_id, company_name, status, attributes) "
        f"VALUES ('{customer}', '{moment}', '{moment}', {account.id}, 'Echo', 'active', '{{}}')",
        "INSERT INTO sales_order (system_id, created_at, updated_at, account_id, customer_id, status, order_date) "
        f"VALUES ('{order}', '{moment}', '{moment}', {account.id}, '{customer}', 'confirmed', '2026-11-23')",
        "INSERT INTO order_line (order_id, position, product_id, quantity, unit_price) "
        f"VALUES ('{order}', 1, '{product}', 2, 19.99)",
        "COMMIT",
    )

    models.database.connect()
    assert outbox() == [("customer", customer), ("order", order)]
    assert str(OrderLine.get().unit_price) == "19.99"


def test_a_rollback_of_another_process_leaves_nothing(settings: Settings, account: Account) -> None:
    """What was not committed never was."""
    order = an_order(account, "draft", "A")
    clear()
    models.database.close()

    by_another_program(settings, "BEGIN", f"UPDATE sales_order SET status = 'confirmed' "
                       f"WHERE system_id = '{order.system_id}'", "ROLLBACK")  # fmt: skip

    models.database.connect()
    assert outbox() == []


def test_a_draft_that_is_confirmed(account: Account) -> None:
    """A draft, with all that happens to its lines, stays at home until it is confirmed."""
    order = an_order(account, "draft", "A", "B")
    OrderLine.update(quantity=5).execute()
    OrderLine.delete().where(OrderLine.position == 2).execute()
    order.notes = "changed"
    order.save()
    assert outbox() == []

    Order.update(status="confirmed").execute()

    assert outbox() == [("order", order.system_id)]


def test_orders_of_another_status(account: Account) -> None:
    """Only confirmed orders are exported, whatever becomes of them."""
    for status in ("draft", "shipped", "invoiced", "cancelled"):
        order = an_order(account, status, "A")
        order.notes = "x"
        order.save()
        assert outbox() == [], status


def change_head(order: Order) -> None:
    Order.update(notes="call first").where(Order.system_id == order.system_id).execute()


def add_line(order: Order) -> None:
    a_line(order, 9)


def change_line(order: Order) -> None:
    OrderLine.update(quantity=7).where(OrderLine.order == order, OrderLine.position == 1).execute()


def delete_line(order: Order) -> None:
    OrderLine.delete().where(OrderLine.order == order, OrderLine.position == 1).execute()


def test_a_confirmed_order_that_changes(account: Account) -> None:
    """Head or line: the order is exported again, and no other one."""
    order = an_order(account, "confirmed", "A", "B")
    an_order(account, "confirmed", "A")

    for change in (change_head, add_line, change_line, delete_line):
        clear()
        change(order)
        assert outbox() == [("order", order.system_id)], change.__name__


def test_a_line_that_moves_to_another_order(account: Account) -> None:
    """Both orders have changed; a draft among them is none of the partner's business."""
    one, other, draft = (an_order(account, status, "A") for status in ("confirmed", "confirmed", "draft"))
    clear()

    OrderLine.update(order=other, position=2).where(OrderLine.order == one).execute()
    assert sorted(outbox()) == sorted([("order", one.system_id), ("order", other.system_id)])

    clear()
    OrderLine.update(order=draft, position=3).where(OrderLine.order == other, OrderLine.position == 1).execute()
    assert outbox() == [("order", other.system_id)]


def test_a_customer_when_it_is_made_and_not_when_it_changes(account: Account) -> None:
    """A new customer is news, its new phone number is not; nor are addresses and contacts."""
    customer = Customer.create(account=account, company_name="Echo")
    assert outbox() == [("customer", customer.system_id)]
    clear()

    Customer.update(phone="1").execute()
    Address.create(account=account, customer=customer, type="both", line_1="1", city="Wien", country="AT")
    Contact.create(account=account, customer=customer, first_name="Eva")

    assert outbox() == []


def test_an_upsert_is_what_it_turns_out_to_be(account: Account) -> None:
    """INSERT ... ON CONFLICT DO UPDATE of a record that is there changes it: an order goes out again, no customer."""
    order, customer = an_order(account, "draft", "A"), Customer.get()
    clear()
    for record, changed in ((Order.get(), {"status": "confirmed"}), (customer, {"phone": "1"})):
        table = type(record)
        table.insert(record.__data__).on_conflict(conflict_target=[table.system_id], update=changed).execute()

    assert (Order.get().status, Customer.get().phone) == ("confirmed", "1")
    assert outbox() == [("order", order.system_id)]


def test_nothing_is_seen_before_the_commit(settings: Settings, account: Account) -> None:
    """The row of the outbox becomes visible together with the order, or never."""
    with transaction() as attempt:
        an_order(account, "confirmed", "A")
        assert len(outbox()) == 1
        assert seen_by_another_connection(settings) == 0
        attempt.rollback()

    assert (outbox(), Order.select().count()) == ([], 0)


def seen_by_another_connection(settings: Settings) -> int:
    other = models.base.open_database(settings.database_url)
    try:
        found: int = other.execute_sql("SELECT count(*) FROM outbox").fetchone()[0]
        return found
    finally:
        other.close()


def test_an_order_that_is_deleted(account: Account) -> None:
    """Its lines go with it and ask for no export of an order that is not there."""
    order = an_order(account, "confirmed", "A", "B")
    clear()

    order.delete_instance()

    assert (outbox(), OrderLine.select().count()) == ([], 0)


def test_a_guarded_transaction_leaves_the_outbox_alone(account: Account) -> None:
    """Nothing is echoed while the guard's row stands, and all of it again once that is gone."""
    with transaction():
        guard = EchoGuard.create()
        order = an_order(account, "confirmed", "A", "B")
        delete_line(order)
        change_head(order)
        Customer.create(account=account, company_name="Echo")
        guard.delete_instance()
        assert outbox() == []
        change_head(order)

    assert outbox() == [("order", order.system_id)]


def test_rows_go_with_their_account(account: Account) -> None:
    """Whatever waits for an account that is removed is not exported to the next of its name."""
    order = an_order(account, "confirmed", "A")
    Outbox.create(account=account, kind="full", entity="product")
    Export.create(account=account, kind="order", system_id=order.system_id, entity="order", path="Orders/x")
    order.delete_instance()

    account.delete_instance()

    assert (Outbox.select().count(), Export.select().count()) == (0, 0)


def test_the_migration_goes_back_and_forth(settings: Settings, account: Account) -> None:
    """Down takes all of it away and none of the records, and up again the triggers work."""
    an_order(account, "confirmed", "A")
    runner = Runner(models.database.obj, str(MIGRATIONS))

    runner.down(target="0004_queue")
    assert {"outbox", "echo_guard", "export", "export_file"}.isdisjoint(models.database.get_tables())
    assert (Customer.select().count(), OrderLine.select().count()) == (1, 1)
    Order.update(notes="no trigger is left").execute()

    runner.up()
    Order.update(notes="again").execute()
    assert outbox() == [("order", Order.get().system_id)]


@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
def test_a_role_that_may_write_orders_only(settings: Settings, account: Account) -> None:
    """A program of few rights and with another search path need not know that there is an outbox."""
    order = an_order(account, "draft", "A")
    clear()
    role = f"shop_{new_system_id().replace('-', '')}"
    with psycopg.connect(settings.database_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role}")
        try:
            admin.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON sales_order, order_line TO {role}")
            admin.execute(f"SET ROLE {role}")
            admin.execute("SET search_path = pg_catalog")
            admin.execute("UPDATE public.sales_order SET status = 'confirmed'")
            admin.execute("DELETE FROM public.order_line")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                admin.execute("SELECT * FROM public.outbox")
        finally:
            admin.execute("RESET ROLE")
            admin.execute("RESET search_path")
            admin.execute(f"DROP OWNED BY {role}")
            admin.execute(f"DROP ROLE {role}")

    assert outbox() == [("order", order.system_id)]


@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
def test_a_listener_is_told_at_the_commit(settings: Settings, account: Account) -> None:
    """Postgres rings once for a transaction, when it is committed and not before."""
    with psycopg.connect(settings.database_url, autocommit=True) as listener:
        listener.execute("LISTEN ftpdock_outbox")
        with transaction():
            an_order(account, "confirmed", "A", "B")
            assert list(listener.notifies(timeout=0)) == []

        assert [each.channel for each in listener.notifies(timeout=10, stop_after=1)] == ["ftpdock_outbox"]
        assert list(listener.notifies(timeout=0)) == []
