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


def planned(shop: Shop) -> Plan:
    """The only export, as the mirror finds it."""
    export = Export.get()
    files = {f"{export.path}/{each.name}": version(each.stat()) for each in (shop.tree / export.path).iterdir()}
    return Plan(export.path, files, export, folder=True)
