"""An import by the column takes several chunks into one transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import pytest

from errors import FileProblem
from handlers import pace
from handlers.block_pass import BlockPass
from handlers.chunks import Chunk
from handlers.pace import Pace
from imports.ahead import Ahead, Read, Reader
from models import ImportRun, Product, database, is_postgres
from tests.handlers.test_resume import Killed, execute, outcome
from tests.partner import Partner, counts
from tests.processes import all_seen, always_ahead

HEADER = "SKU_ID,Reference_ID,Name\n"


def products(first: int, last: int) -> str:
    return "".join(f"{number:04},R{number},Cup\n" for number in range(first, last))


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows that each transaction of an import has brought it to."""
    commit, found = BlockPass._commit, list[int]()
    monkeypatch.setattr(pace, "LONG", 60)  # also on a machine that stands still for a second

    def noted(self: BlockPass, *args: Any) -> None:
        commit(self, *args)
        found.append(self.position)

    monkeypatch.setattr(BlockPass, "_commit", noted)
    return found


def test_chunks_of_one_transaction(partner: Partner, commits: list[int]) -> None:
    assert counts(partner.in_chunks(10).send("product", HEADER + products(0, 100))) == (100, 0, 0, 0)
    assert commits == ([80, 100] if is_postgres() else [*range(10, 110, 10)])


@pytest.fixture
def prepared(commits: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process has read all that an import will write when this begins, and nobody takes long."""
    always_ahead(monkeypatch)
    monkeypatch.setattr(pace, "CALM", 60)
    monkeypatch.setattr(Pace, "chunks", property(lambda self: pace.TOGETHER if is_postgres() else pace.PAIR))
    commit, wait = BlockPass._commit, all_seen(monkeypatch)

    def late(self: BlockPass, *args: Any) -> None:
        if not self.position:
            wait()
        commit(self, *args)

    monkeypatch.setattr(BlockPass, "_commit", late)


@pytest.mark.usefixtures("prepared")
def test_two_chunks_of_one_transaction_on_sqlite(partner: Partner, commits: list[int]) -> None:
    """They were made ready beside the first."""
    assert counts(partner.in_chunks(10).send("product", HEADER + products(0, 100))) == (100, 0, 0, 0)
    assert commits == ([80, 100] if is_postgres() else [10, 30, 50, 70, 90, 100])
    assert partner.column("product", "SKU_ID") == [f"{number:04}" for number in range(100)]


@pytest.mark.usefixtures("prepared")
def test_one_chunk_where_two_would_hold_the_lock_for_long(
    partner: Partner, commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = BlockPass._write

    def slow(self: BlockPass, *args: Any) -> None:
        time.sleep(0.01)
        write(self, *args)

    monkeypatch.setattr(BlockPass, "_write", slow)
    monkeypatch.setattr(pace, "CALM", 0.015)

    assert counts(partner.in_chunks(10).send("product", HEADER + products(0, 50))) == (50, 0, 0, 0)
    assert commits == ([50] if is_postgres() else [10, 20, 30, 40, 50])


@pytest.mark.usefixtures("prepared")
def test_what_was_seen_too_early_does_not_share_a_transaction(partner: Partner, commits: list[int]) -> None:
    """On SQLite, which would be locked while it is seen anew."""
    chunked = partner.in_chunks(10)
    chunked.send("product", HEADER + products(0, 60))
    commits.clear()

    event = chunked.send("product", HEADER + products(0, 19) + ",R55,Saucer\n" + products(20, 50))

    assert counts(event) == (0, 1, 49, 0)
    assert commits == ([20, 50] if is_postgres() else [10, 20, 30, 40, 50])


@pytest.mark.usefixtures("prepared")
def test_a_row_that_strays_in_the_second_of_two_chunks(partner: Partner, commits: list[int]) -> None:
    chunked = partner.in_chunks(10)
    chunked.send("product", HEADER + products(0, 10))
    commits.clear()

    event = chunked.send("product", HEADER + products(100, 125) + ",R5,Saucer\n" + products(126, 160))

    assert counts(event) == (59, 1, 0, 0)
    assert commits == ([30, 60] if is_postgres() else [10, 30, 40, 50, 60])


@pytest.mark.usefixtures("prepared")
def test_changed_records_do_not_share_a_transaction(partner: Partner, commits: list[int]) -> None:
    """On SQLite, where they are compared with what is stored before that is locked."""
    chunked = partner.in_chunks(10)
    chunked.send("product", HEADER + products(0, 50))
    commits.clear()

    event = chunked.send("product", HEADER + products(0, 50).replace("Cup", "Mug"))

    assert counts(event) == (0, 50, 0, 0)
    assert commits == ([50] if is_postgres() else [10, 20, 30, 40, 50])


@pytest.mark.usefixtures("prepared")
def test_many_rows_that_go_one_by_one_do_not_come_second(partner: Partner, commits: list[int]) -> None:
    """On SQLite, which they would keep locked for long."""
    content = HEADER + products(0, 50)
    for number in (21, 24, 27):
        content = content.replace(f"R{number},Cup", f"R{number},")

    assert counts(partner.in_chunks(10).send("product", content)) == (47, 0, 0, 3)
    assert commits == ([50] if is_postgres() else [10, 20, 40, 50])


@pytest.mark.usefixtures("prepared")
def test_the_database_refuses_a_row_of_the_second_of_two_chunks(partner: Partner, commits: list[int]) -> None:
    """It is rejected alone: the first chunk and the rest of its own are written as if it were not there."""
    database.execute_sql("CREATE UNIQUE INDEX no_name_twice ON product (name)")
    names = [f"Cup {number}" for number in range(50)]
    names[25] = names[12]
    content = HEADER + "".join(f"{number:04},R{number},{name}\n" for number, name in enumerate(names))

    event = partner.in_chunks(10).send("product", content)

    assert counts(event) == (49, 0, 0, 1)
    assert [(each["line"], each["code"]) for each in partner.messages(event)] == [(27, "INVALID_VALUE")]
    assert commits == ([50] if is_postgres() else [10, 30, 50])
    assert partner.column("product", "Name") == [name for number, name in enumerate(names) if number != 25]


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("whole", [2, 3])
def test_a_problem_of_the_file_within_two_chunks_or_behind_them(
    partner: Partner, commits: list[int], monkeypatch: pytest.MonkeyPatch, whole: int
) -> None:
    """What comes before it is kept."""
    read = Ahead.__iter__

    def some_chunks(self: Ahead) -> Iterator[Read]:
        yield from islice(read(self), whole)
        raise FileProblem("BAD_ENCODING", "It can't be read on", line=whole * 10 + 2)

    monkeypatch.setattr(Ahead, "__iter__", some_chunks)
    event = partner.in_chunks(10).send("product", HEADER + products(0, 100))

    assert (event.status, event.code) == ("failed", "BAD_ENCODING")
    assert commits == ([whole * 10] if is_postgres() else [10, whole * 10])
    assert Product.select().count() == whole * 10


@pytest.mark.usefixtures("prepared")
def test_somebody_writes_while_two_chunks_are_ready(
    partner: Partner, commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite nothing that was seen counts any more, and nothing is looked for while the database is locked."""
    commit = BlockPass._commit

    def beside(self: BlockPass, *args: Any) -> None:
        if self.position == 10:
            with closing(sqlite3.connect(partner.settings.database_url.removeprefix("sqlite:///"))) as other, other:
                other.execute("CREATE TABLE others (what TEXT)")
        commit(self, *args)

    monkeypatch.setattr(BlockPass, "_commit", beside)

    assert counts(partner.in_chunks(10).send("product", HEADER + products(0, 50))) == (50, 0, 0, 0)
    assert commits == ([50] if is_postgres() else [10, 20, 30, 40, 50])


@pytest.mark.usefixtures("prepared")
def test_a_death_between_two_chunks_of_one_transaction(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Undoes both; counts, report files and records are those of an import that nobody disturbed."""
    content = HEADER + products(0, 45) + "".join(f"{number:04},R{number},\n" for number in range(45, 50))
    content = content.replace("0005,R5,Cup", "0005,R5,").replace("0015,R15,Cup", "0015,R15,")
    partner = partner.in_chunks(10)
    expected = outcome(partner, partner.send("product", content))
    other = partner.neighbour("globex")
    number = other.queue("product", content).number
    write = BlockPass._write

    def deadly(self: BlockPass, chunk: Chunk) -> None:
        if chunk.first == 20:
            raise Killed
        write(self, chunk)

    with monkeypatch.context() as patch:
        patch.setattr(BlockPass, "_write", deadly)
        with pytest.raises(Killed):
            execute(other, number)

    assert ImportRun.get_by_id(number).position == (0 if is_postgres() else 10)
    assert outcome(other, execute(other, number)) == expected


def test_a_slow_database_gets_one_chunk_at_a_time(
    partner: Partner, commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "LONG", 0)

    assert counts(partner.in_chunks(10).send("product", HEADER + products(0, 100))) == (100, 0, 0, 0)
    assert commits == list(range(10, 110, 10))


def test_a_dry_run_reports_each_chunk(partner: Partner, commits: list[int]) -> None:
    """It undoes one before it looks at the next."""
    event = partner.in_chunks(10).send("product", HEADER + products(0, 100) + "S,,\n", dry_run=True)

    assert counts(event) == (100, 0, 0, 1)
    assert len(commits) == 11
    assert not Product.select().exists()


def test_a_problem_of_the_file_keeps_what_is_before_it(
    partner: Partner, commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the middle of a transaction."""
    read = Reader.__iter__

    def two_chunks(self: Reader) -> Iterator[Read]:
        yield from islice(read(self), 2)
        raise FileProblem("BAD_ENCODING", "It can't be read on", line=22)

    monkeypatch.setattr(Reader, "__iter__", two_chunks)
    event = partner.in_chunks(10).send("product", HEADER + products(0, 100))

    assert (event.status, event.code) == ("failed", "BAD_ENCODING")
    assert commits == ([20] if is_postgres() else [10, 20])
    assert Product.select().count() == 20


def test_a_row_that_strays_ends_the_transaction(partner: Partner, commits: list[int]) -> None:
    """It finds its record by another key; what the reader sees can be believed again when that is committed."""
    chunked = partner.in_chunks(10)
    chunked.send("product", HEADER + products(0, 30))
    commits.clear()

    event = chunked.send("product", HEADER + products(0, 10) + ",R25,Saucer\n" + products(30, 49))

    assert counts(event) == (19, 1, 10, 0)
    assert commits == ([20, 30] if is_postgres() else [10, 20, 30])
    assert Product.get(Product.sku_id == "0025").name == "Saucer"
