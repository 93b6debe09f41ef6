"""Ticks on both engines: what waits is picked up when its schedule says so, once, and not before."""

from __future__ import annotations

import psycopg
import pytest
from peewee import InternalError, OperationalError

import accounts
import layout
import models
from handlers.registry import Registry
from jobs.pickup import pick_up_now, waiting_entities
from models import Account, EntitySettings, ImportRun, ScheduleState, Upload
from schemas import SCHEMAS
from tests.jobs.ticking import FOLDERS, Shop, Travel


def test_a_tick_takes_all_that_waits_in_order_of_arrival(shop: Shop, travel: Travel) -> None:
    """Not a second before; what comes after it waits for the next."""
    shop.schedule("product", "0 2 * * *")
    first, second = shop.waits(name="PRODUCT_18_09_2024.csv"), shop.waits(name="PRODUCT_01_09_2024.csv")
    travel("2026-11-24 01:59:59")
    assert shop.tick() == []
    travel("2026-11-24 02:00")
    assert shop.tick() == [first, second]
    third = shop.waits()
    travel("2026-11-25 01:59")
    assert shop.tick() == []
    travel("2026-11-25 02:00")
    assert shop.tick() == [third]
    assert [run.number for run in ImportRun.select().order_by(ImportRun.number)] == [first, second, third]


def test_what_was_picked_up_is_no_longer_shown(shop: Shop, travel: Travel) -> None:
    """The entity folder showed it until then; its bytes lie in the spool as before."""
    shop.schedule("product", "0 2 * * *")
    upload = Upload.get_by_id(shop.waits())
    travel("2026-11-24 02:00")
    assert shop.shown(upload).exists()
    shop.tick()
    assert not shop.shown(upload).exists()
    assert (layout.spool_folder(shop.settings, upload.id) / upload.name).read_bytes() == b"x"


def test_a_newer_file_of_the_name_stays_shown(shop: Shop, travel: Travel) -> None:
    """What stands there by then is another upload's."""
    shop.schedule("product", "0 2 * * *")
    old = shop.waits()
    travel("2026-11-24 02:00")
    shown = shop.shown(Upload.get_by_id(old))
    shown.unlink()
    shown.write_bytes(b"newer")
    assert shop.tick() == [old]
    assert shown.read_bytes() == b"newer"


def test_one_that_can_not_be_hidden_keeps_no_other_shown(
    shop: Shop, travel: Travel, caplog: pytest.LogCaptureFixture
) -> None:
    """They are picked up by then, and nobody would come back for them."""
    numbers = [shop.waits("product"), shop.waits("category")]
    hidden, broken = (shop.shown(Upload.get(Upload.entity == entity)) for entity in ("category", "product"))
    broken.parent.rename(broken.parent.with_name("away"))
    broken.parent.write_text("a file, where a folder should be")

    assert pick_up_now(shop.settings, FOLDERS, shop.account) == numbers

    assert not hidden.exists()
    assert f"{broken} is picked up, but still shown" in caplog.text


def test_runs_missed_while_everything_was_down_happen_once(shop: Shop, travel: Travel) -> None:
    """Five nights later: one pick-up at start, then the next night's."""
    shop.schedule("product", "0 2 * * *")
    number = shop.waits()
    travel("2026-11-28 09:00")
    assert shop.tick() == [number]
    late = shop.waits()
    assert shop.tick() == []
    assert shop.next_run() == "2026-11-29T02:00+01:00"
    travel("2026-11-29 02:00")
    assert shop.tick() == [late]


def test_a_tick_with_nothing_to_do_is_over(shop: Shop, travel: Travel) -> None:
    """A file that comes after it is not picked up by it."""
    shop.schedule("product", "0 2 * * *")
    travel("2026-11-24 02:00:01")
    assert shop.tick() == []
    shop.waits()
    assert shop.tick() == []
    assert shop.next_run() == "2026-11-25T02:00+01:00"
    assert ScheduleState.get().last_run == models.now()


def test_each_entity_has_its_own_times(shop: Shop, travel: Travel) -> None:
    """The account's default, an exception, and one that is off."""
    shop.schedule(None, "0 2 * * *")
    shop.schedule("inventory", "every 30m")
    shop.schedule("order", "off")
    product, inventory, order = shop.waits(), shop.waits("inventory"), shop.waits("order")
    travel("2026-11-23 14:30")
    assert shop.tick() == [inventory]
    travel("2026-11-24 02:00")
    assert shop.tick() == [product]
    travel("2027-01-01 00:00")
    assert shop.tick() == []
    assert Upload.get_by_id(order).state == "waiting"


def test_an_exception_that_is_taken_away_inherits_again(shop: Shop) -> None:
    """EntitySettings resolves it, as the front door asks it to; other settings of the entity stay."""
    accounts.set_on_error(shop.account, ["product"], "abort")
    shop.schedule(None, "every 1h")
    assert EntitySettings.of(shop.account.id, "product").schedule == "every 1h"
    shop.schedule("product", "off")
    assert EntitySettings.of(shop.account.id, "product").schedule == "off"
    assert ScheduleState.get_or_none(ScheduleState.entity == "product") is None
    shop.schedule("product", None)
    settings = EntitySettings.of(shop.account.id, "product")
    assert (settings.schedule, settings.on_error) == ("every 1h", "abort")
    assert shop.next_run() == "2026-11-23T15:00+01:00"


def test_off_keeps_files_waiting_and_immediate_takes_them(shop: Shop, travel: Travel) -> None:
    """Off for a year; then the next look of a worker has all of them."""
    shop.schedule("product", "off")
    numbers = [shop.waits(name=f"PRODUCT_18_09_2024_{turn}.csv") for turn in range(3)]
    travel("2027-11-23 14:00")
    assert shop.tick() == []
    shop.schedule("product", "immediate")
    assert shop.tick() == numbers


def test_a_new_schedule_begins_when_it_is_set(shop: Shop, travel: Travel) -> None:
    """A time of day that has passed is tomorrow's, though files have waited since yesterday."""
    shop.schedule("product", "off")
    number = shop.waits()
    travel("2026-11-24 10:00")
    shop.schedule("product", "0 9 * * *")
    assert shop.tick() == []
    travel("2026-11-25 09:00")
    assert shop.tick() == [number]


def test_another_time_zone_moves_the_next_runs(shop: Shop, travel: Travel) -> None:
    """02:00 in New York is 08:00 in Berlin; intervals stay."""
    shop.schedule("product", "0 2 * * *")
    shop.schedule("inventory", "every 30m")
    accounts.change(shop.settings, SCHEMAS, shop.account, time_zone="America/New_York")
    assert shop.next_run() == "2026-11-24T08:00+01:00"
    assert shop.next_run("inventory") == "2026-11-23T14:30+01:00"


def test_a_change_of_the_default_leaves_exceptions_their_missed_run(shop: Shop, travel: Travel) -> None:
    """The inventory's tick at 02:00 is due and nobody ran it yet."""
    shop.schedule("inventory", "0 2 * * *")
    number = shop.waits("inventory")
    travel("2026-11-24 09:00")
    shop.schedule(None, "every 1d")
    assert shop.tick() == [number]


def test_a_schedule_that_nobody_reckoned_is_reckoned_when_a_file_waits(shop: Shop, travel: Travel) -> None:
    """An entity of a plugin that came after `schedule set all`."""
    shop.schedule(None, "0 2 * * *")
    ScheduleState.delete().execute()
    number = shop.waits()
    assert shop.tick() == []
    travel("2026-11-24 02:00")
    assert shop.tick() == [number]


def test_a_run_now_takes_what_waits_whatever_the_schedule(shop: Shop) -> None:
    """Of one entity or of all; the next run stays."""
    shop.schedule(None, "0 2 * * *")
    shop.schedule("order", "off")
    product, order, inventory = shop.waits(), shop.waits("order"), shop.waits("inventory")
    assert pick_up_now(shop.settings, FOLDERS, shop.account, ["order"]) == [order]
    assert pick_up_now(shop.settings, FOLDERS, shop.account) == [product, inventory]
    assert pick_up_now(shop.settings, FOLDERS, shop.account) == []
    assert shop.next_run() == "2026-11-24T02:00+01:00"


def test_what_is_picked_up_together_shares_a_mark(shop: Shop, travel: Travel) -> None:
    """All entities of an account that are due at one look: a digest gathers them. The next pick-up has another mark."""
    shop.schedule(None, "every 1h")
    numbers = [shop.waits(), shop.waits("inventory")]
    travel("2026-11-23 15:00")
    assert shop.tick() == numbers
    later = shop.waits()
    travel("2026-11-23 16:00")
    assert shop.tick() == [later]
    marks = [run.pickup for run in ImportRun.select().order_by(ImportRun.number)]
    assert marks[0] == marks[1] != marks[2]
    assert None not in marks


def test_accounts_do_not_share_ticks(shop: Shop, travel: Travel) -> None:
    """The neighbour's files wait for the neighbour's times."""
    shop.schedule(None, "every 1h")
    other = Account.create(name="globex")
    accounts.set_schedule(shop.settings, SCHEMAS, other, None, "0 5 * * *")
    theirs = Upload.create(account=other, entity="product", name="PRODUCT_18_09_2024.csv", size=1)
    mine = shop.waits()
    travel("2026-11-23 15:00")
    assert shop.tick() == [mine]
    assert Upload.get_by_id(theirs.id).state == "waiting"


def test_every_entity_of_the_registry_is_planned(shop: Shop) -> None:
    """`all` means each of them."""
    shop.schedule(None, "every 1h")
    assert {state.entity for state in ScheduleState.select()} == Registry().entities


@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
def test_a_receipt_that_stands_still_keeps_only_its_own_account_waiting(shop: Shop, travel: Travel) -> None:
    """It locks the account while it syncs folders, and its machine may be gone; the tick is not lost by that."""
    number = shop.waits()
    shop.schedule(None, "every 1h")
    other = Account.create(name="globex")
    accounts.set_schedule(shop.settings, SCHEMAS, other, None, "every 1h")
    theirs = Upload.create(account=other, entity="product", name="PRODUCT_18_09_2024.csv", size=1)
    travel("2026-11-23 15:00")
    with psycopg.connect(shop.settings.database_url) as receipt:
        receipt.execute("SELECT id FROM account WHERE name = 'acme' FOR NO KEY UPDATE")
        models.database.execute_sql("SET lock_timeout = '10s'")

        assert shop.tick() == [theirs.id]

    assert models.database.execute_sql("SHOW lock_timeout").fetchone() == ("10s",)
    assert shop.tick() == [number]


def test_an_account_that_can_not_be_picked_up_keeps_no_other_waiting(shop: Shop, travel: Travel) -> None:
    """A time zone that this machine does not know, for one; its files wait until that is mended."""
    number = shop.waits()
    shop.schedule(None, "0 15 * * *")
    other = Account.create(name="globex")
    accounts.set_schedule(shop.settings, SCHEMAS, other, None, "every 1h")
    theirs = Upload.create(account=other, entity="product", name="PRODUCT_18_09_2024.csv", size=1)
    zone = {"time_zone": "Mars/Olympus_Mons"}
    for model, mine in ((Account, Account.id), (ScheduleState, ScheduleState.account)):
        model.update(**zone).where(mine == shop.account.id).execute()
    travel("2026-11-23 15:00")

    assert [shop.tick(), shop.tick()] == [[theirs.id], []]

    zone = {"time_zone": "Europe/Berlin"}
    for model, mine in ((Account, Account.id), (ScheduleState, ScheduleState.account)):
        model.update(**zone).where(mine == shop.account.id).execute()
    assert shop.tick() == [number]


@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
def test_a_server_that_only_reads_is_no_accounts_fault(shop: Shop) -> None:
    """Since a failover; the connection looks healthy, and the worker has to make another one."""
    shop.waits()
    models.database.execute_sql("SET default_transaction_read_only = on")

    with pytest.raises(InternalError, match="read-only transaction"):
        shop.tick()


@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
def test_a_connection_that_is_gone_is_no_accounts_fault(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker waits, and connects anew."""
    shop.waits()
    (pid,) = models.database.execute_sql("SELECT pg_backend_pid()").fetchone()

    def end_it(account: Account) -> set[str]:
        with psycopg.connect(shop.settings.database_url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))
        return waiting_entities(account)

    monkeypatch.setattr("jobs.pickup.waiting_entities", end_it)

    with pytest.raises(OperationalError):
        shop.tick()
