"""Rows that fall apart get a transaction for each part on SQLite, where all who write wait for one that is long."""

from __future__ import annotations

from typing import Any

import pytest

from handlers import passes
from handlers.passes import Pass
from models import Category, ImportRun, is_postgres
from tests.handlers.test_resume import Killed, execute, outcome
from tests.partner import Partner, counts

HEADER = "Reference_ID,Category\n"


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows that each transaction of an import has brought it to."""
    monkeypatch.setattr(passes, "FEWEST", 4)
    commit, found = Pass._commit, list[int]()

    def noted(self: Pass, *args: Any) -> None:
        commit(self, *args)
        found.append(self.position)

    monkeypatch.setattr(Pass, "_commit", noted)
    return found


def moves(partner: Partner) -> str:
    """A file of twelve moves, each of which may stand in the way of another; the last one can't be made."""
    partner.send("category", HEADER + "".join(f"{number},A{number}\n" for number in range(12)) + "12,Z\n")
    return HEADER + "".join(f"{number},B{number}\n" for number in range(11)) + "11,Z\n"


def test_parts_are_committed_one_by_one(partner: Partner, commits: list[int]) -> None:
    content = moves(partner)
    commits.clear()

    event = partner.send("category", content)

    assert counts(event) == (0, 11, 0, 1)
    assert commits == ([12] if is_postgres() else [3, 6, 9, 12])
    assert [(each["line"], each["code"]) for each in partner.messages(event)] == [(13, "KEY_CONFLICT")]
    assert sorted(partner.column("category", "Category")) == sorted(
        [*(f"B{number}" for number in range(11)), "A11", "Z"]
    )


def test_what_does_not_fall_apart_stays_together(partner: Partner, commits: list[int]) -> None:
    event = partner.send("category", HEADER + "".join(f"{number},A{number}\n" for number in range(12)))
    assert (counts(event), commits) == ((12, 0, 0, 0), [12])


def test_a_dry_run_undoes_the_whole_chunk(partner: Partner, commits: list[int]) -> None:
    """Else it would not see what the first part does to the second."""
    content = moves(partner)
    commits.clear()

    event = partner.send("category", content, dry_run=True)

    assert (counts(event), commits) == ((0, 11, 0, 1), [12])
    assert sorted(partner.column("category", "Category")) == sorted([*(f"A{number}" for number in range(12)), "Z"])


def test_a_kill_between_two_parts(partner: Partner, commits: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The import goes on behind the first; counts, report files and records are those of one that nobody disturbed."""
    content = moves(partner).replace("11,Z", "11,> Z")
    expected = outcome(partner, partner.send("category", content))
    other = partner.neighbour("globex")
    moves(other)
    number = other.queue("category", content).number
    step = Pass._step

    def deadly(self: Pass, rows: list[Any]) -> Any:
        if rows[0].number == 6 and len(rows) < 12:
            raise Killed
        yield from step(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Pass, "_step", deadly)
        if is_postgres():
            patch.setattr(Pass, "_commit", _killed)
        with pytest.raises(Killed):
            execute(other, number)

    assert ImportRun.get_by_id(number).position == (0 if is_postgres() else 6)
    assert outcome(other, execute(other, number)) == expected
    assert Category.select().where(Category.path.startswith("B")).count() == 22


def _killed(*_: Any) -> None:
    raise Killed
