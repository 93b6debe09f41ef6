"""What other programs put beside the files of an order or customer: say, the order's PDF."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from playhouse.migrations import Runner
from watchdog.observers.inotify_c import InotifyFD

import models
from exports import mirror_run
from models import Export, ExportFile
from models.migrate import MIGRATIONS
from settings import Settings
from tests.exports.mirroring import Shop, wait_for


@pytest.fixture
def shop(make_settings: Callable[..., Settings]) -> Shop:
    """Nothing but events tells the mirror of anything within a test."""
    return Shop(make_settings(settle_seconds=3, reconcile_seconds=3600))


@pytest.fixture
def hasty(shop: Shop) -> Shop:
    """The same, without patience for what is being written."""
    return Shop(dataclasses.replace(shop.settings, settle_seconds=0), "other")


def beside(shop: Shop, path: str) -> dict[str, str]:
    """What the partner sees beside our files."""
    return {name: text for name, text in shop.seen(path).items() if not name.endswith(".csv")}


def test_a_file_beside_an_order_appears_whole_and_changes_nothing_of_the_export(shop: Shop) -> None:
    """It is written slowly, into an order that was fetched: nobody is told of that again, and it stays collected."""
    with shop.mirroring():
        path = shop.put("one")
        shop.ready(path, "one")
        for name in shop.seen(path):
            assert shop.collect(f"{path}/{name}")
        assert shop.state(path) == "collected"
        with (shop.source / path / "order.pdf").open("w") as file:
            for page in range(15):
                file.write(f"{page} ")
                file.flush()
                time.sleep(0.1)
                assert beside(shop, path) == {}
        wait_for(lambda: beside(shop, path))

        assert beside(shop, path) == {"order.pdf": "".join(f"{page} " for page in range(15))}
        wait_for(lambda: shop.file(f"{path}/order.pdf").state == "mirrored")

    assert shop.state(path) == "collected"
    assert len(shop.listener.told) == 1
    assert shop.then == [Export.get().number]
    assert (shop.source / path / "order.pdf").stat().st_ino != (shop.target / path / "order.pdf").stat().st_ino


def test_it_stays_through_revisions_and_may_be_deleted_and_withdrawn(hasty: Shop) -> None:
    """A revision takes it along; what the partner deleted stays away, what was taken back in the tree goes."""
    with hasty.mirroring():
        path = hasty.put("one")
        hasty.ready(path, "one")
        for name in ("a.pdf", "b.pdf"):
            hasty.drop(f"{path}/{name}", name)
        wait_for(lambda: beside(hasty, path) == {"a.pdf": "a.pdf", "b.pdf": "b.pdf"})
        hasty.delete(f"{path}/a.pdf")

        hasty.put("two", path[-36:])

        wait_for(lambda: hasty.state(path) == "ready" and "two" in hasty.contents(path))
        wait_for(lambda: hasty.file(f"{path}/b.pdf").state == "mirrored")
        assert beside(hasty, path) == {"b.pdf": "b.pdf"}
        assert (hasty.target / path / "b.pdf").stat().st_ino != (hasty.source / path / "b.pdf").stat().st_ino

        hasty.drop(f"{path}/a.pdf", "another one")
        wait_for(lambda: beside(hasty, path) == {"a.pdf": "another one", "b.pdf": "b.pdf"})
        (hasty.source / path / "b.pdf").unlink()
        wait_for(lambda: beside(hasty, path) == {"a.pdf": "another one"})

    assert [event.revision for event in hasty.listener.told] == [1, 2]


def test_it_does_not_come_before_the_order_itself(hasty: Shop) -> None:
    """The folder appears in one step with our files; what a program has put there already, behind them."""
    path = hasty.put("one", recorded=False)
    hasty.drop(f"{path}/order.pdf", "PDF")
    Export.create(account=hasty.account, path=path, kind="order", entity="order", system_id=path[-36:], digest="0" * 64)
    with hasty.mirroring():
        marker = hasty.put("marker")
        hasty.ready(marker, "marker")
        time.sleep(1.5)
        assert hasty.seen(path) == {}

        hasty.put("one", path[-36:])

        wait_for(lambda: beside(hasty, path) == {"order.pdf": "PDF"})
        assert hasty.contents(path) == {"one", ""}


def test_orders_of_earlier_days_are_watched_after_a_start(hasty: Shop) -> None:
    """The newest of the ledger, though the mirror itself has written none of them."""
    with hasty.mirroring():
        path = hasty.put("one")
        hasty.ready(path, "one")
        hasty.drop("done.txt", "")
        wait_for((hasty.target / "done.txt").exists)
    with hasty.mirroring():
        hasty.drop("started.txt", "")
        wait_for((hasty.target / "started.txt").exists)
        hasty.drop(f"{path}/order.pdf", "PDF")
        wait_for(lambda: beside(hasty, path) == {"order.pdf": "PDF"})


def test_of_many_orders_the_newest_are_watched(
    hasty: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is put beside an older one appears with the next look that finds something new in its folder."""
    monkeypatch.setattr(mirror_run, "UNITS", 2)
    with caplog.at_level(logging.INFO), hasty.mirroring():
        hasty.ready(hasty.put("first"), "first")
        wait_for(lambda: "looked through the exports" in caplog.text)
        # From here on each order is told of once, by the kernel; one by one, because of several that are put at once
        # any may be delivered last.
        paths = []
        for number in range(3):
            paths.append(hasty.put(f"n{number}"))
            hasty.ready(paths[-1], f"n{number}")
        for path in (paths[0], paths[2]):
            hasty.drop(f"{path}/order.pdf", "PDF")
        wait_for(lambda: beside(hasty, paths[2]) == {"order.pdf": "PDF"})
        time.sleep(0.5)
        assert beside(hasty, paths[0]) == {}
    with hasty.mirroring():
        wait_for(lambda: beside(hasty, paths[0]) == {"order.pdf": "PDF"})


def test_a_folder_that_can_not_be_watched_costs_no_more_than_that(
    hasty: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The system's watches are used up by orders: no warning, and no look each few seconds."""
    add = InotifyFD.add_callback

    def full(inotify: InotifyFD, path: bytes, *more: Any) -> Any:
        if b"/order_" in path:
            raise OSError(28, "inotify watch limit reached")
        return add(inotify, path, *more)

    monkeypatch.setattr(InotifyFD, "add_callback", full)
    with hasty.mirroring():
        path = hasty.put("one")
        hasty.ready(path, "one")
        hasty.drop("Lists/a.csv", "1")
        wait_for((hasty.target / "Lists" / "a.csv").exists)
    assert "can't be watched" not in caplog.text


def test_what_a_former_version_took_for_part_of_an_export_is_none_any_more(settings: Settings) -> None:
    """The ledger's row is the other program's, what the partner did with it is kept; our files stay the export's."""
    shop = Shop(settings)
    runner = Runner(models.database.obj, str(MIGRATIONS))
    runner.down(target="0007_row_hash")
    export = Export.create(account=shop.account, path="Orders/order_1", kind="order", entity="order", system_id="1")
    full = Export.create(account=shop.account, path="Orders/ORDER_23_11_2026.csv", kind="full", entity="order")
    for path, of in {
        "Orders/order_1/order_data_1.csv": export,
        "Orders/order_1/order_items_1.csv": export,
        "Customers/customer_1/customer_data_1.csv": export,
        "Orders/order_1/order.pdf": export,
        "Customers/customer_1/letter.pdf": export,
        "Orders/ORDER_23_11_2026.csv": full,
        "Lists/a.csv": None,
    }.items():
        ExportFile.create(account=shop.account, export=of, path=path, size=1, mtime_ns=1, state="removed")

    runner.up()

    alone = ExportFile.select().where(ExportFile.export.is_null()).order_by(ExportFile.path)
    assert [(each.path, each.state) for each in alone] == [
        ("Customers/customer_1/letter.pdf", "removed"),
        ("Lists/a.csv", "removed"),
        ("Orders/order_1/order.pdf", "removed"),
    ]
    assert ExportFile.select().where(ExportFile.export.is_null(False)).count() == 4
