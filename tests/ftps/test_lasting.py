"""226 outlasts a power cut: what has to be on the disk is there before the row that tells of it."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ftps.pool import with_database
from models import database
from tests.ftps.test_receipt import key
from tests.visitor import BODY, NAME, PATH, House

OTHER = "PRODUCT_19_09_2024.csv"
Synced = list[tuple[str, list[str]]]


@pytest.fixture
def watched(house: House, monkeypatch: pytest.MonkeyPatch) -> Synced:
    """What is synced from now on, below the home, with the names of the uploads that were recorded by then."""
    synced: Synced = []

    def fsync(handle: int, fsync: Callable[[int], None] = os.fsync) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        other = sqlite3.connect(house.settings.database_url.removeprefix("sqlite:///"))
        recorded = [name for (name,) in other.execute("SELECT name FROM upload")]
        other.close()
        synced.append((path.relative_to(house.settings.home).as_posix(), recorded))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return synced


def test_an_upload_is_on_the_disk_before_it_is_recorded(house: House, watched: Synced) -> None:
    """Its bytes, then its folder in the spool, then the spool, in which that folder appeared."""
    house.login().put(PATH, BODY)
    partial = house.door.shared.partials.path(key(house), PATH).relative_to(house.settings.home)
    assert watched == [(partial.as_posix(), []), ("spool/000001", []), ("spool", [])]


def test_a_file_under_a_temporary_name_is_on_the_disk_as_well(house: House, watched: Synced) -> None:
    """Its bytes and the folder that shows it, before 226; and the spool, before it is recorded under its right name."""
    client = house.login()
    client.put("/Products/x.tmp", BODY)
    partial = house.door.shared.partials.path(key(house), "/Products/x.tmp").relative_to(house.settings.home)
    assert watched == [(partial.as_posix(), []), ("accounts/acme/Products", [])]
    watched.clear()
    client.rename("/Products/x.tmp", PATH)
    assert watched == [("accounts/acme/Products/x.tmp", []), ("spool/000001", []), ("spool", [])]


def test_a_new_name_is_on_the_disk_before_it_is_recorded(house: House, watched: Synced) -> None:
    """Of an upload that waits: its bytes are there under both."""
    client = house.login()
    client.put(PATH, BODY)
    watched.clear()
    client.rename(PATH, f"/Products/{OTHER}")
    assert watched == [("spool/000001", [NAME])]


def test_each_commit_is_on_the_disk_when_it_is_over(house: House) -> None:
    """PRAGMA synchronous is 2 (FULL) on each connection by which a receipt may be recorded."""
    count, found = house.settings.pool_threads, []
    together = threading.Barrier(count + 1)

    def ask() -> None:
        found.append([database.execute_sql(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")])
        together.wait(20)

    for _ in range(count):
        house.door.shared.pool.submit(lambda: with_database(ask))
    together.wait(20)
    assert found == [[2, "wal"]] * count
