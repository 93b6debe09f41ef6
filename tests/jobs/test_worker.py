"""What a worker does with an import that can't be done."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable

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
