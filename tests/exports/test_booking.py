"""What the mirror writes into the ledger when the dispatcher has changed it meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from exports.booking import Plan, announce, confirm, forget
from exports.tree import version
from models import Export, ExportFile, OrderLine, database
from models.ledger import By, Version, mark_removed
from settings import Settings
from tests.shop import Shop


def test_a_failure_is_not_hidden_by_the_revision_before(make_settings: Callable[..., Settings]) -> None:
    """The reason stays, though the files of the former revision have appeared; a correction is ready as ever."""
    shop = Shop(make_settings("sqlite"))
    order = shop.order()
    shop.dispatch()
    plan = planned(shop)
    announce(shop.account.id, [plan])
    database.execute_sql("UPDATE order_line SET quantity = 'two'")
    shop.dispatch()

    assert confirm(shop.account.id, [plan]) == []

    assert shop.export(order).state == "failed"
    assert "quantity" in shop.export(order).error
    assert {file.state for file in ExportFile.select()} == {"mirrored"}

    OrderLine.update(quantity=3).execute()
    shop.dispatch()
    plan = planned(shop)
    announce(shop.account.id, [plan])
    assert confirm(shop.account.id, [plan]) == [shop.export(order).number]
    assert (shop.export(order).state, shop.export(order).error) == ("ready", "")


def test_a_full_export_appears_though_a_later_one_of_its_day_has_failed(make_settings: Callable[..., Settings]) -> None:
    """Both have one path and one row; the file that is there was written whole."""
    shop = Shop(make_settings("sqlite"))
    path = "ORDER_23_11_2026.csv"
    export = Export.create(account=shop.account, path=path, kind="full", entity="order", digest="0" * 64)
    shop.tree.mkdir(parents=True, exist_ok=True)
    (shop.tree / path).write_text("a,b\n")
    plan = Plan(path, {path: version((shop.tree / path).stat())}, export, folder=False)
    announce(shop.account.id, [plan])
    Export.update(state="failed", error="no room").execute()

    assert confirm(shop.account.id, [plan]) == [export.number]
    assert Export.get().state == "ready"


def test_only_what_other_programs_took_back_is_forgotten(settings: Settings) -> None:
    """Forgotten, a file that the partner has had or deleted would appear again: that of an export never is."""
    shop, other = Shop(settings), Shop(settings, "beta")
    shop.order()
    shop.dispatch()
    plan = planned(shop)
    alone = Plan("list.csv", {"list.csv": Version(1, 1)})
    announce(shop.account.id, [plan, alone])
    announce(other.account.id, [alone])

    forget(shop.account.id, [*plan.files, "list.csv"])

    left = {(file.account_id, file.path) for file in ExportFile.select()}
    assert left == {(shop.account.id, path) for path in plan.files} | {(other.account.id, "list.csv")}


def test_files_that_a_revision_has_no_more_leave_the_ledger(settings: Settings) -> None:
    """Those of other programs stay there, and those that it still has as they are: what was deleted stays away."""
    shop = Shop(settings)
    shop.order()
    shop.dispatch()
    plan = planned(shop)
    former = Plan(plan.path, plan.files | {f"{plan.path}/order_notes.csv": Version(1, 1)}, plan.export, folder=True)
    beside = Plan("list.csv", {"list.csv": Version(1, 1)})
    announce(shop.account.id, [former, beside])
    assert ExportFile.select().count() == len(plan.files) + 2
    deleted = min(plan.files)
    mark_removed(shop.account.id, deleted, By("acme"), plan.files[deleted])

    announce(shop.account.id, [plan])

    assert {file.path for file in ExportFile.select()} == {*plan.files, "list.csv"}
    assert [file.path for file in ExportFile.select().where(ExportFile.state == "removed")] == [deleted]
    assert plan.placing.keys() == plan.files.keys() - {deleted}


def planned(shop: Shop) -> Plan:
    """The only export, as the mirror finds it."""
    export = Export.get()
    files = {f"{export.path}/{each.name}": version(each.stat()) for each in (shop.tree / export.path).iterdir()}
    return Plan(export.path, files, export, folder=True)
