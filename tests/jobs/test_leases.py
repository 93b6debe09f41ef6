"""Who works on an import, and what becomes of a worker that lost it."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from peewee import OperationalError

import layout
from errors import FileProblem, LeaseLost
from handlers.folder import move_in
from handlers.run import ImportJob
from hooks import Hooks
from hookspecs import hookimpl
from jobs.leases import Heartbeat, Owner, is_dead, release_ahead, renew, sweep_dead
from jobs.queue import claim
from jobs.worker import Worker
from models import ImportRun, now
from tests.full_disk import files_of
from tests.partner import Partner, counts
from tests.system.server import wait_for

CONTENT = "SKU_ID,Name\n" + "".join(f"{number},a\n" for number in range(6))


def take(partner: Partner, owner: str, number: int) -> ImportRun:
    run = claim(partner.settings, partner.registry, owner, number)
    assert run is not None
    return run


def expire(number: int) -> None:
    ImportRun.update(lease_until=now() - dt.timedelta(seconds=1)).where(ImportRun.number == number).execute()


def job(partner: Partner, run: ImportRun, owner: str) -> ImportJob:
    return ImportJob(partner.settings, partner.registry.handler(run.entity), partner.hooks, run, owner)


class TakeOver:
    """A plugin that takes the import over for `two` in the middle of the second chunk of `one`."""

    def __init__(self, partner: Partner, number: int) -> None:
        self.partner, self.number, self.chunks = partner, number, 0

    @hookimpl
    def on_rows(self, entity: str, account: str, rows: list[object]) -> None:
        self.chunks += 1
        if self.chunks == 2:
            expire(self.number)
            take(self.partner, "two", self.number)


def test_the_former_owner_writes_nothing(partner: Partner) -> None:
    """Once it is taken over it stops, and touches neither records nor report files; the new owner ends the import."""
    partner = partner.in_chunks(2)
    number = partner.queue("product", CONTENT).number
    run = take(partner, "one", number)
    partner.hooks = Hooks(plugins=[TakeOver(partner, number)])
    with pytest.raises(LeaseLost, match="was taken over"):
        job(partner, run, "one").execute()
    first = layout.spool_folder(partner.settings, number) / "1"

    assert partner.column("product", "SKU_ID") == ["0", "1"]
    assert {name: (first / name).stat().st_size for name in ("ids.csv", "report.csv")} == {
        name: size for name, size in ImportRun.get_by_id(number).offsets.items() if name in ("ids.csv", "report.csv")
    }
    partner.hooks = Hooks()
    event = job(partner, ImportRun.get_by_id(number), "two").execute()
    assert (event.rows, counts(event)) == (6, (6, 0, 0, 0))
    assert [row["SKU_ID"] for row in partner.read(event, ".ids.csv")] == list("012345")


def test_the_former_owner_does_not_decide(partner: Partner) -> None:
    """A fault that it finds is the new owner's to report; a closed import is not closed twice."""
    number = partner.queue("product", "SKU_ID,Colour\n1,a\n").number
    run = take(partner, "one", number)
    expire(number)
    take(partner, "two", number)

    with pytest.raises(LeaseLost):
        job(partner, run, "one").execute()

    assert (ImportRun.get_by_id(number).closing, ImportRun.get_by_id(number).code) == (False, None)
    assert job(partner, ImportRun.get_by_id(number), "two").execute().code == "UNKNOWN_COLUMN"
    with pytest.raises(LeaseLost):
        job(partner, run, "one").execute()


def test_what_is_decided_stands(partner: Partner) -> None:
    """The rows are in, and a fault while files are moved makes no failed import of it, nor other counts."""
    number = partner.queue("product", CONTENT).number
    working = job(partner, take(partner, "one", number), "one")
    decided = {"closing": True, "folder": "1", "rows": 6, "created": 6, "position": 6}
    ImportRun.update(**decided).where(ImportRun.number == number).execute()

    working.fail(FileProblem("INTERNAL", "the disk was away"))

    run = ImportRun.get_by_id(number)
    assert (run.code, run.error, run.rows, run.created) == (None, "", 6, 6)
    assert not list(layout.spool_folder(partner.settings, number).rglob("report.csv"))


def test_a_lease_is_renewed_by_its_owner_only(partner: Partner) -> None:
    """Whoever lost it does not get it back by renewing."""
    number = partner.queue("product", CONTENT).number
    take(partner, "one", number)
    expire(number)

    renew(partner.settings, number, "two")
    assert ImportRun.get_by_id(number).lease_until < now()
    renew(partner.settings, number, "one")
    assert ImportRun.get_by_id(number).lease_until > now()


def test_a_heartbeat_keeps_the_lease_of_a_long_chunk(partner: Partner) -> None:
    """It renews from a thread of its own, and ends with the work."""
    number = partner.queue("product", CONTENT).number
    take(partner, "one", number)
    expire(number)

    with Heartbeat(replace(partner.settings, lease_seconds=1), number, "one"):
        end = time.monotonic() + 10
        while ImportRun.get_by_id(number).lease_until < now() and time.monotonic() < end:
            time.sleep(0.02)

    assert ImportRun.get_by_id(number).lease_until > now()


def test_a_heartbeat_goes_on_when_the_database_was_away(
    partner: Partner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next beat may find it again, before the lease is over."""
    number = partner.queue("product", CONTENT).number
    take(partner, "one", number)
    expire(number)
    failures = [OperationalError("the database is away")]

    def beat(*arguments: Any, renew: Callable[..., None] = renew) -> None:
        if failures:
            raise failures.pop()
        renew(*arguments)

    monkeypatch.setattr("jobs.leases.renew", beat)
    with Heartbeat(replace(partner.settings, lease_seconds=1), number, "one"):
        wait_for(lambda: ImportRun.get_by_id(number).lease_until > now(), 20)

    assert f"the lease of import {number} could not be renewed" in caplog.text


def test_a_living_worker_is_not_dead(partner: Partner) -> None:
    """Its lock file is held; after its end the file is gone and nothing is said."""
    owner = Owner(partner.settings)

    assert not is_dead(partner.settings, owner.name)
    owner.close()
    assert not is_dead(partner.settings, owner.name)
    assert list((partner.settings.spool / "workers").iterdir()) == []


def test_a_killed_worker_is_noticed_at_once(partner: Partner) -> None:
    """The kernel frees its lock: its import is free long before the lease would have ended."""
    number = partner.queue("product", CONTENT).number
    code = (
        "import sys, time; from settings import load; from jobs.leases import Owner\n"
        "owner = Owner(load(sys.argv[1], environ={})); print(owner.name, flush=True); time.sleep(60)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code, str(partner.settings.home)], stdout=subprocess.PIPE)
    assert worker.stdout is not None
    try:
        name = worker.stdout.readline().decode().strip()
        take(partner, name, number)
        sweep_dead(partner.settings)
        assert claim(partner.settings, partner.registry, "two", number) is None
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        worker.stdout.close()

    sweep_dead(partner.settings)

    assert not (partner.settings.spool / "workers" / f"{name}.lock").exists()
    assert take(partner, "two", number).lease_owner == "two"


def test_a_lease_of_a_clock_that_was_ahead_ends_with_its_owner(partner: Partner) -> None:
    """Without a trace of whom it was, it would last as long as the clock was ahead; one who lives renews it."""
    owner = Owner(partner.settings)
    number = partner.queue("product", CONTENT).number
    take(partner, owner.name, number)
    ImportRun.update(lease_until=now() + dt.timedelta(days=365)).execute()

    release_ahead(partner.settings)
    assert claim(partner.settings, partner.registry, "two", number) is None
    owner.close()

    assert Worker(partner.settings, partner.registry, partner.hooks, lambda seconds: True).turn("two")
    assert ImportRun.get_by_id(number).status == "completed"


def test_the_former_owner_goes_on_while_files_are_moved(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stood still between its last checkpoint and the first move; the other has ended the import meanwhile."""
    number = partner.queue("product", CONTENT).number
    run = take(partner, "one", number)
    ended = []

    def stand_still(*arguments: object, **keywords: object) -> None:
        monkeypatch.undo()
        expire(number)
        take(partner, "two", number)
        ended.append(job(partner, ImportRun.get_by_id(number), "two").execute())

    monkeypatch.setattr("handlers.close.layout.make_account_folders", stand_still)
    with pytest.raises(LeaseLost):
        job(partner, run, "one").execute()

    (event,) = ended
    assert (event.status, counts(event)) == ("completed", (6, 0, 0, 0))
    assert [row["SKU_ID"] for row in partner.read(event, ".ids.csv")] == list("012345")
    assert partner.file(event, ".report.csv").exists()
    processed = partner.file(event, ".csv").parent.parent / "processed"
    assert [path.read_text() for path in processed.iterdir()] == [CONTENT]
    assert ImportRun.get_by_id(number).lease_owner is None


def test_a_newer_owners_folder_is_left_alone(partner: Partner) -> None:
    """Whoever moves in late removes older folders only, but for the one that the last checkpoint speaks of."""
    run = partner.queue("product", CONTENT)
    spool = layout.spool_folder(partner.settings, run.number)
    for name in "1234":
        (spool / name).mkdir()
        (spool / name / "ids.csv").write_text(name)
    run.attempts, run.folder, run.offsets = 3, "1", {"ids.csv": 1}

    move_in(spool / "3", run)

    assert sorted(path.name for path in spool.iterdir() if path.is_dir()) == ["1", "3", "4"]
    assert (spool / "3" / "ids.csv").read_text() == "1"


def test_a_card_that_can_not_be_written_leaves_nothing(partner: Partner) -> None:
    """A worker on a full disk is started again and again."""
    with files_of(0), pytest.raises(OSError, match="File too large"):
        Owner(partner.settings)
    assert list((partner.settings.spool / "workers").iterdir()) == []


def test_a_card_that_can_not_be_removed_keeps_nobody_from_ending(partner: Partner) -> None:
    """The home may be read-only by then; here its folder is none any more."""
    owner = Owner(partner.settings)
    folder = partner.settings.spool / "workers"
    folder.rename(folder.with_name("aside"))
    folder.touch()
    owner.close()
