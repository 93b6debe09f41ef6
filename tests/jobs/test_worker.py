"""What a worker does with an import that can't be done."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import peewee
import pytest

import layout
from handlers.collections import CollectionHandler
from handlers.run import ImportJob
from jobs.mail_told import tell
from jobs.worker import ATTEMPTS, Worker, _is_infrastructure
from models import ImportRun, database
from settings import Settings
from tests.partner import Partner
from tests.rights import LIKE_OTHERS

ROOT = Path(__file__).parent.parent.parent
FIVE_TURNS = """
import logging, sys
import jobs.worker, models
from handlers.registry import Registry
from hooks import Hooks
from settings import load

logging.basicConfig(format="%(message)s")
jobs.worker.SWEEP = 0.0
settings = load(sys.argv[1])
models.bind(settings.database_url)
turns = iter(range(5))
jobs.worker.Worker(settings, Registry(), Hooks(), lambda seconds: next(turns, None) is not None).run()
"""


def test_an_import_whose_file_is_gone_is_set_aside(partner: Partner) -> None:
    """Somebody removed it from the spool: the import fails with INTERNAL, and the next one is done."""
    gone = partner.queue("product", "SKU_ID,Name\n1,Cup\n").number
    after = partner.queue("product", "SKU_ID,Name\n2,Saucer\n", "PRODUCT_19_09_2024.csv").number
    shutil.rmtree(layout.spool_folder(partner.settings, gone))
    worker = Worker(partner.settings, partner.registry, partner.hooks, lambda seconds: True)

    for _ in range(ATTEMPTS + 1):
        assert worker.turn("test")

    failed = ImportRun.get_by_id(gone)
    assert (failed.status, failed.code) == ("failed", "INTERNAL")
    assert failed.error == (
        "ftpdock failed to import the file (FtpdockError); nothing was imported; the file itself is gone, and has to "
        "be sent again"
    )
    told = tell(partner.settings, partner.account, "Products", failed)
    assert told.next_steps == [
        "This is our fault, not your file's. The file itself is gone: upload it into /Products once more."
    ]
    assert ImportRun.get_by_id(after).status == "completed"
    assert [each["SKU_ID"] for each in partner.records("product")] == ["2"]


def test_an_import_that_calls_sys_exit_is_set_aside(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin's handler may do so. A worker that is a thread would be missed until the server is started again."""
    number = partner.queue("product", "SKU_ID,Name\n1,Cup\n").number
    monkeypatch.setattr(ImportJob, "_work", lambda *_: sys.exit(3))
    worker = Worker(partner.settings, partner.registry, partner.hooks, lambda seconds: True)

    for _ in range(ATTEMPTS):
        assert worker.turn("test")

    failed = ImportRun.get_by_id(number)
    assert (failed.status, failed.code) == ("failed", "INTERNAL")
    assert "(SystemExit)" in failed.error


def test_a_worker_goes_on_whatever_a_turn_raises(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a thread of the server (`workers = 0`) nobody starts it again."""
    turns: list[str] = []

    def turn(worker: Worker, owner: str) -> bool:
        turns.append(owner)
        sys.exit()

    monkeypatch.setattr(Worker, "turn", turn)
    Worker(partner.settings, partner.registry, partner.hooks, lambda seconds: len(turns) < 2).run()
    assert len(turns) == 2


def test_wrong_sql_is_our_error(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite calls it operational, as it does a full disk: the file would be tried for ever and hold up all behind."""
    failing = partner.queue("collection", "Name\nA\n").number
    after = partner.queue("product", "SKU_ID,Name\n2,Saucer\n").number
    monkeypatch.setattr(CollectionHandler, "process", lambda *_: database.execute_sql("SELECT nope FROM account"))
    worker = Worker(partner.settings, partner.registry, partner.hooks, lambda seconds: True)

    for _ in range(ATTEMPTS + 1):
        assert worker.turn("test")

    assert (ImportRun.get_by_id(failing).status, ImportRun.get_by_id(failing).code) == ("failed", "INTERNAL")
    assert ImportRun.get_by_id(after).status == "completed"


@pytest.mark.parametrize(
    ("code", "away"),
    [(sqlite3.SQLITE_ERROR, False), (sqlite3.SQLITE_ERROR_SNAPSHOT, False), (sqlite3.SQLITE_BUSY, True),
     (sqlite3.SQLITE_FULL, True), (sqlite3.SQLITE_IOERR_WRITE, True), (sqlite3.SQLITE_READONLY, True),
     (sqlite3.SQLITE_CANTOPEN, True), (sqlite3.SQLITE_CORRUPT, True), (None, True)],
)  # fmt: skip
def test_which_errors_of_sqlite_are_the_disks(partner: Partner, code: int | None, away: bool) -> None:
    """Of the database as well as of the scratch files, which lie beside the import."""
    scratch = sqlite3.OperationalError("x")
    if code is not None:
        scratch.sqlite_errorcode = code

    assert _is_infrastructure(scratch) == away
    assert _is_infrastructure(peewee.OperationalError(scratch, "x")) == away


def test_a_full_disk_is_not_taken_for_wrong_sql(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]
) -> None:
    """SQLite ends the transaction by itself, and says of the rollback that there is none."""
    partner = make_partner(make_settings("sqlite"))
    number = partner.queue("collection", "Name\n" + "".join(f"{each:0200}\n" for each in range(500))).number
    (pages,) = database.execute_sql("PRAGMA page_count").fetchone()
    database.execute_sql(f"PRAGMA max_page_count = {pages + 3}")
    worker = Worker(partner.settings, partner.registry, partner.hooks, lambda seconds: True)

    assert worker.turn("test")

    resting = ImportRun.get_by_id(number)
    assert (resting.status, resting.failures) == ("waiting", 0)
    assert resting.error.endswith(" - it is tried again")


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_a_worker_may_not_look_at_stops_no_import(partner: Partner) -> None:
    """A card of another user's process, a folder from a backup that root put back: told of once, and left alone."""
    number = partner.queue("product", "SKU_ID,Name\n1,Cup\n").number
    spool = partner.settings.spool
    card, folder, after = spool / "workers" / "1a2b.lock", spool / "009998", spool / "009999"
    card.parent.mkdir(exist_ok=True)
    card.touch()
    for each in (folder, after):
        each.mkdir()
        (each / "a.csv").write_text("a")
        for path in (each / "a.csv", each):
            os.utime(path, (0, 0))
    for each in (card, folder):
        each.chmod(0)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FTPDOCK_DATABASE": partner.settings.database_url}
    ended = subprocess.run([*LIKE_OTHERS, sys.executable, "-c", FIVE_TURNS, str(partner.settings.home)],
                           env=environment, capture_output=True, text=True, check=True)  # fmt: skip
    folder.chmod(0o700)

    assert ImportRun.get_by_id(number).status == "completed"
    told = [line for line in ended.stderr.splitlines() if "Permission denied" in line]
    assert sorted(line.partition("/spool/")[2].partition(" ")[0] for line in told) == ["009998", "workers/1a2b.lock"]
    assert card.exists()
    assert (folder / "a.csv").exists()
    assert [path.read_text() for path in (spool / layout.LOST).glob("009999-*/a.csv")] == ["a"]


def test_a_home_that_goes_while_a_worker_runs_is_waited_for(partner: Partner) -> None:
    """What waits is there again when the disk is mounted; a command that is called meanwhile makes an empty home."""
    number = partner.queue("product", "SKU_ID,Name\n1,Cup\n").number
    spool = partner.settings.spool
    away, calls = spool.with_name("away"), 0

    def bell(seconds: float) -> bool:
        nonlocal calls
        calls += 1
        if calls == 1:
            spool.rename(away)
        if calls == ATTEMPTS:
            layout.make_home(partner.settings)
        if calls == 2 * ATTEMPTS:
            shutil.rmtree(spool)
            away.rename(spool)
        return calls < 20 and ImportRun.get_by_id(number).status != "completed"

    Worker(partner.settings, partner.registry, partner.hooks, bell).run()

    assert ImportRun.get_by_id(number).status == "completed"
    assert [each["SKU_ID"] for each in partner.records("product")] == ["1"]
