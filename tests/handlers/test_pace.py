"""While others write, an import takes small steps; what becomes of its rows is the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from handlers import pace
from handlers.pace import CALM, HOLD, MEMORY, PAIR, TOGETHER, Pace
from handlers.passes import Pass
from models import is_postgres
from tests.partner import Partner, counts
from tests.processes import always_ahead

CUSTOMERS, PRODUCTS = "Reference_ID,Company_Name\n", "SKU_ID,Reference_ID,Name,MOQ\n"
ROWS = 100


@pytest.fixture
def write(partner: Partner) -> Iterator[Callable[[], None]]:
    """Another connection commits something; on Postgres, where this keeps nobody waiting, nothing."""
    if is_postgres():
        yield lambda: None
        return
    with closing(sqlite3.connect(partner.settings.database_url.removeprefix("sqlite:///"))) as other:
        other.execute("CREATE TABLE others (what TEXT)")

        def commit() -> None:
            with other:
                other.execute("INSERT INTO others VALUES ('something')")

        yield commit


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock says, to be set."""
    now = [1000.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    return now


def test_alone_it_takes_all(partner: Partner, clock: list[float]) -> None:
    """However long the lock is held."""
    made = Pace(5000)
    made.took(5000, 10.0)
    assert made.rows == 5000


def test_beside_others_it_takes_what_is_soon_done(
    partner: Partner, write: Callable[[], None], clock: list[float]
) -> None:
    """By the speed of the last transaction, until nobody has written for a while."""
    made = Pace(5000)
    write()
    made.took(5000, 4 * HOLD)
    assert made.rows == (5000 if is_postgres() else 1250)
    made.took(1000, 0.002)
    assert made.rows == 5000
    made.took(1000, 100.0)
    assert made.rows == (5000 if is_postgres() else pace.FEWEST)
    clock[0] += MEMORY + 0.01
    assert made.rows == 5000


def test_two_chunks_where_they_are_soon_written(
    partner: Partner, write: Callable[[], None], clock: list[float]
) -> None:
    """By the speed of the last transaction, while nobody else writes."""
    made = Pace(5000)
    assert made.chunks == (TOGETHER if is_postgres() else 1)
    made.took(5000, 0.4 * CALM)
    assert made.chunks == (TOGETHER if is_postgres() else PAIR)
    made.took(10_000, 1.1 * CALM)
    assert made.chunks == (TOGETHER if is_postgres() else 1)
    write()
    made.took(5000, 0.4 * CALM)
    assert made.chunks == (TOGETHER if is_postgres() else 1)
    clock[0] += MEMORY + 0.01
    assert made.chunks == (TOGETHER if is_postgres() else PAIR)


def test_a_transaction_that_takes_long_takes_no_further_chunk(partner: Partner) -> None:
    made = Pace(5000)
    assert made.goes_on(0.4 * CALM)
    assert made.goes_on(0.6 * CALM) == is_postgres()
    assert not made.goes_on(1.1)


def test_never_more_than_was_asked_for(partner: Partner, write: Callable[[], None], clock: list[float]) -> None:
    """A setting below the fewest rows holds, too."""
    made = Pace(10)
    write()
    made.took(10, 60.0)
    assert made.rows == 10


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, write: Callable[[], None]) -> list[int]:
    """The rows of each transaction of an import beside somebody who writes all the time."""
    commit, found = Pass._commit, list[int]()

    def counted(self: Pass, *args: Any) -> None:
        before = self.position
        write()
        commit(self, *args)
        found.append(self.position - before)

    monkeypatch.setattr(Pass, "_commit", counted)
    monkeypatch.setattr(pace, "HOLD", 1e-6)
    monkeypatch.setattr(pace, "FEWEST", 7)
    monkeypatch.setattr(pace, "MEMORY", 60)  # also on a machine that stands still for a second
    return found


@pytest.mark.parametrize("read_ahead", [False, True])
def test_products_in_small_steps(
    partner: Partner, steps: list[int], monkeypatch: pytest.MonkeyPatch, read_ahead: bool
) -> None:
    """New, unchanged, changed, faulty and doubled rows, with what was seen of a chunk divided, too."""
    if read_ahead:
        always_ahead(monkeypatch)
    chunked = partner.in_chunks(40)
    first = "".join(f"{number:03},R{number},Cup,1\n" for number in range(ROWS))
    second = first.replace("033,R33,Cup", "033,R33,Mug") + "".join(
        f"{number:03},,Cup,1\n" for number in range(200, 300)
    )
    second = second.replace("250,,Cup,1", "250,,Cup,x").replace("251,,", "252,,")

    assert counts(chunked.send("product", PRODUCTS + first)) == (100, 0, 0, 0)
    assert counts(chunked.send("product", PRODUCTS + second)) == (97, 1, 99, 3)

    assert sum(steps) == 300
    assert sum(each > 7 for each in steps) == (len(steps) if is_postgres() else 2)
    assert chunked.column("product", "Name").count("Mug") == 1
    assert len(chunked.records("product")) == 197


def test_other_entities_in_small_steps(partner: Partner, steps: list[int]) -> None:
    """Rows that go one by one."""
    event = partner.in_chunks(40).send(
        "customer", CUSTOMERS + "".join(f"K{number},C{number}\n" for number in range(ROWS))
    )

    assert counts(event) == (100, 0, 0, 0)
    assert sum(steps) == 100
    assert (max(steps[1:]) <= 7) == (not is_postgres())
