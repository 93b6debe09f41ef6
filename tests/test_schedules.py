"""Schedules as pure functions: what is refused, and when the next run is, over changes of the clock too."""

from __future__ import annotations

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import FtpdockError
from schedules import check_schedule, describe, next_run, told

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"

CHANGES = [
    (BERLIN, "2026-03-29", 23),
    (BERLIN, "2026-10-25", 25),
    (NEW_YORK, "2026-03-08", 23),
    (NEW_YORK, "2026-11-01", 25),
]
"""Days on which a clock changes, and the hours that they have."""


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def runs(schedule: str, zone: str, start: str, end: str) -> list[str]:
    """Every run after `start` and up to `end` (on the zone's clock), as the loop of a worker finds them."""
    moment = dt.datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))
    last = dt.datetime.fromisoformat(end).replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    found: list[str] = []
    while (upcoming := next_run(schedule, zone, moment)) and upcoming.astimezone(dt.UTC) <= last:
        found.append(upcoming.isoformat(timespec="minutes"))
        moment = upcoming.astimezone(dt.UTC)
    return found


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (" Immediate ", "immediate"),
        ("OFF", "off"),
        ("every 30m", "every 30m"),
        ("Every  2 H", "every 2h"),
        ("every 007d", "every 7d"),
        ("0  2 * *   *", "0 2 * * *"),
        ("*/15 8-18 * * mon-fri", "*/15 8-18 * * mon-fri"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 L * *", "0 0 L * *"),
    ],
)
def test_a_schedule_is_stored_in_one_form(text: str, stored: str) -> None:
    """Blanks and case don't matter, and what is stored is taken again as it is."""
    assert check_schedule(text) == stored
    assert check_schedule(stored) == stored


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no schedule"),
        ("daily", "is no schedule"),
        ("@daily", "is no schedule"),
        ("0 2 * *", "is no schedule"),
        ("0 0 2 * * *", "is no schedule"),
        ("60 2 * * *", "Bad minute"),
        ("0 2 * * funday", "Bad day-of-week"),
        ("0 0 30 2 *", "never falls due"),
        ("0 0 31 4,6 *", "never falls due"),
        ("every 0m", "at least 1m"),
        ("every 30s", "is no interval"),
        ("every m", "is no interval"),
        ("every -5m", "is no interval"),
        ("every 1.5h", "is no interval"),
        ("every 367d", "at most 366d"),
        ("every 999999999d", "at most 366d"),
        ("every 99999999999m", "is no interval"),
        ("0 2 " + ",".join(str(day) for day in range(1, 31)) + " * *", "at most 64 characters"),
        ("٣ 2 * * *", "Bad minute"),
    ],
)
def test_a_bad_schedule_is_refused(text: str, says: str) -> None:
    """The message says what is wrong."""
    with pytest.raises(FtpdockError, match=says):
        check_schedule(text)


@given(st.text(max_size=30) | st.from_regex(r"(every )?[0-9*/,LW#-]{1,4}( [0-9*/,L#-]{1,4}){0,5}", fullmatch=True))
def test_any_text_is_a_schedule_with_a_next_run_or_refused(text: str) -> None:
    """Nothing else is raised, and what is taken falls due later than now, and can be told."""
    try:
        schedule = check_schedule(text)
    except FtpdockError:
        return
    moment = utc("2026-10-25T00:45:30")
    upcoming = next_run(schedule, BERLIN, moment)
    assert upcoming is None or upcoming > moment
    assert describe(schedule, BERLIN)


def test_immediate_and_off_have_no_next_run() -> None:
    """None."""
    assert next_run("immediate", BERLIN, utc("2026-01-01")) is None
    assert next_run("off", BERLIN, utc("2026-01-01")) is None


def test_the_next_run_is_told_on_the_zones_clock() -> None:
    """With the zone's offset, and strictly later than the moment."""
    two = next_run("0 2 * * *", BERLIN, utc("2026-11-23T14:00"))
    assert two is not None
    assert two.isoformat() == "2026-11-24T02:00:00+01:00"
    assert told(two, BERLIN) == "2026-11-24 02:00 CET"
    after = next_run("0 2 * * *", BERLIN, two)
    assert after is not None
    assert after.isoformat() == "2026-11-25T02:00:00+01:00"


@pytest.mark.parametrize(
    ("zone", "day", "ran"),
    [
        # The clock goes from 02:00 to 03:00: as Debian's cron does, what stands in the hour that is left out runs then.
        (BERLIN, "2026-03-29", "2026-03-29T03:00+02:00"),
        (NEW_YORK, "2026-03-08", "2026-03-08T03:00-04:00"),
        # The clock goes from 03:00 (New York: 02:00) back by an hour: it runs in the first pass, not again.
        (BERLIN, "2026-10-25", "2026-10-25T02:30+02:00"),
        (NEW_YORK, "2026-11-01", "2026-11-01T02:30-05:00"),
    ],
)
def test_a_job_at_half_past_two_runs_once_when_the_clock_changes(zone: str, day: str, ran: str) -> None:
    """Once, whichever way the clock goes."""
    assert runs("30 2 * * *", zone, f"{day}T00:00", f"{day}T23:00") == [ran]


def test_a_job_in_the_hour_that_new_york_has_twice_runs_once() -> None:
    """New York's clock goes back at 02:00: 01:30 comes twice."""
    assert runs("30 1 * * *", NEW_YORK, "2026-11-01T00:00", "2026-11-01T23:00") == ["2026-11-01T01:30-04:00"]


@pytest.mark.parametrize(("zone", "day", "hour"), [(BERLIN, "2026-10-25", 2), (NEW_YORK, "2026-11-01", 1)])
def test_no_run_of_the_first_pass_is_offered_in_the_second(zone: str, day: str, hour: int) -> None:
    """At 02:10 for the second time, 02:30 is not to come: it was, for a job at a fixed time."""
    second = dt.datetime.fromisoformat(f"{day}T{hour:02}:10").replace(tzinfo=ZoneInfo(zone), fold=1)

    upcoming = next_run(f"30 {hour} * * *", zone, second)

    assert upcoming is not None
    assert upcoming.date() == dt.date.fromisoformat(day) + dt.timedelta(days=1)


@pytest.mark.parametrize(("zone", "day", "hours"), CHANGES)
def test_a_job_each_hour_runs_each_hour(zone: str, day: str, hours: int) -> None:
    """The day has 23 or 25 hours, and so many runs, an hour apart."""
    tomorrow = dt.date.fromisoformat(day) + dt.timedelta(days=1)
    start = dt.datetime.fromisoformat(f"{day}T00:00")

    found = runs("0 * * * *", zone, str(start), f"{tomorrow}T00:00")

    moments = [dt.datetime.fromisoformat(each) for each in found]
    assert len(found) == hours
    assert {later - earlier for earlier, later in itertools.pairwise(moments)} == {dt.timedelta(hours=1)}


@pytest.mark.parametrize(("zone", "day", "hours"), CHANGES)
@pytest.mark.parametrize("schedule", ["every 30m", "*/30 * * * *"])
def test_every_30m_keeps_its_rhythm_in_real_time(schedule: str, zone: str, day: str, hours: int) -> None:
    """Two runs an hour, half an hour apart, whatever the clock does."""
    tomorrow = dt.date.fromisoformat(day) + dt.timedelta(days=1)

    moments = [dt.datetime.fromisoformat(each) for each in runs(schedule, zone, f"{day}T00:00", f"{tomorrow}T00:00")]

    assert len(moments) == 2 * hours
    assert {later - earlier for earlier, later in itertools.pairwise(moments)} == {dt.timedelta(minutes=30)}


def test_an_interval_is_counted_in_utc_whenever_one_asks() -> None:
    """All nodes agree on the runs: 45 minutes go on over midnight, a day begins at 00:00 UTC."""
    assert runs("every 45m", "UTC", "2026-01-01T22:30", "2026-01-02T01:00") == [
        "2026-01-01T23:15+00:00",
        "2026-01-02T00:00+00:00",
        "2026-01-02T00:45+00:00",
    ]
    assert runs("every 1d", BERLIN, "2026-03-28T12:00", "2026-03-30T12:00") == [
        "2026-03-29T01:00+01:00",
        "2026-03-30T02:00+02:00",
    ]


@given(st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2027, 1, 1), timezones=st.just(dt.UTC)),
       st.sampled_from(["30 2 * * *", "15,45 1-3 * * *", "0 * * * *", "*/20 2 * * *", "every 7m", "0 */2 * * *"]),
       st.sampled_from([BERLIN, NEW_YORK, "UTC", "Asia/Kathmandu", "Australia/Sydney"]))  # fmt: skip
def test_a_run_is_the_next_of_every_moment_before_it(moment: dt.datetime, schedule: str, zone: str) -> None:
    """Nodes that ask at different moments of one wait get one answer, and each run comes after the one before."""
    upcoming = next_run(schedule, zone, moment)
    assert upcoming is not None
    at = upcoming.astimezone(dt.UTC)
    assert at > moment
    assert next_run(schedule, zone, moment + (at - moment) / 2) == upcoming


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("immediate", "as soon as it has arrived whole"),
        ("off", "not by itself: files wait until we take them"),
        ("every 30m", "every 30 minutes"),
        ("every 1h", "every hour"),
        ("0 2 * * *", "at 02:00 every day, by the clock of Europe/Berlin"),
    ],
)
def test_a_schedule_in_words(schedule: str, words: str) -> None:
    """As the README of /Templates has it."""
    assert describe(schedule, BERLIN) == words
