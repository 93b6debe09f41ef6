"""A receipt that can't be committed is refused, and leaves nothing but what its client may continue."""

from __future__ import annotations

import ftplib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ftps import pool
from layout import LOST, spool_folder
from models import Upload, database, is_postgres
from settings import Settings
from tests.failing_commit import HANGS_UP, IS_FULL, failing_commit
from tests.ftps.shelf import on_loopback
from tests.full_disk import files_of
from tests.visitor import BODY, NAME, PATH, Client, House

TRIES = 3


@pytest.fixture
def both(settings: Settings, open_house: Callable[..., House]) -> House:
    """A House, once on each engine."""
    return open_house(on_loopback(settings))


def left(house: House) -> list[Path]:
    """What lies in the spool as of an upload, or was put aside."""
    spool = house.settings.spool
    return [*spool.glob("[0-9]*"), *(spool / LOST).glob("*")]


@contextmanager
def full_sqlite(house: House) -> Iterator[None]:
    """For a while no connection of the server's may let the file grow, which an upload needs."""
    most = database.execute_sql("PRAGMA page_count").fetchone()[0] + 3
    database.execute_sql("CREATE TABLE large (content)")
    database.execute_sql("CREATE TRIGGER grows AFTER INSERT ON upload BEGIN "
                         "INSERT INTO large VALUES (zeroblob(100000)); END")  # fmt: skip
    together = threading.Barrier(house.settings.pool_threads)

    def bound() -> None:
        together.wait(10)
        pool.connect()
        database.execute_sql(f"PRAGMA max_page_count = {most}")

    for _ in range(house.settings.pool_threads):
        assert house.door.shared.pool.submit(bound)
    yield
    database.execute_sql("DROP TRIGGER grows")


def refused(client: Client, path: str = PATH, body: bytes = BODY, reply: str = "451 ") -> None:
    with pytest.raises(ftplib.error_temp, match=f"^{reply}"):
        client.put(path, body)


def test_what_could_not_be_recorded_leaves_no_copy(both: House) -> None:
    """However often it is tried. What arrived can still be continued, and the next try is as good as any."""
    client = both.login()
    with failing_commit():
        for _ in range(TRIES):
            refused(client)
            assert left(both) == []

    assert client.put(PATH, b"", rest=len(BODY)).startswith("226 ")
    (row,) = both.rows
    assert (spool_folder(both.settings, row.id) / NAME).read_bytes() == BODY
    assert [folder.name for folder in left(both)] == [f"{row.id:06}"]


def test_several_that_could_not_be_recorded_leave_no_copy(both: House) -> None:
    """SQLite gives the number of one that failed to the next, which finds the other's folder in its way."""
    clients = [both.login() for _ in range(4)]

    def work(client: Client, day: int) -> None:
        for _ in range(5):
            refused(client, f"/Products/PRODUCT_{day:02}_09_2024.csv", b"SKU_ID,Name\r\nA,B\r\n")

    with failing_commit():
        threads = [threading.Thread(target=work, args=(client, day)) for day, client in enumerate(clients, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert left(both) == []
    assert both.rows == []


def test_a_folder_of_another_with_the_same_number_stays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was recorded before the one that failed could look."""
    first, second = house.login(), house.login()
    other = PATH.replace("18_09", "19_09")
    real = database.obj.commit

    def commit() -> None:
        if not left(house):
            return real()
        monkeypatch.undo()
        database.obj.rollback()
        # As if it had come in the moment between: it waits for no lock that this thread has.
        assert second.put(other, b"of the other").startswith("226 ")
        return real()

    monkeypatch.setattr(database.obj, "commit", commit)
    refused(first)

    (row,) = house.rows
    assert (spool_folder(house.settings, row.id) / row.name).read_bytes() == b"of the other"
    assert left(house) == [spool_folder(house.settings, row.id)]


def test_a_disk_that_is_full_below_the_database_fills_no_other(house: House) -> None:
    """The database lies on one of its own; here its log may not grow."""
    client = house.login()
    log = Path(house.settings.database_url.removeprefix("sqlite:///") + "-wal")
    database.execute_sql("CREATE TABLE large (content)")
    database.execute_sql("INSERT INTO large VALUES (zeroblob(1000000))")
    with files_of(log.stat().st_size):
        for _ in range(TRIES):
            refused(client)
    assert left(house) == []
    assert client.put(PATH, BODY).startswith("226 ")


def test_a_full_database_is_a_full_disk(both: House, caplog: pytest.LogCaptureFixture) -> None:
    """452, and a line in the log."""
    client = both.login()
    with failing_commit(IS_FULL) if is_postgres() else full_sqlite(both):
        refused(client, reply="452 There is not enough space. Try again later.")
    (said,) = (record for record in caplog.records if "no space left" in record.getMessage())
    assert said.exc_info is None
    assert left(both) == []


@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
def test_what_may_have_been_recorded_stays(both: House) -> None:
    """Postgres was gone before it answered the COMMIT, and may still carry it out: its row needs the bytes."""
    client = both.login()
    with failing_commit(HANGS_UP):
        refused(client)

    (folder,) = left(both)
    assert (folder / NAME).read_bytes() == BODY
    assert Upload.select().count() == 0
