"""Others remove what was exported, and put files of their own beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from exports.folders import Staging
from exports.replay import replay
from models import Export, Order
from settings import Settings
from tests.shop import Shop, times


@pytest.fixture
def local(make_settings: Callable[..., Settings]) -> Shop:
    """One on SQLite, for what is about files."""
    return Shop(make_settings())


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
        shutil.rmtree(local.folder(order))
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
    replay(Export.number == local.export(order).number)
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
