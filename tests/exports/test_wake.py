"""Who waits for the outbox is woken by whoever fills it, also after the database was away."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from exports.wake import Wake
from models import Account, Customer, database, transaction
from settings import Settings
from tests.visitor import opened

ROOT = Path(__file__).parent.parent.parent
LONG = 20.0
"""Seconds that no wait of these tests takes unless it is broken."""


@pytest.fixture
def wake(settings: Settings) -> Iterator[Wake]:
    """Someone who has looked once and waits now."""
    with Wake(settings) as made:
        assert made.wait(LONG)
        yield made


def seconds_until_woken(wake: Wake) -> float:
    start = time.monotonic()
    assert wake.wait(LONG)
    return time.monotonic() - start


def test_first_wait_says_look(settings: Settings) -> None:
    """What was committed before anybody listened is found."""
    with Wake(settings) as wake:
        assert wake.wait(LONG)


def test_nothing_wakes_nobody(wake: Wake) -> None:
    """A wait without work ends by its time."""
    start = time.monotonic()

    assert not wake.wait(0.15)
    assert time.monotonic() - start >= 0.15


def test_ring_wakes_at_once(wake: Wake) -> None:
    """From another thread, and also when it comes before the wait; rings that come together are one."""
    threading.Timer(0.1, wake.ring).start()
    assert seconds_until_woken(wake) < LONG / 2
    for _ in range(100_000):
        wake.ring()
    assert wake.wait(LONG)
    assert not wake.wait(0.05)


def test_commit_of_this_process_wakes(wake: Wake) -> None:
    """A new customer fills the outbox."""
    Customer.create(account=Account.create(name="acme"), company_name="Delta")

    assert seconds_until_woken(wake) < LONG / 2
    assert not wake.wait(0.05)


def test_commit_of_another_process_wakes(wake: Wake, settings: Settings) -> None:
    """Whatever program it was."""
    account = Account.create(name="acme").id
    wake.wait(0.1)
    program = (
        "import sys, models; models.bind(sys.argv[1]).connect();"
        "models.Customer.create(account=int(sys.argv[2]), company_name='Delta')"
    )
    done = subprocess.Popen([sys.executable, "-c", program, settings.database_url, str(account)],
                            env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip

    assert seconds_until_woken(wake) < LONG
    assert done.wait() == 0


def test_rollback_wakes_nobody(wake: Wake) -> None:
    """What was taken back is no work."""
    account = Account.create(name="acme")
    while wake.wait(0.1):
        pass
    with transaction() as held:
        Customer.create(account=account, company_name="Delta")
        held.rollback()

    assert not wake.wait(0.15)


def test_lost_connection_is_made_again(make_settings: Callable[..., Settings]) -> None:
    """After a break it says look at once, for what was notified meanwhile, and listens again."""
    with Wake(make_settings("postgres")) as wake:
        wake.wait(LONG)
        database.execute_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' "
                             "AND datname = current_database()")  # fmt: skip
        deadline = time.monotonic() + LONG
        while not wake.wait(1.0):
            assert time.monotonic() < deadline
        assert not wake.wait(0.05)

        Customer.create(account=Account.create(name="acme"), company_name="Delta")

        assert seconds_until_woken(wake) < LONG / 2


def test_database_that_is_away_keeps_nobody_from_ringing(settings: Settings) -> None:
    """While Postgres can't be reached a ring still wakes."""
    with Wake(replace(settings, database="postgresql://nobody@127.0.0.1:1/none")) as wake:
        assert not wake.wait(0.05)
        wake.ring()
        assert wake.wait(LONG)


def handles(settings: Settings) -> int:
    """Those of the database, and sockets: threads of other tests may open and close something else."""
    gc.collect()
    return sum(link.startswith((str(settings.home), "socket:")) for link in opened())


def test_closing_leaks_nothing(settings: Settings) -> None:
    """No handle is left, however often, and ringing afterwards is harmless."""
    found = []
    for _ in range(4):
        with Wake(settings) as wake:
            wake.wait(0.05)
        wake.ring()
        found.append(handles(settings))

    # SQLite keeps one handle of a file for as long as another connection has a lock on it.
    assert found[-1] <= found[0]
