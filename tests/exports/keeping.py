"""An account in Berlin, what lies in its folders, and a clock that stands, for the tests of what the keeper does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

import layout
from exports.keeper import Keeper
from handlers.registry import Registry
from layout import make_account_folders
from models import Account, Export, ExportFile, ImportRun, Outbox, Upload, new_system_id, now
from models.ledger import By, Version, mark_collected
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
