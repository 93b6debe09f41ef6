"""An export is put back as it was, or written anew, and is a new revision."""

from __future__ import annotations

import datetime as dt
import importlib
import shutil
import tracemalloc
from collections.abc import Callable

import pytest
import time_machine

from exports.job import REPLAY
from exports.replay import extent, replay
from models import Account, Customer, Export, ExportFile, Order, Outbox
from models.ledger import By, Version, mark_collected, mark_removed
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


def test_replay_is_a_new_revision_with_new_times(shop: Shop) -> None:
    """Of what is confirmed with what is stored now; the commit's moment stays."""
    order = shop.order()
    shop.dispatch()
    before, created = times(shop.folder(order)), shop.export(order).created_at
    Export.update(state="removed").execute()

    assert replay(Export.number == shop.export(order).number) == 1
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

    replay(Export.number.in_([local.export(early).number, local.export(order).number]))
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

    replay(Export.number == local.export(order).number)
    assert local.dispatch() == [f"Orders/order_{order.system_id}"]
    assert [row["Status"] for row in local.rows(order, "order_data")] == ["confirmed"]

    shutil.rmtree(local.folder(order))
    replay(Export.number == local.export(order).number)
    local.dispatch()
    assert [row["Status"] for row in local.rows(order, "order_data")] == ["shipped"]

    shutil.rmtree(local.folder(order))
    order.delete_instance()
    replay(Export.number == local.export(order).number)
    local.dispatch()
    assert (local.export(order).state, local.export(order).revision) == ("failed", 3)
    assert "nothing can be put back" in local.export(order).error


@pytest.mark.parametrize("state", ["ready", "collected", "removed"])
def test_a_vain_replay_leaves_what_lies_in_the_partner_s_folder(shop: Shop, state: str) -> None:
    """It can be fetched, and that is booked, as if nobody had asked; only the error tells of it. What was removed from
    there is given up."""
    order = shop.order()
    shop.dispatch()
    _mirrored(shop, order)
    Export.update(state="ready").execute()
    files = list(ExportFile.select())
    if state == "collected":
        _collect(files)
    if state == "removed":
        for file in files:
            mark_removed(file.account_id, file.path, By("acme", "::1"))
    shutil.rmtree(shop.folder(order))
    order.delete_instance()

    replay(Export.number > 0)
    assert (shop.dispatch(), Outbox.select().count()) == ([], 0)

    found = shop.export(order)
    assert (found.state, found.revision) == ("failed" if state == "removed" else state, 1)
    assert "nothing can be put back" in found.error
    if state != "removed":
        _collect(files)
        assert shop.export(order).state == "collected"


def _collect(files: list[ExportFile]) -> None:
    for file in files:
        mark_collected(file.account_id, file.path, Version(file.size, file.mtime_ns), By("acme", "::1"))


@pytest.mark.parametrize("asked", [False, True])
def test_data_that_forbid_an_export_fail_it_unless_it_was_only_asked_for_again(local: Shop, asked: bool) -> None:
    """A change that can't be exported is to be seen in the state; what was corrected comes."""
    order = local.order()
    local.dispatch()
    Export.update(state="ready").execute()
    Customer.update(account=Account.create(name="beta")).execute()
    if asked:
        replay(Export.number > 0)
    else:
        Order.update(notes="changed").execute()
    local.dispatch()

    assert (local.export(order).state, local.export(order).error != "") == ("ready" if asked else "failed", True)
    Customer.update(account=local.account).execute()
    Order.update(notes="corrected").execute()
    local.dispatch()
    assert (local.export(order).state, local.export(order).revision, local.export(order).error) == ("waiting", 2, "")


def test_many_are_put_back_page_by_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is left out, and none comes twice; those of another account stay."""
    monkeypatch.setattr(importlib.import_module("exports.replay"), "AT_ONCE", 2)
    orders = [shop.order() for _ in range(5)]
    shop.dispatch()
    other = Shop(shop.settings, "beta")
    other.order()
    other.dispatch()

    found = extent(shop.account, Export.number > 0)
    assert found is not None
    assert (replay(found.wanted), sorted(shop.dispatch())) == (
        5, sorted(f"Orders/order_{order.system_id}" for order in orders)
    )  # fmt: skip


def test_what_is_exported_while_an_admin_is_asked_is_not_put_back(shop: Shop) -> None:
    """It was not counted."""
    shop.order()
    shop.dispatch()
    found = extent(shop.account, Export.number > 0)
    shop.order()
    shop.dispatch()

    assert found is not None
    assert (found.kinds, replay(found.wanted)) == ({"order": 1}, 1)
    assert extent(shop.account, Export.number < 0) is None


def test_a_replay_of_many_takes_little_memory(local: Shop) -> None:
    """A year of orders may be more than fits into it."""
    rows = ({"account": local.account, "kind": "order", "entity": "order", "system_id": f"{number:036}",
             "path": f"Orders/order_{number:036}"} for number in range(10_000))  # fmt: skip
    Export.insert_many(list(rows)).execute()
    tracemalloc.start()
    try:
        found = extent(local.account, Export.number > 0)
        assert found is not None
        assert replay(found.wanted) == 10_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 10_000_000
