"""What is committed as confirmed lies in the export tree: once, whole, in its newest revision."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from exports import dispatcher as module
from exports.dispatcher import Dispatcher
from exports.parts import PartThread
from models import Account, Customer, Export, ExportFile, Order, OrderLine, Outbox, database, is_postgres, now
from settings import Settings
from tests.shop import Shop, times


@pytest.fixture
def shop(settings: Settings) -> Shop:
    """One on each engine."""
    return Shop(settings)


@pytest.fixture
def local(make_settings: Callable[..., Settings]) -> Shop:
    """One on SQLite, for what is about files."""
    return Shop(make_settings())


def everything(settings: Settings) -> set[str]:
    """All files and folders of the home but those of the database."""
    return {str(path.relative_to(settings.home)) for path in settings.exports.rglob("*")}


def retry_now() -> None:
    Outbox.update(due_at=None).execute()


def test_confirmed_order_is_exported_whole(shop: Shop) -> None:
    """Two files under the System ID, a row in the ledger that waits for the mirror, nothing left in the outbox."""
    order = shop.order({}, {"product": shop.bulb, "unit_price": Decimal("0.5")})
    committed = Outbox.select().order_by(Outbox.number).first().created_at

    assert shop.dispatch() == [f"Orders/order_{order.system_id}"]

    assert shop.told == [("acme", f"Orders/order_{order.system_id}")]
    assert sorted(times(shop.folder(order))) == [
        f"order_data_{order.system_id}.csv",
        f"order_items_{order.system_id}.csv",
    ]
    assert [row["Line_Total"] for row in shop.rows(order, "order_items")] == ["39.98", "1.0"]
    export = shop.export(order)
    assert (export.kind, export.entity, export.state, export.revision) == ("order", "order", "waiting", 1)
    assert (export.created_at, export.ready_at) == (committed, None)
    assert Outbox.select().count() == 0


def test_new_customer_is_exported(shop: Shop) -> None:
    """With what belongs to it by then."""
    customer = Customer.create(account=shop.account, company_name="Echo", attributes={"Region": "North"})

    assert shop.dispatch() == [f"Customers/customer_{customer.system_id}"]

    [row] = shop.rows(customer, "customer_data")
    assert (row["Company_Name"], row["Attributes"]) == ("Echo", '{"Region":"North"}')


def test_what_is_not_confirmed_any_more_is_dropped(shop: Shop) -> None:
    """An order that was deleted, cancelled or a draft again before it was read is no export; nobody waits for it."""
    deleted, draft, cancelled, other = (shop.order() for _ in range(4))
    deleted.delete_instance()
    Order.update(status="draft").where(Order.system_id == draft.system_id).execute()
    Order.update(status="cancelled").where(Order.system_id == cancelled.system_id).execute()

    assert shop.dispatch() == [f"Orders/order_{other.system_id}"]
    assert Outbox.select().count() == 0


@pytest.mark.parametrize("status", ["shipped", "invoiced"])
def test_an_order_that_has_gone_on_is_exported(shop: Shop, status: str) -> None:
    """It was committed as confirmed while nobody read the outbox, as during an upgrade. The file tells what it is."""
    order = shop.order()
    Order.update(status=status).where(Order.system_id == order.system_id).execute()

    assert shop.dispatch() == [f"Orders/order_{order.system_id}"]

    assert [row["Status"] for row in shop.rows(order, "order_data")] == [status]
    assert shop.exports() == [(f"Orders/order_{order.system_id}", "waiting", 1)]
    assert Outbox.select().count() == 0


def test_the_last_change_of_an_order_that_has_gone_on_is_exported(shop: Shop) -> None:
    """But that it has gone on is no change: who has it as it was while it was confirmed gets nothing new."""
    changed, same, failed = shop.order(), shop.order(), shop.order()
    shop.dispatch()
    Export.update(state="failed").where(Export.system_id == failed.system_id).execute()
    OrderLine.update(quantity=Decimal(3)).where(OrderLine.order == changed).execute()
    for order in (changed, same, failed):
        order.save()
        Order.update(status="shipped").where(Order.system_id == order.system_id).execute()

    assert shop.dispatch() == [f"Orders/order_{order.system_id}" for order in (changed, failed)]

    assert [row["Quantity"] for row in shop.rows(changed, "order_items")] == ["3"]
    assert [row["Status"] for row in shop.rows(same, "order_data")] == ["confirmed"]
    assert [shop.export(order).revision for order in (changed, same, failed)] == [2, 1, 2]
    assert Outbox.select().count() == 0


def test_changed_order_gets_a_revision(shop: Shop) -> None:
    """Under the same path, with the newest content and times later than every former one."""
    order = shop.order()
    shop.dispatch()
    first = times(shop.folder(order))
    future = time.time_ns() + 3_600_000_000_000
    for name in first:  # The machine's clock went backwards since.
        os.utime(shop.folder(order) / name, ns=(future, future))
    Export.update(state="collected", collected_at=now(), collected_by="erp").execute()

    OrderLine.update(quantity=Decimal(3)).where(OrderLine.order == order).execute()

    assert shop.dispatch() == [f"Orders/order_{order.system_id}"]
    assert shop.exports() == [(f"Orders/order_{order.system_id}", "waiting", 2)]
    assert shop.export(order).collected_by is None
    assert [row["Quantity"] for row in shop.rows(order, "order_items")] == ["3"]
    assert all(each > future for each in times(shop.folder(order)).values())


def test_change_that_changes_no_file_is_none(shop: Shop) -> None:
    """The folder keeps its times and the export its state, whatever that is."""
    states = ["waiting", "ready", "collected", "removed"]
    orders = [shop.order() for _ in states]
    shop.dispatch()
    before = [times(shop.folder(order)) for order in orders]
    for order, state in zip(orders, states, strict=True):
        Export.update(state=state).where(Export.system_id == order.system_id).execute()

    for order in orders:
        order.save()

    assert shop.dispatch() == []
    assert [times(shop.folder(order)) for order in orders] == before
    assert [(state, revision) for _, state, revision in shop.exports()] == [(state, 1) for state in states]
    assert Outbox.select().count() == 0


def test_change_while_it_is_written_is_not_lost(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the rows that were read are deleted: what came since leads to the next revision."""
    order = shop.order()
    put = shop.dispatcher._staging.put

    def change_and_put(*arguments: Any) -> None:
        monkeypatch.undo()
        Order.update(notes="changed").where(Order.system_id == order.system_id).execute()
        put(*arguments)

    monkeypatch.setattr(shop.dispatcher._staging, "put", change_and_put)

    assert len(shop.dispatch()) == 2
    assert [row["Notes"] for row in shop.rows(order, "order_data")] == ["changed"]
    assert shop.export(order).revision == 2


def test_many_go_in_turns_in_the_order_of_their_commits(local: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once."""
    monkeypatch.setattr(module, "MOST", 10)
    orders = [local.order() for _ in range(25)]

    assert local.dispatch() == [f"Orders/order_{order.system_id}" for order in orders]


def test_system_id_that_is_no_uuid_never_touches_the_disk(local: Shop) -> None:
    """The export is failed and says why; the others go on."""
    before = everything(local.settings)
    bad = ["../../../x", "/etc", ".", "", "C" * 36, "0192F3A0-5B6C-7D8E-9F00-112233445566"]
    for system_id in bad:
        Customer.create(system_id=system_id, account=local.account, company_name="Echo")

    assert local.dispatch() == []

    assert everything(local.settings) == before
    exports = list(Export.select().order_by(Export.number))
    assert [export.system_id for export in exports] == bad
    for export in exports:
        assert (export.state, export.revision) == ("failed", 0)
        assert "expected a UUID" in export.error
        assert export.path.startswith("Customers/customer_")
        assert "/" not in export.path.removeprefix("Customers/")
    assert Outbox.select().count() == 0

    Customer.create(system_id="...", account=local.account, company_name="Echo")
    local.order()
    assert len(local.dispatch()) == 1


def test_nothing_of_another_account_is_told(shop: Shop) -> None:
    """Plain SQL may refer to another partner's customer, address or product: such an order is refused."""
    other = Shop(shop.settings, "beta")
    orders = [
        shop.order(customer=other.customer),
        shop.order(billing_address=other.address()),
        shop.order({"product": other.lamp}),
    ]

    assert shop.dispatch() == []

    for order in orders:
        assert shop.export(order).state == "failed"
        assert "another account" in shop.export(order).error

    Order.update(customer=shop.customer).where(Order.system_id == orders[0].system_id).execute()
    assert shop.dispatch() == [f"Orders/order_{orders[0].system_id}"]
    assert (shop.export(orders[0]).state, shop.export(orders[0]).revision) == ("waiting", 1)


def test_what_the_outbox_asks_for_in_another_accounts_name_is_not_exported(shop: Shop) -> None:
    """Whatever program has written the row: a partner gets no order or customer of somebody else's."""
    other = Shop(shop.settings, "beta")
    order = other.order()
    Outbox.delete().execute()
    for kind, record in (("order", order), ("customer", other.customer)):
        Outbox.create(account=shop.account, kind=kind, entity=kind, system_id=record.system_id)

    assert shop.dispatch() == []

    assert everything(shop.settings) == set()
    assert (shop.exports(), Outbox.select().count()) == ([], 0)


def test_amount_that_is_no_number_fails_the_order(shop: Shop) -> None:
    """SQLite stores any text as an amount, both engines store NaN: the export says what was found, until corrected."""
    orders = [shop.order() for _ in range(3)]
    stored = "NaN" if is_postgres() else "two"
    database.execute_sql(f"UPDATE order_line SET quantity = '{stored}' WHERE order_id = '{orders[1].system_id}'")

    assert shop.dispatch() == [f"Orders/order_{orders[index].system_id}" for index in (0, 2)]

    failed = shop.export(orders[1])
    assert failed.state == "failed"
    assert "number" in failed.error
    assert stored in failed.error
    assert Outbox.select().count() == 0
    OrderLine.update(quantity=Decimal(3)).where(OrderLine.order == orders[1]).execute()
    assert shop.dispatch() == [f"Orders/order_{orders[1].system_id}"]


def test_change_settles_what_had_failed_before(local: Shop) -> None:
    """An order that could not be written is exported by its next change, and no retry or error is left of it."""
    local.tree.mkdir()
    (local.tree / "Orders").write_text("in the way")
    order = local.order()
    assert local.dispatch() == []
    (local.tree / "Orders").unlink()

    Order.update(notes="again").where(Order.system_id == order.system_id).execute()

    assert local.dispatch() == [f"Orders/order_{order.system_id}"]
    assert Outbox.select().count() == 0


def test_failure_of_one_is_tried_again_and_holds_up_nobody(local: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """The disk refuses the customers' folder: orders go on, the customer follows once it can, after growing pauses."""
    local.tree.mkdir()
    (local.tree / "Customers").write_text("in the way")
    customer, order = Customer.create(account=local.account, company_name="Echo"), local.order()

    assert local.dispatch() == [f"Orders/order_{order.system_id}"]

    assert f"Customers/customer_{customer.system_id} could not be exported, trying again in 1 s: [Errno" in caplog.text
    pauses = []
    for attempt in (1, 2, 3):
        [waiting] = Outbox.select()
        assert waiting.attempts == attempt
        assert "Customers" in waiting.error
        pauses.append((waiting.due_at - now()).total_seconds())
        assert local.dispatch() == []
        retry_now()
        if attempt < 3:
            local.dispatch()
    assert pauses == sorted(pauses)
    assert pauses[2] > 2 * pauses[0]

    (local.tree / "Customers").unlink()
    assert local.dispatch() == [f"Customers/customer_{customer.system_id}"]
    assert Outbox.select().count() == 0


def test_record_that_breaks_the_turn_holds_up_nobody(shop: Shop) -> None:
    """Something that nobody thought of, here a setting that no command lets through: it alone waits, with the error."""
    strange = Shop(shop.settings, "beta", export_delimiter="")
    orders = [shop.order(), strange.order(), shop.order()]

    assert shop.dispatch() == [f"Orders/order_{orders[index].system_id}" for index in (0, 2)]

    rows = list(Outbox.select())
    assert {row.system_id for row in rows} == {orders[1].system_id}
    assert "delimiter" in rows[0].error
    Account.update(export_delimiter=";").execute()
    retry_now()
    assert shop.dispatch() == [f"Orders/order_{orders[1].system_id}"]


def test_two_nodes_end_as_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that leads no longer finds its rows gone: what it has put there is looked at again."""
    order = shop.order()
    put = shop.dispatcher._staging.put

    def be_overtaken(*arguments: Any) -> None:
        monkeypatch.undo()
        Order.update(notes="newer").where(Order.system_id == order.system_id).execute()
        Dispatcher(shop.settings, lambda account, path: None).dispatch()
        put(*arguments)

    monkeypatch.setattr(shop.dispatcher._staging, "put", be_overtaken)
    shop.dispatch()
    shop.dispatch()

    assert [row["Notes"] for row in shop.rows(order, "order_data")] == ["newer"]
    assert len(shop.exports()) == 1
    assert Outbox.select().count() == 0


def test_account_that_is_removed_meanwhile_leaves_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the next account of its name would see it."""
    order = shop.order()
    put = shop.dispatcher._staging.put

    def put_and_remove(*arguments: Any) -> None:
        put(*arguments)
        OrderLine.delete().execute()
        Order.delete().execute()
        shop.account.delete_instance()

    monkeypatch.setattr(shop.dispatcher._staging, "put", put_and_remove)

    assert shop.dispatch() == []
    assert not shop.folder(order).exists()
    assert Outbox.select().count() == 0


def test_mirror_that_was_quicker_than_the_ledger_is_joined_to_it(shop: Shop) -> None:
    """A file that was mirrored before its export was recorded belongs to it afterwards."""
    order = shop.order()
    name = f"Orders/order_{order.system_id}/order_data_{order.system_id}.csv"
    ExportFile.create(account=shop.account, path=name, size=1, mtime_ns=1)

    shop.dispatch()

    assert ExportFile.get().export == shop.export(order)


def test_runs_until_it_is_told_to_stop(shop: Shop) -> None:
    """It finds what was committed before it ran and while it runs, removes what a killed one left, and stops soon."""
    left = shop.settings.exports / ".staging" / "dispatcher" / "dead" / "order_x"
    left.mkdir(parents=True)
    found, stopping = threading.Event(), threading.Event()
    dispatcher = Dispatcher(shop.settings, lambda account, path: found.set())

    def run() -> None:
        try:
            dispatcher.run(stopping)
        finally:
            database.close()

    order = shop.order()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert found.wait(20)
        assert not left.exists()
        found.clear()
        Order.update(notes="changed").where(Order.system_id == order.system_id).execute()
        assert found.wait(20)
    finally:
        stopping.set()
        thread.join(20)
    assert not thread.is_alive()


def test_lost_connection_is_survived(make_settings: Callable[..., Settings]) -> None:
    """Postgres ends all connections: the part is started again and exports what was committed meanwhile."""
    shop = Shop(make_settings("postgres"))
    told: queue.Queue[str] = queue.Queue()
    part = PartThread(Dispatcher(shop.settings, lambda account, path: told.put(path)))
    part.start()
    try:
        for _ in range(2):
            order = shop.order()
            assert told.get(timeout=20) == f"Orders/order_{order.system_id}"
            database.execute_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                 "WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip
    finally:
        part.tell_to_stop()
        part.join(20)
