"""What replies tell about the next pick-up of a file that waits."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from models import Account, EntitySettings, ScheduleState, now
from tests.visitor import NAME, PATH, House

BERLIN = "Europe/Berlin"


def schedule(schedule: str | None, default: str = "immediate") -> None:
    """Set what holds for products."""
    Account.update(schedule=default, time_zone=BERLIN).execute()
    EntitySettings.update(schedule=schedule).where(EntitySettings.entity == "product").execute()


def planned(schedule: str, next_run: dt.datetime, **last_run: dt.datetime) -> None:
    values = {"last_run": now()} | last_run
    ScheduleState.create(account=1, entity="product", schedule=schedule, time_zone=BERLIN, next_run=next_run, **values)


@pytest.mark.parametrize(("own", "default"), [("0 2 * * *", "immediate"), (None, "0 2 * * *")])
def test_a_receipt_names_the_pick_up_of_the_table(house: House, own: str | None, default: str) -> None:
    """On the account's clock, whether the schedule is the entity's own or the account's."""
    schedule(own, default)
    planned("0 2 * * *", dt.datetime(2099, 11, 24, 1, tzinfo=dt.UTC))
    client = house.login()
    assert client.put(PATH, b"x") == "226 Transfer complete, queued as import 1 for 2099-11-24 02:00 CET."
    assert f"1 {NAME} waiting size=1 pick-up=2099-11-24T02:00:00+01:00" in client.ask("SITE STATUS")
    assert client.rename(PATH, PATH.replace("18", "19")) == "250 Renamed, queued as import 1 for 2099-11-24 02:00 CET."


def test_a_renamed_temporary_file_names_it_too(house: House) -> None:
    """The rename is the receipt."""
    schedule("0 2 * * *")
    planned("0 2 * * *", dt.datetime(2099, 7, 24, 0, tzinfo=dt.UTC))
    client = house.login()
    client.put(f"{PATH}.tmp", b"x")
    assert client.rename(f"{PATH}.tmp", PATH) == "250 Renamed, queued as import 1 for 2099-07-24 02:00 CEST."


@pytest.mark.parametrize("reckoned_for", ["0 3 * * *", "0 2 * * *"])
def test_without_a_row_in_the_table_it_is_reckoned(house: House, reckoned_for: str) -> None:
    """Nor does a row count that was reckoned for another schedule, or by a clock that was ahead."""
    schedule("0 2 * * *")
    planned(reckoned_for, dt.datetime(2099, 7, 24, 0, tzinfo=dt.UTC), last_run=dt.datetime(2099, 7, 23, tzinfo=dt.UTC))
    reply = house.login().put(PATH, b"x")
    tomorrow = dt.datetime.now(ZoneInfo(BERLIN)) + dt.timedelta(days=1)
    assert reply.split(" for ")[1][:16] in {
        f"{now().astimezone(ZoneInfo(BERLIN)):%Y-%m-%d 02:00}",
        f"{tomorrow:%Y-%m-%d 02:00}",
    }


def test_what_is_due_is_as_good_as_picked_up(house: House) -> None:
    """Between a tick and the look of a worker no time is named."""
    schedule("0 2 * * *")
    planned("0 2 * * *", now() - dt.timedelta(seconds=1), last_run=now() - dt.timedelta(days=1))
    assert house.login().put(PATH, b"x") == "226 Transfer complete, queued as import 1."


@pytest.mark.parametrize(("what", "state"), [("immediate", "picked"), ("off", "waiting")])
def test_immediate_and_off_name_no_time(house: House, what: str, state: str) -> None:
    """The reply is as it ever was."""
    schedule(what)
    client = house.login()
    assert client.put(PATH, b"x") == "226 Transfer complete, queued as import 1."
    assert "pick-up" not in client.ask("SITE STATUS")
    assert [row.state for row in house.rows] == [state]


@pytest.mark.parametrize("reckoned", [True, False])
def test_a_time_zone_that_is_no_more_names_no_time(house: House, reckoned: bool) -> None:
    """The upload is recorded all the same, and asked for."""
    schedule("0 2 * * *")
    if reckoned:
        planned("0 2 * * *", dt.datetime(2099, 7, 24, 0, tzinfo=dt.UTC))
    Account.update(time_zone="Europe/Nowhere").execute()
    client = house.login()
    assert client.put(PATH, b"x") == "226 Transfer complete, queued as import 1."
    assert f"1 {NAME} waiting size=1" in client.ask("SITE STATUS")
