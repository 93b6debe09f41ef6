"""Schedules as text, and when they fall due: pure functions of (schedule, time zone, moment). The only importer of
cronsim; a leaf, because the front door, the worker and /Templates all tell times."""

from __future__ import annotations

import datetime as dt
import itertools
import re
import zoneinfo

from cronsim import CronSim, CronSimError

from errors import FtpdockError

IMMEDIATE, OFF = "immediate", "off"
LONGEST = 64
"""Characters of a schedule."""
_EVERY = re.compile(r"every\s+(\d{1,9})\s*([mhd])", re.ASCII | re.IGNORECASE)
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}
_UNITS = {"m": "minute", "h": "hour", "d": "day"}
_MOST_DAYS = 366
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FORMS = 'write immediate, off, "every 30m" (m, h or d) or five cron fields such as "0 2 * * *"'


def check_schedule(text: str) -> str:
    """The schedule as it is stored. Raises FtpdockError with what is wrong and what may be written."""
    schedule = " ".join(text.split())
    if schedule.lower() in (IMMEDIATE, OFF):
        return schedule.lower()
    if re.match(r"every\b", schedule, re.IGNORECASE):
        return _check_every(schedule)
    return _check_cron(schedule)


def _check_every(schedule: str) -> str:
    match = _EVERY.fullmatch(schedule)
    if match is None:
        raise FtpdockError(f'{schedule!r} is no interval: write a whole number and m, h or d, as in "every 30m"')
    count, unit = int(match[1]), match[2].lower()
    if not 60 <= count * _SECONDS[unit] <= _MOST_DAYS * 86_400:
        raise FtpdockError(f"{schedule!r}: an interval is at least 1m and at most {_MOST_DAYS}d")
    return f"every {count}{unit}"


def _check_cron(schedule: str) -> str:
    fields = len(schedule.split())
    if fields != 5:
        raise FtpdockError(f"{schedule!r} is no schedule: {_FORMS}")
    if len(schedule) > LONGEST:
        raise FtpdockError(f"{schedule!r} is too long: a schedule has at most {LONGEST} characters")
    try:
        next(CronSim(schedule, _EPOCH))
    except CronSimError as error:
        raise FtpdockError(f"{schedule!r} is no cron schedule, or never falls due ({error}): {_FORMS}") from None
    except StopIteration:
        raise FtpdockError(f"{schedule!r} never falls due") from None
    return schedule


def is_timed(schedule: str) -> bool:
    """Whether the schedule names times, so that there is a next run."""
    return schedule not in (IMMEDIATE, OFF)


def next_run(schedule: str, time_zone: str, moment: dt.datetime) -> dt.datetime | None:
    """The first run after `moment` (aware), in the zone; None for immediate and off.

    `every 30m` keeps its rhythm in real time, counted from 1970-01-01 00:00 UTC, so that all nodes agree on it
    whenever they were started. Cron goes by the zone's clock; over daylight-saving changes it does as Debian's does.
    """
    if not is_timed(schedule):
        return None
    zone = zoneinfo.ZoneInfo(time_zone)
    if match := _EVERY.fullmatch(schedule):
        interval = dt.timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
        return (_EPOCH + ((moment - _EPOCH) // interval + 1) * interval).astimezone(zone)
    return _next_cron(schedule, zone, moment)


def _next_cron(schedule: str, zone: zoneinfo.ZoneInfo, moment: dt.datetime) -> dt.datetime:
    """cronsim reckons by the clock: in the hour that the clock passes twice it starts from the first pass, and so
    offers runs of the first pass to a moment of the second, which are over."""
    utc = moment.astimezone(dt.UTC)
    runs = CronSim(schedule, moment.astimezone(zone))
    return next(itertools.dropwhile(lambda run: run.astimezone(dt.UTC) <= utc, runs))


def describe(schedule: str, time_zone: str) -> str:
    """The schedule in a partner's words, to stand behind the name of a folder."""
    if schedule == IMMEDIATE:
        return "as soon as it has arrived whole"
    if schedule == OFF:
        return "not by itself: files wait until we take them"
    if match := _EVERY.fullmatch(schedule):
        count, unit = int(match[1]), _UNITS[match[2]]
        return f"every {unit}" if count == 1 else f"every {count} {unit}s"
    words = CronSim(schedule, _EPOCH).explain()
    return f"{words[0].lower()}{words[1:]}, by the clock of {time_zone}"


def date_in(moment: dt.datetime, time_zone: str) -> dt.date:
    """The date on the zone's clock, after which files are named; on that of UTC if this machine knows no such zone."""
    try:
        return moment.astimezone(zoneinfo.ZoneInfo(time_zone)).date()
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return moment.astimezone(dt.UTC).date()


def told(moment: dt.datetime, time_zone: str) -> str:
    """A moment as partners read it, on the zone's clock: 2026-11-24 02:00 CET."""
    return moment.astimezone(zoneinfo.ZoneInfo(time_zone)).strftime("%Y-%m-%d %H:%M %Z")
