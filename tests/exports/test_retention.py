"""What is deleted once it is too old, and what is not."""

from __future__ import annotations

import datetime as dt
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from peewee import InterfaceError

import accounts
import layout
from exports import retention
from exports.keeper import Keeper
from exports.old_exports import old_exports
from exports.retention import put_back
from layout import make_account_folders
from models import Account, Export, ExportFile, ImportRun, Upload, now
from models.ledger import By, Version, mark_collected, mark_removed
from models.target import Delivery, Target
from settings import Settings
from tests.exports.keeping import FOLDERS, Shop, Travel


def test_what_imports_left_goes_after_its_days(shop: Shop, travel: Travel) -> None:
    """Counted from the import's end, whatever the file's own time is."""
    files = [shop.imported("processed"), shop.imported("failed"), shop.imported("reports", ".report.csv"),
             shop.imported("reports", ".rejected.csv"), shop.imported("reports", ".ids.csv")]  # fmt: skip
    travel("2026-12-23 13:59")
    shop.look()
    assert all(file.exists() for file in files)
    travel("2026-12-24 14:01")
    for file in files:
        os.utime(file)
    late = shop.imported("processed")
    os.utime(late, (0, 0))
    shop.look()
    assert [file for file in files if file.exists()] == []
    assert late.exists()


def test_files_of_an_import_that_goes_on_stay(shop: Shop, travel: Travel) -> None:
    """However old they are."""
    file = shop.imported("processed", status="running", finished_at=None)
    os.utime(file, (0, 0))
    travel("2028-01-01 00:00")
    shop.look()
    assert file.exists()


def test_a_file_that_no_import_explains_goes_by_its_own_time(shop: Shop, travel: Travel) -> None:
    """It may be of an account of that name before."""
    folder = layout.account_root(shop.settings, "acme") / "Orders" / "processed"
    old, young = folder / "ORDER_18_09_2024.000777.csv", folder / "notes.txt"
    for file, days in ((old, 31), (young, 29)):
        file.write_text("x")
        moment = (now() - dt.timedelta(days=days)).timestamp()
        os.utime(file, (moment, moment))
    shop.look()
    assert (old.exists(), young.exists()) == (False, True)


def test_the_number_of_another_accounts_import_explains_no_file(shop: Shop) -> None:
    """A file of a former account of the name: it goes by its own time, neither earlier nor later."""
    numbers: list[int] = []
    for finished in (now() - dt.timedelta(days=40), None):
        made = Upload.create(
            account=Account.create(name=f"other{len(numbers)}"), entity="product", name="P.csv", size=1
        )
        ImportRun.begin(made, status="completed" if finished else "running", finished_at=finished)
        numbers.append(made.id)
    folder = layout.account_root(shop.settings, "acme") / "Products" / "processed"
    young, old = (folder / layout.numbered("PRODUCT_18_09_2024.csv", number) for number in numbers)
    for file, days in ((young, 29), (old, 31)):
        file.write_text("x")
        moment = (now() - dt.timedelta(days=days)).timestamp()
        os.utime(file, (moment, moment))

    shop.look()

    assert (young.exists(), old.exists()) == (True, False)


def test_exports_that_were_collected_go_from_both_sides(shop: Shop, travel: Travel) -> None:
    """With their folder, and the ledger says that it was retention."""
    order, full = shop.export(), shop.export("Products/PRODUCT_23_11_2026.csv")
    shop.collect(order)
    shop.collect(full)
    travel("2026-12-24 14:00")
    shop.look()
    for export in (order, full):
        assert not shop.source(export.path).exists()
        assert not shop.target(export.path).exists()
        row = Export.get_by_id(export.number)
        assert (row.state, row.removed_by, row.collected_by) == ("removed", "retention", "acme")
    assert {file.removed_by for file in ExportFile.select()} == {"retention"}
    assert shop.target("Orders").exists()


def test_exports_that_the_partner_deleted_go_from_the_tree(shop: Shop, travel: Travel) -> None:
    """The ledger keeps who it was."""
    order = shop.export()
    for file in ExportFile.select():
        mark_removed(shop.account.id, file.path, By("acme"))
        shop.target(file.path).unlink()
    travel("2026-12-24 14:00")
    shop.look()
    assert not shop.source(order.path).exists()
    assert Export.get().removed_by == "acme"


@pytest.mark.parametrize("sides", ["source target", "source", "target"])
def test_exports_go_from_a_home_that_was_put_back_with_whole_seconds(shop: Shop, travel: Travel, sides: str) -> None:
    """Copies keep no more of the time. One side may have been copied and not the other."""
    order = shop.export()
    shop.collect(order)
    for file in ExportFile.select():
        shop.target(file.path).unlink()
        shutil.copy2(shop.source(file.path), shop.target(file.path))
        for side in sides.split():
            os.utime(getattr(shop, side)(file.path), ns=(0, file.mtime_ns // 10**9 * 10**9))
    travel("2026-12-24 14:00")
    shop.look()
    assert not shop.source(order.path).exists()
    assert not shop.target(order.path).exists()


def test_what_was_not_collected_stays(shop: Shop, travel: Travel) -> None:
    """An export, half of an export, a newer revision that waits, another program's file: however old."""
    ready, half, waiting = shop.export(), shop.export(), shop.export()
    shop.file("Invoices/1.pdf")
    file = ExportFile.select().where(ExportFile.export == half).first()
    mark_collected(shop.account.id, file.path, Version(file.size, file.mtime_ns), By("acme"))
    shop.collect(waiting)
    Export.update(state="waiting").where(Export.number == waiting.number).execute()
    travel("2028-01-01 00:00")
    shop.look()
    for path in (ready.path, half.path, waiting.path, "Invoices/1.pdf"):
        assert shop.source(path).exists()
        assert shop.target(path).exists()


def test_a_revision_that_nobody_has_recorded_yet_stays(shop: Shop, travel: Travel) -> None:
    """The tree is ahead of the ledger for a moment."""
    order = shop.export()
    shop.collect(order)
    travel("2026-12-24 14:00")
    newer = next(shop.source(order.path).iterdir())
    newer.unlink()
    newer.write_text("newer")
    shop.look()
    assert newer.read_text() == "newer"
    assert Export.get().state == "collected"


@pytest.fixture
def second(shop: Shop, travel: Travel) -> tuple[Export, Iterator[tuple[str, int]]]:
    """Of two exports that were both found to be over, the one whose turn it is next; the deletion that goes on."""
    exports = {each.path: each for each in (shop.export(), shop.export())}
    for each in exports.values():
        shop.collect(each)
    travel("2026-12-24 14:00")
    deletion = old_exports(shop.settings, shop.account, now())
    del exports[next(deletion)[0]]
    (left,) = exports.values()
    return left, deletion


def test_an_export_that_waits_again_meanwhile_stays(
    shop: Shop, second: tuple[Export, Iterator[tuple[str, int]]]
) -> None:
    """It was asked for once more between the look at it and its turn."""
    export, deletion = second
    Export.update(state="waiting").where(Export.number == export.number).execute()

    assert list(deletion) == []

    for side in (shop.source, shop.target):
        assert len(list(side(export.path).iterdir())) == 2
    assert {file.removed_by for file in ExportFile.select().where(ExportFile.export == export)} == {None}


def test_a_revision_that_comes_meanwhile_is_put_back(
    shop: Shop, second: tuple[Export, Iterator[tuple[str, int]]], caplog: pytest.LogCaptureFixture
) -> None:
    """It took the old one's place between the look at it and its turn; all is as before."""
    export, deletion = second
    newer = next(shop.source(export.path).iterdir())
    newer.unlink()
    newer.write_text("newer")

    assert list(deletion) == []

    assert newer.read_text() == "newer"
    for side in (shop.source, shop.target):
        assert len(list(side(export.path).iterdir())) == 2
    assert Export.get_by_id(export.number).state == "collected"
    assert {file.removed_by for file in ExportFile.select().where(ExportFile.export == export)} == {None}
    assert f"{export.path} of acme can't be deleted" in caplog.text


def test_what_is_still_to_be_pushed_stays(shop: Shop, travel: Travel) -> None:
    """Until its target has it."""
    order = shop.export()
    shop.collect(order)
    target = Target.create(account=shop.account, url="ftps://example.com/in")
    Delivery.create(target=target, export=order, revision=1)
    travel("2026-12-24 14:00")
    shop.look()
    assert shop.source(order.path).exists()
    Delivery.update(state="delivered").execute()
    travel("2026-12-25 14:01")
    shop.look()
    assert not shop.source(order.path).exists()


def test_another_programs_file_goes_when_it_was_collected(shop: Shop, travel: Travel) -> None:
    """With the folder that it leaves empty, but not the topmost."""
    version = shop.file("Invoices/2026/1.pdf")
    mark_collected(shop.account.id, "Invoices/2026/1.pdf", version, By("acme"))
    travel("2026-12-24 14:00")
    shop.look()
    for side in (shop.source, shop.target):
        assert side("Invoices").is_dir()
        assert not side("Invoices/2026").exists()


def test_what_can_not_be_deleted_keeps_nothing_else(
    shop: Shop, travel: Travel, caplog: pytest.LogCaptureFixture
) -> None:
    """It stays as it was, and the log tells."""
    first, second = shop.export(), shop.export()
    shop.collect(first)
    shop.collect(second)
    blocked = shop.settings.exports / ".staging" / "retention" / "acme" / first.path
    blocked.mkdir(parents=True)
    (blocked / "in the way").touch()
    travel("2026-12-24 14:00")
    shop.look()
    assert (shop.source(first.path).exists(), shop.source(second.path).exists()) == (True, False)
    assert Export.get_by_id(first.number).state == "collected"
    assert any(f"{first.path} of acme can't be deleted" in message for message in caplog.messages)


def test_what_a_kill_left_aside_is_put_back(shop: Shop) -> None:
    """To where it was, unless something newer lies there."""
    lost, newer = shop.export(), shop.export()
    aside = shop.settings.exports / ".staging" / "retention" / "acme"
    for each in (lost, newer):
        (aside / each.path).parent.mkdir(parents=True, exist_ok=True)
        shop.source(each.path).rename(aside / each.path)
    shop.source(newer.path).mkdir()
    (shop.source(newer.path) / "newer.csv").write_text("newer")
    put_back(shop.settings)
    assert len(list(shop.source(lost.path).iterdir())) == 2
    assert [file.name for file in shop.source(newer.path).iterdir()] == ["newer.csv"]
    assert not aside.exists()


def test_it_is_done_once_a_day(shop: Shop, travel: Travel) -> None:
    """Remembered in the home, so that neither another node nor a new start does it again."""
    shop.look()
    file = shop.imported("processed", finished_at=now() - dt.timedelta(days=40))
    shop.look()
    travel("2026-11-24 13:59")
    shop.look()
    assert file.exists()
    travel("2026-11-24 14:00")
    shop.look()
    assert not file.exists()


def test_a_clock_that_was_ahead_puts_off_no_deletion(shop: Shop, travel: Travel) -> None:
    """Nor is it repeated by a node whose clock is a little behind."""
    travel("2027-11-23 14:00")
    shop.look()
    travel("2026-11-23 14:00")
    file = shop.imported("processed", finished_at=now() - dt.timedelta(days=40))
    shop.look()
    assert not file.exists()
    travel("2026-11-23 13:50")
    file = shop.imported("processed", finished_at=now() - dt.timedelta(days=40))
    shop.look()
    assert file.exists()


def test_nothing_is_deleted_unless_a_setting_says_so(
    shop: Shop, settings: Settings, travel: Travel, caplog: pytest.LogCaptureFixture
) -> None:
    """The default; and of what a setting says the log tells."""
    file, order = shop.imported("processed"), shop.export()
    shop.collect(order)
    travel("2030-01-01 00:00")
    with caplog.at_level(logging.INFO):
        shop.look(settings)
        assert (file.exists(), shop.source(order.path).exists(), caplog.messages) == (True, True, [])
        shop.look(replace(settings, keep_processed_days=30))
    assert (file.exists(), shop.source(order.path).exists()) == (False, True)
    assert caplog.messages == ["retention: deleted 1 of processed of acme"]


def test_a_long_deletion_lets_the_clock_go_on(shop: Shop, travel: Travel) -> None:
    """A part of it at each look."""
    files = [shop.imported("processed") for _ in range(60)]
    accounts.set_export_schedule(shop.account, ["product"], "0 2 * * *")
    travel("2027-01-01 00:00")
    keeper = Keeper(shop.settings, FOLDERS)
    keeper.look(now())
    assert sum(file.exists() for file in files) == 10
    assert shop.asked() == ["product"]
    keeper.look(now())
    assert sum(file.exists() for file in files) == 0


def test_a_dry_run_tells_and_keeps(shop: Shop, travel: Travel) -> None:
    """What would be deleted, and how large it is."""
    file, order = shop.imported("processed"), shop.export()
    shop.collect(order)
    travel("2026-12-24 14:00")
    told = list(retention.sweep(shop.settings, FOLDERS, now(), dry_run=True))
    size = sum(each.size for each in ExportFile.select())
    assert [(each.account, each.what, each.path, each.size) for each in told] == [
        ("acme", "processed", f"Products/processed/{file.name}", 1),
        ("acme", "exports", order.path, size),
    ]
    assert (file.exists(), shop.source(order.path).exists()) == (True, True)
    assert Export.get().state == "collected"


def test_a_folder_that_can_not_be_read_keeps_nothing_else(
    shop: Shop, travel: Travel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Root may read all there is, so the refusal is made up."""
    export = shop.export()
    shop.collect(export)
    (shop.settings.exports / "acme" / "Closed").mkdir()
    travel("2026-12-24 14:00")
    real = os.scandir

    def scandir(path: Any) -> Any:
        if str(path).endswith("/Closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    shop.look()

    assert not shop.source(export.path).exists()
    assert any("Closed can't be looked at" in message for message in caplog.messages)


def test_an_odd_name_in_the_export_tree_keeps_nothing_else(shop: Shop, travel: Travel) -> None:
    """Names that are not UTF-8, of files, folders and what lies beside an order's files, which goes with the order."""
    first, last = shop.export(), shop.export("Products/PRODUCT_23_11_2026.csv")
    for export in (first, last):
        shop.collect(export)
    odd, folder = os.fsdecode(b"caf\xe9.pdf"), os.fsdecode(b"Men\xfc")
    shop.source(folder).mkdir()
    for path in (odd, f"{folder}/{odd}", f"{folder}/plain.pdf", f"{first.path}/{odd}"):
        shop.source(path).write_text("odd")
    travel("2026-12-24 14:00")
    shop.look()

    assert not shop.source(first.path).exists()
    assert not shop.source(last.path).exists()
    assert sorted(each.name for each in shop.source(folder).iterdir()) == [odd, "plain.pdf"]
    assert shop.source(odd).exists()
    assert not retention.is_due(shop.settings, now())


def test_what_breaks_a_deletion_down_keeps_no_other_from_being_done(
    shop: Shop, travel: Travel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The rest goes, of this account and of others, and the day is done."""
    mine = shop.imported("processed")
    make_account_folders(shop.settings, "globex", FOLDERS.values())
    Account.create(name="globex")
    theirs = layout.account_root(shop.settings, "globex") / "Products" / "processed" / "old.csv"
    theirs.write_text("x")
    os.utime(theirs, (0, 0))
    travel("2026-12-24 14:01")
    real = retention.old_exports
    monkeypatch.setattr(
        retention, "old_exports", lambda _, account, *rest, **named: 1 / 0 if account.name == "acme" else real(
            _, account, *rest, **named),
    )  # fmt: skip
    shop.look()

    assert [file for file in (mine, theirs) if file.exists()] == []
    assert not retention.is_due(shop.settings, now())
    assert sum("not all that is too old of acme can be deleted" in message for message in caplog.messages) == 1


def test_a_number_that_no_import_can_have_is_a_part_of_the_name(shop: Shop, travel: Travel) -> None:
    """A file with the time in its name goes by its own time, and those beside it go."""
    mine = shop.imported("processed")
    strange = mine.with_name("stock.20261123140000123456.csv")
    strange.write_text("x")
    os.utime(strange, (0, 0))
    travel("2026-12-24 14:01")
    shop.look()
    assert [file for file in (mine, strange) if file.exists()] == []


def test_a_deletion_that_broke_down_is_begun_again(shop: Shop, travel: Travel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gone on with, it would seem to be at its end, and the day to be done."""
    export = shop.export()
    shop.collect(export)
    travel("2026-12-24 14:00")
    keeper = Keeper(shop.settings, FOLDERS)

    def away(*_: object, **__: object) -> None:
        raise InterfaceError("connection already closed")

    with monkeypatch.context() as patch:
        patch.setattr(retention, "old_exports", away)
        with pytest.raises(InterfaceError):
            keeper.look(now())
    assert retention.is_due(shop.settings, now())
    keeper.look(now())
    assert not shop.source(export.path).exists()
