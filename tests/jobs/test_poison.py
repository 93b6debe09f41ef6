"""Which deaths of workers are laid to the file that they had at hand."""

from __future__ import annotations

import signal

import pytest

from jobs.leases import reservation
from jobs.poison import is_poisonous, kept, release_dead, weight
from jobs.queue import claim
from models import ImportRun
from tests.partner import Partner


def die(partner: Partner, number: int, status: int | None, position: int = 0, closing: bool = False) -> ImportRun:
    """A worker takes the import, brings it to a position, and dies."""
    assert claim(partner.settings, partner.registry, "dead", number) is not None
    ImportRun.update(position=position, closing=closing).where(ImportRun.number == number).execute()
    release_dead("dead", weight(status))
    run: ImportRun = ImportRun.get_by_id(number)
    assert run.lease_owner is None
    return run


@pytest.fixture
def number(partner: Partner) -> int:
    made: int = partner.queue("product", "SKU_ID,Name\n1,a\n").number
    return made


@pytest.mark.parametrize(("status", "deaths"), [(-signal.SIGSEGV, 2), (7, 2), (-signal.SIGKILL, 4), (None, 4)])
def test_so_many_deaths_are_enough(partner: Partner, number: int, status: int | None, deaths: int) -> None:
    """Two crashes; SIGKILL, which may have come from anywhere, needs more of them."""
    found = [is_poisonous(die(partner, number, status)) for _ in range(deaths)]

    assert found == [False] * (deaths - 1) + [True]


def test_a_chunk_further_the_count_starts_anew(partner: Partner, number: int) -> None:
    """A file that gets on, however often its worker dies, is not poisonous."""
    assert not any(is_poisonous(die(partner, number, 7, position)) for position in range(6))
    assert is_poisonous(die(partner, number, 7, 5))


def test_a_decided_import_is_never_set_aside(partner: Partner, number: int) -> None:
    """Its rows are in; only its files are still to be moved."""
    assert not any(is_poisonous(die(partner, number, 7, closing=True)) for _ in range(5))


def test_a_death_that_nobody_saw_is_not_counted(partner: Partner, number: int) -> None:
    """The machine went down: its workers are found dead at the next start."""
    for _ in range(9):
        assert claim(partner.settings, partner.registry, "dead", number) is not None
        release_dead("dead")

    assert not is_poisonous(ImportRun.get_by_id(number))


@pytest.mark.parametrize(("total", "told"), [(12_000, "4,990 of 12,000 rows are in"), (None, "4,990 rows are in")])
def test_what_is_kept_is_told_by_the_counts(total: int | None, told: str) -> None:
    """Not by the position, which counts rejected rows too. An older version may not have counted the file's rows."""
    run = ImportRun(number=7, total=total, position=5000, created=4000, updated=900, unchanged=90, rejected=10)

    assert kept(run) == f"{told}, 10 rejected; the file is kept, and import 7 can be retried"


def test_what_a_dead_worker_had_not_begun_is_free_and_innocent(partner: Partner) -> None:
    """An import that was reserved for it, and one that it had ended."""
    ended = partner.send("product", "SKU_ID,Name\n1,a\n").number
    reserved = partner.queue("product", "SKU_ID,Name\n1,a\n").number
    ImportRun.update(**reservation(partner.settings, "dead")).execute()

    release_dead("dead", weight(7))

    for run in (ImportRun.get_by_id(number) for number in (reserved, ended)):
        assert (run.strikes, run.lease_owner, run.lease_until) == (0, None, None)
