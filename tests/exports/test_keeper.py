"""The keeper by the clock: exports by a schedule, what is deleted and what is not, what the admin is told."""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from peewee import InterfaceError

import accounts
import layout
from exports import retention
from exports.keeper import Keeper
from exports.old_exports import old_exports
from exports.retention import put_back
from handlers.registry import Registry
from jobs.mail_files import write
from jobs.mail_render import render
from jobs.pickup import pick_up
from layout import make_account_folders
from models import Account, Export, ExportFile, ImportRun, Mail, Outbox, ScheduleState, Upload, new_system_id, now
from models.ledger import By, Version, mark_collected, mark_removed
from models.target import Delivery, Target
from schemas import SCHEMAS
from settings import Settings

FOLDERS = Registry().folders
BERLIN = ZoneInfo("Europe/Berlin")
Travel = Callable[[str], None]
KEEP_ALL: dict[str, Any] = {f"keep_{what}_days": 30 for what in ("exports", "processed", "failed", "reports", "mails")}


@pytest.fixture
def travel() -> Iterator[Travel]:
    """travel("2026-11-23 14:00") -> it is that time in Berlin; the clock stands still."""

    def go(text: str) -> None:
        traveller.move_to(dt.datetime.fromisoformat(text).replace(tzinfo=BERLIN), tick=False)

    with time_machine.travel(dt.datetime(2026, 11, 23, 14, tzinfo=BERLIN), tick=False) as traveller:
        yield go


@dataclass
class Shop:
    """An account in Berlin and what lies in its folders."""

    settings: Settings
    account: Account

    def look(self, settings: Settings | None = None) -> None:
        """What a keeper that was just started does at its first look."""
        Keeper(settings or self.settings, FOLDERS).look(now())

    def asked(self) -> list[str]:
        return [row.entity for row in Outbox.select().order_by(Outbox.number)]

    def export(self, path: str = "", **values: object) -> Export:
        """An export of ours as the mirror leaves it, a folder unless `path` is a file's."""
        system_id = new_system_id()
        made = path or f"Orders/order_{system_id}"
        row: Export = Export.create(account=self.account, kind="full" if path else "order", entity="order", path=made,
                                    system_id=None if path else system_id, ready_at=now(),
                                    **{"state": "ready"} | values)  # fmt: skip
        for file in [made] if path else [f"{made}/order_{part}_{system_id}.csv" for part in ("data", "items")]:
            self.file(file, row)
        return row

    def file(self, path: str, export: Export | None = None) -> Version:
        """A file in the export tree and in the partner's folder, and its row in the ledger."""
        source, target = self.source(path), self.target(path)
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(source)
        version = Version(source.stat().st_size, source.stat().st_mtime_ns)
        ExportFile.create(account=self.account, export=export, path=path, size=version.size,
                          mtime_ns=version.mtime_ns)  # fmt: skip
        return version

    def collect(self, export: Export) -> None:
        for file in ExportFile.select().where(ExportFile.export == export):
            assert mark_collected(self.account.id, file.path, Version(file.size, file.mtime_ns), By("acme", "::1"))

    def source(self, path: str) -> Path:
        return layout.export_source(self.settings, "acme") / path

    def target(self, path: str) -> Path:
        return layout.export_root(self.settings, "acme") / path

    def imported(self, inner: str, ending: str = ".csv", **values: object) -> Path:
        """A file that an import has left."""
        upload = Upload.create(account=self.account, entity="product", name="PRODUCT_18_09_2024.csv", size=1)
        ImportRun.begin(upload, **{"status": "completed", "finished_at": now()} | values)
        path = layout.account_root(self.settings, "acme") / "Products" / inner
        path = path / layout.numbered(upload.name, upload.id, ending)
        path.write_text("x")
        return path


@pytest.fixture
def shop(settings: Settings, travel: Travel) -> Shop:
    make_account_folders(settings, "acme", FOLDERS.values())
    return Shop(replace(settings, **KEEP_ALL), Account.create(name="acme", time_zone="Europe/Berlin"))


# --- schedules ---------------------------------------------------------------------------------------------------


def test_an_export_is_asked_for_when_its_time_has_come(shop: Shop, travel: Travel) -> None:
    """Not a second before, once, by however many nodes."""
    accounts.set_export_schedule(shop.account, ["product"], "0 2 * * *")
    travel("2026-11-24 01:59:59")
    shop.look()
    assert shop.asked() == []
    travel("2026-11-24 02:00")
    shop.look()
    shop.look()
    assert shop.asked() == ["product"]
    row = Outbox.get()
    assert (row.kind, row.system_id, row.created_at) == ("full", None, now())


def test_runs_missed_while_everything_was_down_happen_once(shop: Shop, travel: Travel) -> None:
    """At the start; then the next night's."""
    accounts.set_export_schedule(shop.account, ["product", "order"], "0 2 * * *")
    travel("2026-11-28 09:00")
    shop.look()
    assert sorted(shop.asked()) == ["order", "product"]
    travel("2026-11-29 01:59")
    shop.look()
    assert len(shop.asked()) == 2
    travel("2026-11-29 02:00")
    shop.look()
    assert len(shop.asked()) == 4


def test_a_clock_that_was_ahead_stops_no_schedule(shop: Shop, travel: Travel) -> None:
    """One run too many, then the next night's."""
    accounts.set_export_schedule(shop.account, ["product"], "0 2 * * *")
    travel("2027-11-23 14:00")
    shop.look()
    assert len(shop.asked()) == 1
    for moment in ("2026-11-23 14:01", "2026-11-24 01:59"):
        travel(moment)
        shop.look()
    assert len(shop.asked()) == 1
    travel("2026-11-24 02:00")
    shop.look()
    shop.look()
    assert len(shop.asked()) == 2


def test_a_schedule_that_is_taken_away_has_no_run(shop: Shop, travel: Travel) -> None:
    """Nor does an out-of-date row of it stay."""
    accounts.set_export_schedule(shop.account, ["product"], "every 1h")
    accounts.set_export_schedule(shop.account, ["product"], "off")
    travel("2026-11-28 09:00")
    shop.look()
    assert (shop.asked(), ScheduleState.select().count()) == ([], 0)


def test_a_new_time_zone_moves_the_run(shop: Shop, travel: Travel) -> None:
    """02:00 in Berlin is over when it is 02:00 in London."""
    accounts.set_export_schedule(shop.account, ["product"], "0 2 * * *")
    accounts.change(shop.settings, SCHEMAS, shop.account, time_zone="Europe/London")
    travel("2026-11-24 02:30")
    shop.look()
    assert shop.asked() == []
    travel("2026-11-24 03:00")
    shop.look()
    assert shop.asked() == ["product"]


@pytest.mark.parametrize("planned", [True, False], ids=["a run is planned", "no run is planned"])
def test_an_account_whose_runs_can_not_be_reckoned_keeps_no_other_from_its_own(
    shop: Shop, travel: Travel, caplog: pytest.LogCaptureFixture, planned: bool
) -> None:
    """A time zone that this machine knows no more, for one. It is told of once, and what is too old goes."""
    old = shop.imported("processed")
    other = Account.create(name="globex", time_zone="Europe/Berlin")
    for account in (shop.account, other):
        accounts.set_export_schedule(account, ["product"], "0 2 * * *")
    _move(shop.account, "Mars/Olympus_Mons", planned)
    for moment in ("2026-12-24 14:00", "2026-12-25 14:00"):
        travel(moment)
        shop.look()
    assert [row.account.name for row in Outbox.select()] == ["globex", "globex"]
    assert not old.exists()
    assert sum("the export of product of account acme can't be asked for" in each for each in caplog.messages) == 1

    _move(shop.account, "Europe/Berlin", planned)
    travel("2026-12-26 14:00")
    shop.look()
    travel("2026-12-27 14:00")
    shop.look()
    assert [row.account.name for row in Outbox.select()].count("acme") == (2 if planned else 1)


def _move(account: Account, zone: str, planned: bool) -> None:
    """As an update of the system's time zones does it, or its undoing."""
    Account.update(time_zone=zone).where(Account.id == account.id).execute()
    mine = ScheduleState.account == account
    if planned:
        ScheduleState.update(time_zone=zone).where(mine).execute()
    else:
        ScheduleState.delete().where(mine).execute()


def test_pick_ups_and_exports_keep_out_of_each_others_way(shop: Shop, travel: Travel) -> None:
    """Each takes its own ticks, whatever the account's schedules for uploads are."""
    accounts.set_export_schedule(shop.account, ["product"], "0 2 * * *")
    accounts.set_schedule(shop.settings, SCHEMAS, shop.account, "product", "0 3 * * *")
    planned = now()
    travel("2026-11-24 04:00")
    assert pick_up(shop.settings, FOLDERS) == []
    held = {row.entity: row.last_run for row in ScheduleState.select()}
    assert held == {"product": now(), "export:product": planned}
    shop.look()
    assert shop.asked() == ["product"]


# --- retention ---------------------------------------------------------------------------------------------------


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


def test_mails_that_were_sent_go(shop: Shop, travel: Travel) -> None:
    """Not those that wait or failed, and of a digest that waits not what it tells of."""

    def mail(key: str, state: str, **values: object) -> Mail:
        made: Mail = Mail.create(account=shop.account, key=key, state=state, **values)
        return made

    waits = mail("waits", "waiting")
    mail("of-waits", "gathered", gathered_into=waits.number)
    sent = mail("sent", "sent")
    mail("of-sent", "gathered", gathered_into=sent.number)
    mail("failed", "failed")
    travel("2026-12-24 14:00")
    mail("young", "sent")
    shop.look()
    assert sorted(row.key for row in Mail.select()) == ["failed", "of-waits", "waits", "young"]


@pytest.mark.parametrize("dry_run", [False, True])
def test_old_mails_go_some_at_once(
    shop: Shop, travel: Travel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, dry_run: bool
) -> None:
    """Each with its file: there may be a hundred thousand, which fit into no memory, and no commit for each."""
    monkeypatch.setattr("exports.retention.AT_ONCE", 2)
    mails = [Mail.create(account=shop.account, key=f"import-{each}", state="sent") for each in range(5)]
    files = [write(shop.settings, EmailMessage(), f"{mail.number:06}") for mail in mails]
    sizes = [file.stat().st_size for file in files]
    files.pop().unlink()
    travel("2026-12-24 14:00")

    with caplog.at_level(logging.DEBUG, "peewee"):
        told = list(retention.sweep(shop.settings, FOLDERS, now(), dry_run=dry_run))

    assert [(each.account, each.path) for each in told] == [("acme", f"import-{each}") for each in range(5)]
    assert [each.size for each in told] == [*sizes[:4], 0]
    assert min(sizes) > 0
    assert (Mail.select().count(), sum(file.exists() for file in files)) == ((5, 4) if dry_run else (0, 0))
    asked = [record.getMessage() for record in caplog.records if '"mail"' in record.getMessage()]
    assert sum("DELETE" in each for each in asked) == (0 if dry_run else 3)
    assert sum("LIMIT" in each for each in asked) == 4


def test_a_mail_whose_file_can_not_be_deleted_stays(shop: Shop, travel: Travel) -> None:
    """Else nobody would ever look for the file again."""
    kept, _ = (Mail.create(account=shop.account, key=f"import-{each}", state="sent") for each in range(2))
    layout.mail_file(shop.settings, f"{kept.number:06}").mkdir(parents=True)
    travel("2026-12-24 14:00")

    shop.look()

    assert [mail.key for mail in Mail.select()] == [kept.key]


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


# --- the alert ---------------------------------------------------------------------------------------------------


def alert(shop: Shop) -> str:
    message = render(shop.settings, Mail.get(), FOLDERS)
    body = message.get_body(("plain",))
    assert body is not None
    return f"{message['Subject']}\n{body.get_content()}"


def test_the_admin_is_told_once_a_day_of_what_nobody_fetched(shop: Shop, travel: Travel) -> None:
    """By account, with the oldest of each."""
    shop.settings = replace(shop.settings, admin_email="admin@house.example", alert_not_collected_hours=24)
    oldest = shop.export()
    shop.collect(shop.export())
    travel("2026-11-23 20:00")
    shop.export()
    travel("2026-11-24 13:59")
    shop.look()
    assert Mail.select().count() == 0
    travel("2026-11-24 21:00")
    for _ in range(2):
        shop.look()
    travel("2026-11-24 22:00")
    shop.look()
    assert Mail.select().count() == 1
    text = alert(shop)
    assert "[ftpdock] Exports that nobody collects: 2\n" in text
    assert f"acme: 2, the oldest {oldest.path}, there since 2026-11-23T13:00+00:00" in text.replace("\n", " ")
    assert "--not-collected 24h" in text
    travel("2026-11-25 21:00")
    shop.look()
    assert Mail.select().count() == 2


def test_a_clock_that_was_ahead_puts_off_no_alert(shop: Shop, travel: Travel) -> None:
    """The same keeper goes on with a clock that is right."""
    settings = replace(shop.settings, admin_email="admin@house.example", alert_not_collected_hours=24)
    keeper = Keeper(settings, FOLDERS)
    travel("2027-11-23 14:00")
    keeper.look(now())
    travel("2026-11-23 14:00")
    shop.export()
    travel("2026-11-24 15:00")
    keeper.look(now())
    assert Mail.select().count() == 1


def test_what_a_target_has_is_not_told_of(shop: Shop, travel: Travel) -> None:
    """A partner to whom we push need not fetch it, too."""
    shop.settings = replace(shop.settings, admin_email="admin@house.example", alert_not_collected_hours=24)
    target = Target.create(account=shop.account, url="ftps://example.com/in")
    Delivery.create(target=target, export=shop.export(), revision=1, state="delivered")
    travel("2026-11-26 00:00")
    shop.look()
    assert Mail.select().count() == 0


@pytest.mark.parametrize("missing", ["admin_email", "alert_not_collected_hours"])
def test_without_an_address_or_a_number_of_hours_nobody_is_told(shop: Shop, travel: Travel, missing: str) -> None:
    """The default."""
    values: dict[str, Any] = {"admin_email": "admin@house.example", "alert_not_collected_hours": 24}
    shop.settings = replace(shop.settings, **{key: value for key, value in values.items() if key != missing})
    shop.export()
    travel("2027-01-01 00:00")
    shop.look()
    assert Mail.select().count() == 0


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
