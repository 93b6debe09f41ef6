"""What the process that reads ahead has seen counts only as long as it is true."""

from __future__ import annotations

import fcntl
import sqlite3
import termios
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from handlers import block_pass, pace, way
from handlers.block_pass import BlockPass
from handlers.foresight import Looking
from handlers.plain_rows import ProductBlocks
from imports.ahead import Companion, Task
from imports.frames import Packed
from imports.reading import Batch
from models import Category, Collection, Product, is_postgres, new_system_ids
from tests import processes
from tests.partner import Partner, counts
from tests.processes import always_ahead, wait_until

HEADER = "SKU_ID,Reference_ID,Name,Category\n"


def products(first: int, last: int, name: str = "Cup", category: str = "K") -> str:
    return "".join(f"{number:04},R{number},{name},{category}\n" for number in range(first, last))


def in_order_made() -> list[str]:
    return [each.sku_id for each in Product.select(Product.sku_id).order_by(Product.system_id)]


@pytest.fixture(autouse=True)
def all_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    always_ahead(monkeypatch)


@pytest.fixture
def stocked(partner: Partner) -> Partner:
    """With thirty products, imported in chunks of ten."""
    Category.create(account=partner.account, path="K", name="K")
    Collection.create(account=partner.account, name="S")
    chunked = partner.in_chunks(10)
    assert counts(chunked.send("product", HEADER + products(0, 30))) == (30, 0, 0, 0)
    return chunked


@pytest.fixture
def all_seen(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    return processes.all_seen(monkeypatch)


@pytest.fixture
def before_the_second_chunk(
    stocked: Partner, all_seen: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Have another connection execute a statement when the first chunk is written and all others are seen."""
    commit = BlockPass._commit
    monkeypatch.setattr(pace, "TOGETHER", 1)
    monkeypatch.setattr(pace, "PAIR", 1)

    def given(statement: str) -> None:
        def change_first(self: BlockPass, *args: Any) -> None:
            if self.position == 10:
                all_seen()
                url = stocked.settings.database_url
                other: Any = psycopg.connect(url) if is_postgres() else sqlite3.connect(url.removeprefix("sqlite:///"))
                with closing(other), other:
                    other.execute(statement)
            commit(self, *args)

        monkeypatch.setattr(BlockPass, "_commit", change_first)

    return given


@pytest.fixture
def looks(all_seen: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the chunks at which the writer had to look by itself. It takes none before all are seen, so that it
    never waits, and no unchanged ones are left to it."""
    frame = Companion.frame

    def late(self: Companion) -> Any:
        all_seen()
        return frame(self)

    monkeypatch.setattr(Companion, "frame", late)
    return counted_looks(monkeypatch)


def counted_looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    look, found = ProductBlocks.look, list[int]()

    def counted(self: ProductBlocks, batch: Any, hashes: Any) -> Any:
        found.append(len(batch))
        return look(self, batch, hashes)

    monkeypatch.setattr(ProductBlocks, "look", counted)
    return found


def test_the_writer_need_not_look(stocked: Partner, looks: list[int]) -> None:
    """Neither for new rows, nor for unchanged or changed ones."""
    text = HEADER + products(0, 20) + products(20, 30, "Saucer") + products(30, 50)

    assert counts(stocked.send("product", text)) == (20, 10, 20, 0)
    assert looks == []


@dataclass
class Slow(Looking):
    """Lets the writer take all that is ready, and wait."""

    def see(self, task: Task, batch: Batch, hashes: Sequence[int], *, awaited: bool) -> Packed:
        time.sleep(0.02)  # until what was made last is in the pipe
        while any(fcntl.ioctl(1, termios.FIONREAD, bytes(4))):
            time.sleep(0.001)
        return super().see(task, batch, hashes, awaited=awaited)


def test_a_writer_that_waits_looks_for_unchanged_rows_itself(stocked: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader leaves it every other chunk of them, until others come."""
    stocked.send("product", HEADER + products(30, 100))
    monkeypatch.setattr(way, "Looking", Slow)
    looks = counted_looks(monkeypatch)
    text = HEADER + products(0, 80) + products(80, 90, "Saucer") + products(90, 100) + products(200, 250)

    event = stocked.send("product", text)

    assert counts(event) == (50, 10, 90, 0)
    assert [row["Outcome"] for row in stocked.read(event, ".ids.csv")] == [
        *["unchanged"] * 80, *["updated"] * 10, *["unchanged"] * 10, *["created"] * 50]  # fmt: skip
    assert 3 <= len(looks) <= 6  # of 15 chunks


@dataclass
class Telling(Looking):
    """Tells whether it wants to be near."""

    told: Path = field(kw_only=True)

    def see(self, task: Task, batch: Batch, hashes: Sequence[int], *, awaited: bool) -> Packed:
        seen = super().see(task, batch, hashes, awaited=False)
        with self.told.open("a") as file:
            file.write(f"{self.near:d}")
        return seen


def test_who_reads_changed_rows_is_near(stocked: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has just asked for is what the writer wants next, who wants little of new and unchanged rows."""
    monkeypatch.setattr(way, "Looking", partial(Telling, told=tmp_path / "told"))
    text = HEADER + products(0, 10, "Saucer") + products(10, 20) + products(20, 26, "Saucer") + products(26, 50)

    assert counts(stocked.send("product", text)) == (20, 16, 14, 0)
    assert (tmp_path / "told").read_text() == "10100"


def test_new_records_come_in_the_order_of_the_file(stocked: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their System IDs come from the reader, also those of rows that go to the handler; unchanged rows need none."""
    made: list[int] = []

    def counted(count: int) -> list[str]:
        made.append(count)
        return new_system_ids(count)

    monkeypatch.setattr(block_pass, "new_system_ids", counted)
    text = HEADER + products(0, 30) + products(30, 60).replace("0045,R45,", "0045,\\N,")

    assert counts(stocked.send("product", text)) == (30, 0, 30, 0)
    assert in_order_made()[30:] == [f"{number:04}" for number in range(30, 60)]
    assert sum(made) == 0


def test_new_records_follow_the_file_over_chunks(
    stocked: Partner, before_the_second_chunk: Callable[[str], None]
) -> None:
    """Also when the reader has made the System IDs of a later chunk before the writer those of a former one."""
    before_the_second_chunk("SELECT 1")
    text = HEADER + products(0, 9) + products(30, 61)

    assert counts(stocked.send("product", text)) == (31, 0, 9, 0)
    assert in_order_made()[30:] == [f"{number:04}" for number in range(30, 61)]


def test_a_record_that_others_change_meanwhile(
    stocked: Partner, before_the_second_chunk: Callable[[str], None], looks: list[int]
) -> None:
    """SQLite tells, and the file has its way. On Postgres a row that changes nothing came before the others' change."""
    before_the_second_chunk("UPDATE product SET name = 'theirs' WHERE sku_id = '0025'")

    event = stocked.send("product", HEADER + products(0, 30))

    names = stocked.column("product", "Name")
    if is_postgres():
        assert (counts(event), names.count("theirs"), looks) == ((0, 0, 30, 0), 1, [])
    else:
        assert (counts(event), names.count("theirs")) == ((0, 1, 29, 0), 0)
        assert looks


def test_a_record_that_others_change_before_the_file_does(
    stocked: Partner, before_the_second_chunk: Callable[[str], None]
) -> None:
    """What the file says nothing of stays theirs, and the row is found although it does not lie where it was seen."""
    before_the_second_chunk("UPDATE product SET name = 'theirs', uom = 'box' WHERE sku_id = '0025'")

    event = stocked.send("product", HEADER + products(0, 30, "Saucer"))

    assert counts(event) == (0, 30, 0, 0)
    assert set(stocked.column("product", "Name")) == {"Saucer"}
    assert stocked.column("product", "UOM").count("box") == 1


def test_a_record_that_others_make_meanwhile(stocked: Partner, before_the_second_chunk: Callable[[str], None]) -> None:
    """The row of a file that would make it, too, changes it."""
    before_the_second_chunk("UPDATE product SET sku_id = '0045', name = 'theirs', reference_id = NULL "
                            "WHERE sku_id = '0005'")  # fmt: skip

    event = stocked.send("product", HEADER + products(30, 60))

    assert counts(event) == (29, 1, 0, 0)
    assert "theirs" not in stocked.column("product", "Name")


@dataclass
class Halting(Looking):
    """Says that it has come to the second chunk, and waits until it may go on."""

    folder: Path = field(kw_only=True)
    seen: int = 0

    def see(self, task: Task, batch: Batch, hashes: Sequence[int], *, awaited: bool) -> Packed:
        self.seen += 1
        if self.seen == 2:
            wait_until((self.folder / "go on").exists)
        return super().see(task, batch, hashes, awaited=False)


def test_somebody_wants_the_whole_table(
    stocked: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On Postgres he waits for who writes, and who reads ahead behind him: the writer does not wait for that one then,
    or nobody would get on."""
    monkeypatch.setattr(way, "Looking", partial(Halting, folder=tmp_path))
    text = HEADER + products(0, 30, "Saucer")
    if not is_postgres():
        (tmp_path / "go on").touch()
        assert counts(stocked.send("product", text)) == (0, 30, 0, 0)
        return
    locks = "SELECT 1 FROM pg_locks WHERE relation = 'product'::regclass AND mode = %s AND granted = %s"
    url = stocked.settings.database_url

    def take_all() -> None:
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE product IN ACCESS EXCLUSIVE MODE")

    def between() -> None:
        with psycopg.connect(url, autocommit=True) as looking:
            wait_until(lambda: looking.execute(locks, ("RowExclusiveLock", True)).fetchone())
            taking = threading.Thread(target=take_all)
            taking.start()
            wait_until(lambda: looking.execute(locks, ("AccessExclusiveLock", False)).fetchone())
        (tmp_path / "go on").touch()
        taking.join()

    meanwhile = threading.Thread(target=between)
    meanwhile.start()
    begun = time.monotonic()

    assert counts(stocked.send("product", text)) == (0, 30, 0, 0)
    meanwhile.join()
    assert time.monotonic() - begun < stocked.settings.lease_seconds / 2
    assert "going on without it" in caplog.text


def test_a_name_that_others_change_meanwhile(stocked: Partner, before_the_second_chunk: Callable[[str], None]) -> None:
    """Rows may not refer to what the name stood for."""
    before_the_second_chunk("UPDATE category SET path = 'L'")

    event = stocked.send("product", HEADER + products(30, 60))

    assert counts(event) == (10, 0, 0, 20)
    assert {each["code"] for each in stocked.messages(event)} == {"UNKNOWN_REFERENCE"}


def test_a_row_that_finds_its_record_by_another_key(stocked: Partner, looks: list[int]) -> None:
    """Nobody knows what else it has moved, so the writer looks again until the reader has done so, too."""
    event = stocked.send("product", HEADER + ",R25,Saucer,K\n" + products(30, 60))

    assert counts(event) == (30, 1, 0, 0)
    assert Product.get(Product.sku_id == "0025").name == "Saucer"
    assert looks


def test_a_database_that_the_reader_cannot_open(
    stocked: Partner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The import goes on without it, and the log says why."""

    def nowhere(url: str, *rest: Any) -> Looking:
        return Looking("sqlite:////nowhere/at/all.db", *rest)

    monkeypatch.setattr(way, "Looking", nowhere)

    assert counts(stocked.send("product", HEADER + products(0, 40))) == (10, 0, 30, 0)
    assert "going on without it" in caplog.text
