"""A disk that is full: the import rests, and goes on when there is room again."""

from __future__ import annotations

from jobs.worker import Worker
from models import ImportRun
from tests.full_disk import files_of
from tests.partner import Partner

ROOM = 262_144
"""Bytes that any one file may have."""
ROWS = 20_000


def test_an_import_rests_while_the_disk_is_full(partner: Partner) -> None:
    """It stays in the queue, says why, loses nothing, and is done exactly once when there is room."""
    rows = "".join(f"SKU-{number:06},Cup number {number}\n" for number in range(ROWS))
    number = partner.queue("product", "SKU_ID,Name\n" + rows).number
    worker = Worker(partner.settings, partner.registry, partner.hooks, lambda seconds: True)

    with files_of(ROOM):
        assert worker.turn("test")
    resting = ImportRun.get_by_id(number)

    assert (resting.status, resting.code) == ("waiting", None)
    assert "tried again" in resting.error
    ImportRun.update(lease_until=None).execute()
    assert worker.turn("test")
    done = ImportRun.get_by_id(number)
    assert (done.status, done.rows, done.created) == ("completed", ROWS, ROWS)
    assert len(partner.records("product")) == ROWS
