"""What the mirror writes into the ledger when the dispatcher has changed it meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from exports.booking import Plan, announce, confirm
from exports.tree import version
from models import Export, ExportFile, OrderLine, database
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


def planned(shop: Shop) -> Plan:
    """The only export, as the mirror finds it."""
    export = Export.get()
    files = {f"{export.path}/{each.name}": version(each.stat()) for each in (shop.tree / export.path).iterdir()}
    return Plan(export.path, files, export, folder=True)
