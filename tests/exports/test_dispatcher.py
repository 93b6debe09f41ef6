"""What is committed as confirmed lies in the export tree: once, whole, in its newest revision."""

from __future__ import annotations

import datetime as dt
import os
import queue
import shutil
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine

from exports import dispatcher as module
from exports import swap
from exports.dispatcher import Dispatcher
from exports.folders import Staging
from exports.job import REPLAY
from exports.parts import PartThread
from exports.replay import replay
from models import Account, Customer, Export, ExportFile, Order, OrderLine, Outbox, database, is_postgres, now
from settings import Settings
from tests.shop import Shop


@pytest.fixture
def shop(settings: Settings) -> Shop:
    """One on each engine."""
    return Shop(settings)


@pytest.fixture
def local(make_settings: Callable[..., Settings]) -> Shop:
    """One on SQLite, for what is about files."""
    return Shop(make_settings())


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def everything(settings: Settings) -> set[str]:
    """All files and folders of the home but those of the database."""
    return {str(path.relative_to(settings.home)) for path in settings.exports.rglob("*")}


def empty(folder: Path) -> None:
    """Somebody tidied the tree."""
    shutil.rmtree(folder)


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
    """An order that was deleted or went back to draft before it was read is no export, and nobody waits for it."""
    deleted, draft, other = shop.order(), shop.order(), shop.order()
    deleted.delete_instance()
    Order.update(status="draft").where(Order.system_id == draft.system_id).execute()

    assert shop.dispatch() == [f"Orders/order_{other.system_id}"]
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


def test_removed_export_comes_back_with_a_change(local: Shop) -> None:
    """What the partner deleted stays away until there is something new to tell."""
    order = local.order()
    local.dispatch()
    Export.update(state="removed").execute()

    Order.update(notes="urgent").where(Order.system_id == order.system_id).execute()

    assert local.dispatch() == [f"Orders/order_{order.system_id}"]
    assert local.exports() == [(f"Orders/order_{order.system_id}", "waiting", 2)]


def test_folder_that_is_missing_is_written_again_unless_the_partner_had_it(local: Shop) -> None:
    """Somebody emptied the tree: what nobody has fetched comes back with the next look, what was fetched does not."""
    ready, collected = local.order(), local.order()
    local.dispatch()
    Export.update(state="ready").where(Export.system_id == ready.system_id).execute()
    Export.update(state="collected").where(Export.system_id == collected.system_id).execute()
    for order in (ready, collected):
        empty(local.folder(order))
        order.save()

    assert local.dispatch() == [f"Orders/order_{ready.system_id}"]
    assert not local.folder(collected).exists()


def test_files_of_other_programs_stay_beside_ours(local: Shop) -> None:
    """Say, an order's PDF: they neither make a revision nor get lost by one, and a replay leaves them as they are."""
    order = local.order()
    local.dispatch()
    (local.folder(order) / "order.pdf").write_text("PDF")
    (local.folder(order) / "more").mkdir()
    (local.folder(order) / "more" / "sheet.pdf").write_text("more")
    before = times(local.folder(order))["order.pdf"]

    order.save()
    assert local.dispatch() == []
    Order.update(notes="changed").execute()
    replay([local.export(order)])
    local.dispatch()

    assert times(local.folder(order))["order.pdf"] == before
    assert (local.folder(order) / "more" / "sheet.pdf").read_text() == "more"
    assert [row["Notes"] for row in local.rows(order, "order_data")] == ["changed"]
    assert local.export(order).revision == 2


def test_a_file_that_came_while_the_folder_was_exchanged_stays(local: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one, and one that was written anew, after the dispatcher had looked what lies beside ours."""
    order = local.order()
    local.dispatch()
    folder = local.folder(order)
    for name in ("old.pdf", "same.pdf"):
        (folder / name).write_text("one")
    keep = Staging.keep

    def then(staging: Staging, *arguments: Any) -> None:
        keep(staging, *arguments)
        (folder / "new.pdf").write_text("new")
        (folder / "old.pdf.part").write_text("two")
        (folder / "old.pdf.part").replace(folder / "old.pdf")

    monkeypatch.setattr(Staging, "keep", then)
    Order.update(notes="changed").execute()
    local.dispatch()

    assert {each.name: each.read_text() for each in folder.glob("*.pdf")} == {
        "new.pdf": "new", "old.pdf": "two", "same.pdf": "one"}  # fmt: skip
    assert [row["Notes"] for row in local.rows(order, "order_data")] == ["changed"]


def test_a_kill_between_two_renames_takes_nothing_of_other_programs(
    local: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where two names can't be exchanged the former folder lies aside by then, and nothing in its place."""
    order = local.order()
    local.dispatch()
    folder = local.folder(order)
    (folder / "order.pdf").write_text("PDF")

    class Killed(BaseException):
        """Whatever would make it good is not run."""

    def half(staged: Path, target: Path, aside: Path) -> None:
        target.rename(aside)
        raise Killed

    monkeypatch.setattr(swap, "_libc", object())
    monkeypatch.setattr(swap, "_replace_in_two_steps", half)
    Order.update(notes="changed").execute()
    with pytest.raises(Killed):
        local.dispatch()
    assert not folder.exists()
    monkeypatch.undo()

    Staging(local.settings).clear()
    assert (folder / "order.pdf").read_text() == "PDF"
    local.dispatch()
    assert (folder / "order.pdf").read_text() == "PDF"
    assert [row["Notes"] for row in local.rows(order, "order_data")] == ["changed"]
    assert local.export(order).revision == 2


def test_what_appears_outlasts_a_power_cut(local: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and their folder are synced before they appear, the folder in which they did before the ledger has them."""
    order = local.order()
    target, synced = local.folder(order), []

    def fsync(handle: int, fsync: Callable[[int], None] = os.fsync) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        appeared = target.exists()
        # Before that it is done by threads, which have no connection to the database.
        synced.append((path, appeared, appeared and Export.select().exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    assert len(local.dispatch()) == 1

    staged = [path.name for path, appeared, _ in synced if not appeared and ".staging" in path.parts]
    assert sorted(staged[:-1]) == [f"order_data_{order.system_id}.csv", f"order_items_{order.system_id}.csv"]
    assert staged[-1] == target.name
    assert (target.parent, True, False) in synced


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


def test_replay_is_a_new_revision_with_new_times(shop: Shop) -> None:
    """Of what is confirmed with what is stored now; the commit's moment stays."""
    order = shop.order()
    shop.dispatch()
    before, created = times(shop.folder(order)), shop.export(order).created_at
    Export.update(state="removed").execute()

    assert replay([shop.export(order)]) == 1
    assert shop.dispatch() == [f"Orders/order_{order.system_id}"]

    after = shop.export(order)
    assert (after.state, after.revision, after.created_at) == ("waiting", 2, created)
    assert all(each > before[name] for name, each in times(shop.folder(order)).items())
    assert not after.digest.startswith(REPLAY)


def test_replay_of_what_a_clock_that_was_ahead_has_written(local: Shop) -> None:
    """Its files are later than the request, and are no answer to it; those of others get no later times by that."""
    with time_machine.travel(dt.datetime(2126, 11, 23, tzinfo=dt.UTC)):
        early = local.order()
        local.dispatch()
    order = local.order()
    local.dispatch()
    before = times(local.folder(early))
    for each in (early, order):
        _mirrored(local, each)

    replay([local.export(early), local.export(order)])
    local.dispatch()

    assert [local.export(each).revision for each in (early, order)] == [2, 2]
    assert all(each > before[name] for name, each in times(local.folder(early)).items())
    assert max(times(local.folder(order)).values()) < min(before.values())


def _mirrored(shop: Shop, order: Order) -> None:
    """The ledger has the files of its folder."""
    for file in shop.folder(order).iterdir():
        ExportFile.create(account=shop.account, export=shop.export(order), size=1,
                          path=str(file.relative_to(shop.tree)), mtime_ns=file.stat().st_mtime_ns)  # fmt: skip


def test_replay_of_an_order_that_is_confirmed_no_longer(local: Shop) -> None:
    """It comes as it was exported while its files are there, else as it is now; if it is gone, too, that is told."""
    order = local.order()
    local.dispatch()
    Order.update(status="shipped").execute()

    replay([local.export(order)])
    assert local.dispatch() == [f"Orders/order_{order.system_id}"]
    assert [row["Status"] for row in local.rows(order, "order_data")] == ["confirmed"]

    empty(local.folder(order))
    replay([local.export(order)])
    local.dispatch()
    assert [row["Status"] for row in local.rows(order, "order_data")] == ["shipped"]

    empty(local.folder(order))
    order.delete_instance()
    replay([local.export(order)])
    local.dispatch()
    assert (local.export(order).state, local.export(order).revision) == ("failed", 3)
    assert "nothing can be put back" in local.export(order).error


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


@pytest.fixture
def killed_at(settings: Settings) -> Callable[[int], bool]:
    """killed_at(step) -> whether SIGKILL came before the dispatcher was done: at its step of that number."""

    def run(step: int) -> bool:
        database.close()
        pid = os.fork()
        if pid == 0:
            try:
                die_before(step)
                Dispatcher(settings, lambda account, path: None).dispatch()
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        database.connect()
        return os.WIFSIGNALED(status)

    return run


def die_before(step: int) -> None:
    """In a process of its own: count what the dispatcher does to files and to the database, and end in the midst."""
    import signal
    import sys

    from exports import swap
    from models.base import database as proxy

    left = step

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            count()
            return function(*arguments, **options)

        return call

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        writing = event == "open" and "exports" in str(arguments[0]) and arguments[1] in ("w", "wb")
        if writing or event in ("os.mkdir", "os.rename", "os.utime", "os.remove", "os.rmdir"):
            count()

    sys.addaudithook(hear)
    swap.exchange = counted(swap.exchange)
    proxy.obj.execute_sql = counted(proxy.obj.execute_sql)
    proxy.obj.commit = counted(proxy.obj.commit)


def test_sigkill_at_every_step_ends_in_the_same_place(shop: Shop, killed_at: Callable[[int], bool]) -> None:
    """A new order and a changed one are there once and whole, in one version for each revision."""
    changed = shop.order()
    shop.dispatch()
    step, killed, revision = 0, True, 1
    while killed:
        step += 4 if is_postgres() else 1  # The files are the same.
        revision += 1
        new = shop.order()
        Order.update(notes=f"change {step}").where(Order.system_id == changed.system_id).execute()
        before = times(shop.folder(changed))

        killed = killed_at(step)

        left = {order: times(shop.folder(order)) for order in (new, changed) if shop.folder(order).exists()}
        shop.dispatch()
        for order, notes, wanted in ((new, "", 1), (changed, f"change {step}", revision)):
            assert [row["Notes"] for row in shop.rows(order, "order_data")] == [notes]
            assert len(shop.rows(order, "order_items")) == 1
            assert (shop.export(order).state, shop.export(order).revision) == ("waiting", wanted)
            # What the killed one had put into place was kept, or a partner might see it twice.
            assert left.get(order) in (times(shop.folder(order)), before if order is changed else None)
        assert Outbox.select().count() == 0
    assert step > 25
