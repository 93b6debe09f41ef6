"""The keeper by the clock: exports by a schedule, and what the admin is told of exports that nobody fetched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import accounts
from exports.keeper import Keeper
from jobs.mail_render import render
from jobs.pickup import pick_up
from models import Account, Mail, Outbox, ScheduleState, now
from models.target import Delivery, Target
from schemas import SCHEMAS
from tests.exports.keeping import FOLDERS, Shop, Travel


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
