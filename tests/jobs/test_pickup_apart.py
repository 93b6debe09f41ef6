"""Pick-ups of several accounts: none goes by another's schedule, and none takes another's files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import accounts
import layout
from jobs.pickup import pick_up, pick_up_now, waiting_entities
from layout import make_account_folders
from models import Account, ImportRun, ScheduleState, Upload, now
from schemas import SCHEMAS
from settings import Settings
from tests.partner import Partner

FOLDERS = {schema.entity: schema.folder for schema in SCHEMAS}


@pytest.fixture
def two(settings: Settings) -> tuple[Account, Account]:
    """acme and beta, with their folders."""
    for name in ("acme", "beta"):
        make_account_folders(settings, name, FOLDERS.values())
    return Account.create(name="acme"), Account.create(name="beta")


def waits(settings: Settings, account: Account, entity: str = "product") -> int:
    made = Upload.create(account=account, entity=entity, name=f"{entity.upper()}_18_09_2024.csv", size=1)
    spooled = layout.spool_folder(settings, made.id) / made.name
    spooled.parent.mkdir(parents=True)
    spooled.write_bytes(b"x")
    (layout.account_root(settings, account.name) / FOLDERS[entity] / made.name).hardlink_to(spooled)
    return int(made.id)


def imported() -> list[tuple[int, int]]:
    return [(run.number, run.account_id) for run in ImportRun.select().order_by(ImportRun.number)]


def test_an_accounts_schedule_holds_up_no_other_account(settings: Settings, two: tuple[Account, Account]) -> None:
    """The other one has none for the same entity: its file goes at the next look."""
    acme, beta = two
    accounts.set_schedule(settings, SCHEMAS, acme, "product", "0 2 * * *")
    waits(settings, acme)
    number = waits(settings, beta)

    assert pick_up(settings, FOLDERS) == [number]
    assert imported() == [(number, beta.id)]
    assert waiting_entities(acme) == {"product"}


def test_what_is_due_of_one_account_takes_nothing_of_another(settings: Settings, two: tuple[Account, Account]) -> None:
    """Of the same entity, and of the same name; nor its tick."""
    acme, beta = two
    for account in two:
        accounts.set_schedule(settings, SCHEMAS, account, "product", "0 2 * * *")
    mine = waits(settings, acme)
    theirs = waits(settings, beta)
    next_run = ScheduleState.get(ScheduleState.account == beta).next_run
    ScheduleState.update(next_run=now()).where(ScheduleState.account == acme).execute()

    assert pick_up(settings, FOLDERS) == [mine]
    assert imported() == [(mine, acme.id)]
    assert (layout.account_root(settings, "beta") / "Products" / "PRODUCT_18_09_2024.csv").exists()
    assert ScheduleState.get(ScheduleState.account == beta).next_run == next_run
    assert waiting_entities(acme) == set()
    assert pick_up_now(settings, FOLDERS, acme) == []
    assert pick_up_now(settings, FOLDERS, beta) == [theirs]


def test_an_exports_schedule_is_no_pick_up(settings: Settings, two: tuple[Account, Account]) -> None:
    """Its tick is left for the part that writes exports."""
    acme, _ = two
    accounts.set_schedule(settings, SCHEMAS, acme, "product", "0 2 * * *")
    accounts.set_export_schedule(acme, ["product"], "0 2 * * *")
    waits(settings, acme)
    due = now()
    ScheduleState.update(next_run=due).where(ScheduleState.entity == "export:product").execute()

    assert pick_up(settings, FOLDERS) == []
    assert ScheduleState.get(ScheduleState.entity == "export:product").next_run == due


def test_a_file_is_on_the_disk_before_its_import_is_recorded(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut takes back neither without the other."""
    synced: list[int] = []
    recorded: list[bool] = []
    fsync, create = os.fsync, Upload.create

    def note(handle: int) -> None:
        synced.append(os.fstat(handle).st_ino)
        fsync(handle)

    def record(**values: Any) -> Upload:
        (file,) = partner.settings.spool.glob(f"{layout.STAGED}*/*")
        recorded.append(file.stat().st_ino in synced)
        made: Upload = create(**values)
        return made

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(Upload, "create", record)
    run = partner.queue("product", "SKU_ID,Name\n1,Cup\n")

    assert recorded == [True]
    spooled: Path = layout.spool_folder(partner.settings, run.number) / "PRODUCT_18_09_2024.csv"
    assert spooled.stat().st_ino in synced
