"""Clocks that were wrong or differ, and nodes that look at once: a tick is run once, and no schedule stands still."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest

import models
import ticks
from layout import make_account_folders
from models import Account, ImportRun, ScheduleState
from settings import Settings
from tests.conftest import BACKENDS
from tests.jobs.ticking import BERLIN, FOLDERS, Shop, Travel


@pytest.mark.parametrize(("day", "ran"), [("2026-03-29", "03:00:00+02:00"), ("2026-10-25", "02:30:00+02:00")])
def test_a_run_at_half_past_two_happens_once_when_the_clock_changes(
    shop: Shop, travel: Travel, day: str, ran: str
) -> None:
    """A worker that looks every ten minutes through the night finds one tick."""
    travel(f"{day} 00:00")
    shop.schedule("product", "30 2 * * *")
    moment = dt.datetime.fromisoformat(f"{day} 00:00").replace(tzinfo=BERLIN).astimezone(dt.UTC)
    ticks = []
    for turn in range(6 * 8):
        shop.waits(name=f"PRODUCT_18_09_2024_{turn}.csv")
        travel(str(moment + dt.timedelta(minutes=10 * (turn + 1))))
        if shop.tick():
            ticks.append(models.now().astimezone(BERLIN).isoformat())
    assert ticks == [f"{day}T{ran}"]


def test_a_clock_that_was_ahead_stops_no_schedule(shop: Shop, travel: Travel) -> None:
    """It took a tick, of which the next is a year away: once it is right the next night's run is to come."""
    shop.schedule("product", "0 2 * * *")
    travel("2027-11-23 14:00")
    assert shop.tick() == []
    travel("2026-11-23 14:01")
    number = shop.waits()
    assert shop.tick() == []
    assert shop.next_run() == "2026-11-24T02:00+01:00"
    travel("2026-11-24 01:59:59")
    assert shop.tick() == []
    travel("2026-11-24 02:00")
    assert shop.tick() == [number]
    assert shop.next_run() == "2026-11-25T02:00+01:00"


@pytest.mark.parametrize("last_run", [{}, {"last_run": None}], ids=["planned", "planned by a former version"])
def test_a_schedule_that_was_set_while_the_clock_was_ahead_begins(
    shop: Shop, travel: Travel, last_run: dict[str, None]
) -> None:
    """When a file waits, and when it is set once more."""
    travel("2027-11-23 14:00")
    for entity in ("product", "inventory"):
        shop.schedule(entity, "0 2 * * *")
    if last_run:
        ScheduleState.update(**last_run).execute()
    travel("2026-11-23 14:00")
    shop.schedule("inventory", "0 2 * * *")
    assert shop.next_run("inventory") == "2026-11-24T02:00+01:00"
    number = shop.waits()
    assert shop.tick() == []
    travel("2026-11-24 02:00")
    assert shop.tick() == [number]


@pytest.mark.parametrize(
    ("schedule", "fast", "slow", "then"),
    [
        ("0 2 * * *", "2026-11-24 02:00:10", "2026-11-24 01:59:40", "2026-11-25T02:00+01:00"),
        ("0 2 * * *", "2026-11-24 02:00:10", "2026-11-24 01:01", "2026-11-25T02:00+01:00"),
        ("every 30m", "2026-11-23 14:30:10", "2026-11-23 14:29:40", "2026-11-23T15:00+01:00"),
        ("30 2 * * *", "2026-10-25 02:30:10+02:00", "2026-10-25 02:29:40+02:00", "2026-10-26T02:30+01:00"),
    ],
)
def test_a_run_of_a_node_whose_clock_is_a_little_ahead_is_a_run(
    shop: Shop, travel: Travel, schedule: str, fast: str, slow: str, then: str
) -> None:
    """Nobody whose clock has not come to it yet runs it once more, whatever waits by then."""
    travel(str(dt.datetime.fromisoformat(slow) - dt.timedelta(minutes=5)))
    shop.schedule("product", schedule)
    number = shop.waits()
    travel(fast)
    assert shop.tick() == [number]
    shop.waits()
    for moment in (slow, fast):
        travel(moment)
        shop.schedule("product", schedule)
        assert shop.tick() == []
    assert shop.next_run() == then


def test_nodes_whose_clocks_differ_by_much_make_no_runs_by_turns(shop: Shop, travel: Travel) -> None:
    """What the one puts back is no run that the other has missed."""
    shop.schedule("product", "0 2 * * *")
    travel("2027-11-23 14:00")
    assert shop.tick() == []
    shop.waits()
    for _ in range(2):
        travel("2026-11-23 14:00")
        assert shop.tick() == []
        travel("2027-11-23 14:01")
        assert shop.tick() == []


@pytest.mark.parametrize("has_run", [True, False])
def test_a_node_that_begins_in_the_past_disturbs_no_schedule(shop: Shop, travel: Travel, has_run: bool) -> None:
    """It takes the others for ahead, until its clock is set; no run is made by that, and none is lost."""
    shop.schedule("product", "0 2 * * *")
    if has_run:
        travel("2026-11-24 02:00")
        assert shop.tick() == []
    number = shop.waits()
    travel("2020-01-01 00:00")
    assert shop.tick() == []
    assert shop.next_run() == "2020-01-01T02:00+01:00"
    travel("2026-11-24 02:01" if has_run else "2026-11-24 01:59")
    assert shop.tick() == []
    travel("2020-01-01 00:00")
    assert shop.tick() == []
    travel("2026-11-25 02:00" if has_run else "2026-11-24 02:00")
    assert shop.tick() == [number]


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_nodes_run_a_tick_once(make_settings: Callable[..., Settings], backend: str) -> None:
    """Eight workers look at the same moment, twenty times: each upload is an import once, each tick one pick-up."""
    settings = make_settings(backend)
    shop = Shop(settings, Account.create(name="acme"))
    make_account_folders(settings, "acme", FOLDERS.values())
    shop.schedule(None, "every 1m")
    for turn in range(20):
        numbers = [shop.waits(name=f"PRODUCT_18_09_2024_{turn}.csv"), shop.waits("order")]
        ScheduleState.update(next_run=models.now() - dt.timedelta(seconds=1), last_run=None).execute()
        taken = at_once(shop, nodes=8)
        assert sorted(taken) == [[]] * 7 + [numbers]
    assert ImportRun.select().count() == 40


def at_once(shop: Shop, nodes: int) -> list[list[int]]:
    """What each of several workers picked up, in threads that start together and have connections of their own."""
    start, taken = threading.Barrier(nodes), []

    def look() -> None:
        with models.database.connection_context():
            start.wait()
            taken.append(shop.tick())

    threads = [threading.Thread(target=look) for _ in range(nodes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def test_of_two_nodes_one_takes_a_tick(shop: Shop, travel: Travel) -> None:
    """Both have read that it is due; the next one is there for either again."""
    shop.schedule("product", "every 1h")
    for moment in ("2026-11-23 15:00", "2026-11-23 16:00"):
        one, other = (ScheduleState.get(ScheduleState.entity == "product") for _ in range(2))
        travel(moment)
        assert [ticks.claim_tick(each, models.now()) for each in (one, other)] == [True, False]
