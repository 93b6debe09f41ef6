"""What a worker does with an import that can't be done."""

from __future__ import annotations

import shutil
import sys

import pytest

import layout
from handlers.run import ImportJob
from jobs.mail_told import tell
from jobs.worker import ATTEMPTS, Worker
from models import ImportRun
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
