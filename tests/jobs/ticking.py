"""An account in Berlin, a clock that stands, and ticks, for the tests of schedules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine

import accounts
import layout
from jobs.pickup import pick_up
from layout import make_account_folders
from models import Account, ScheduleState, Upload
from schemas import SCHEMAS
from settings import Settings

FOLDERS = {schema.entity: schema.folder for schema in SCHEMAS}
BERLIN = ZoneInfo("Europe/Berlin")
Travel = Callable[[str], None]


@dataclass
class Shop:
    """An account in Berlin and what is done with it."""

    settings: Settings
    account: Account

    def schedule(self, entity: str | None, schedule: str | None) -> None:
        accounts.set_schedule(self.settings, SCHEMAS, self.account, entity, schedule)

    def waits(self, entity: str = "product", name: str = "") -> int:
        """Record a waiting upload as a receipt does: bytes in the spool, shown in the entity folder."""
        made = Upload.create(
            account=self.account, entity=entity, name=name or f"{entity.upper()}_18_09_2024.csv", size=1
        )
        spooled = layout.spool_folder(self.settings, made.id) / made.name
        spooled.parent.mkdir(parents=True)
        spooled.write_bytes(b"x")
        shown = self.shown(made)
        shown.unlink(missing_ok=True)
        shown.hardlink_to(spooled)
        return int(made.id)

    def shown(self, upload: Upload) -> Path:
        return layout.account_root(self.settings, "acme") / FOLDERS[upload.entity] / upload.name

    def tick(self) -> list[int]:
        """One look of a worker."""
        return pick_up(self.settings, FOLDERS)

    def next_run(self, entity: str = "product") -> str:
        state = ScheduleState.get(ScheduleState.entity == entity)
        return str(state.next_run.astimezone(BERLIN).isoformat(timespec="minutes"))


@pytest.fixture
def travel() -> Iterator[Travel]:
    """travel("2026-11-23 14:00") -> it is that time in Berlin; the clock stands still. Add an offset to be exact."""

    def go(text: str) -> None:
        moment = dt.datetime.fromisoformat(text)
        traveller.move_to(moment if moment.tzinfo else moment.replace(tzinfo=BERLIN), tick=False)

    with time_machine.travel(dt.datetime(2026, 11, 23, 14, tzinfo=BERLIN), tick=False) as traveller:
        yield go


@pytest.fixture
def shop(settings: Settings, travel: Travel) -> Shop:
    make_account_folders(settings, "acme", FOLDERS.values())
    return Shop(settings, Account.create(name="acme", time_zone="Europe/Berlin"))
