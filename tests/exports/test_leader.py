"""Who exports, of several nodes on Postgres."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

import models
from exports import exporter
from exports import leader as leader_module
from exports.exporter import Exporter
from exports.leader import Held, Leadership, leadership
from handlers.registry import Registry
from hooks import Hooks
from settings import Settings
from tests.system.server import wait_for

pytestmark = pytest.mark.parametrize("settings", ["postgres"], indirect=True)


@pytest.fixture
def leader(settings: Settings) -> Iterator[Leadership]:
    with Held(leadership(settings)) as lead:
        assert lead.take()
        yield lead


def connections() -> set[int]:
    """Of those who lead, or would."""
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    return {pid for (pid,) in models.database.execute_sql(f"SELECT pid FROM pg_stat_activity WHERE {others}")}


def test_who_waits_keeps_its_connection(settings: Settings, leader: Leadership) -> None:
    """It asks twice a second; the right is its own once the leader is gone."""
    (first,) = connections()
    with Held(leadership(settings)) as other:
        assert not other.take()
        both = connections()
        assert not other.take()
        assert connections() == both > {first}

        leader.give_up()

        assert wait_for(other.take)


def test_a_server_that_only_reads_gives_no_right(settings: Settings, leader: Leadership) -> None:
    """Since a failover: the next connection may lead to the one that took its place."""
    with Held(leadership(settings)) as other:
        assert not other.take()
        for lead in (leader, other):
            lead._connection.execute("SET default_transaction_read_only = on")  # type: ignore[attr-defined]

        assert not leader.holds()
        assert not other.take()
        assert other.take()


def test_who_waits_survives_a_lost_connection(
    settings: Settings, leader: Leadership, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And takes over all the same."""
    monkeypatch.setattr(exporter, "ASK_EVERY", 0.01)
    leading = threading.Event()

    def make(*_: Any) -> Sequence[Any]:
        leading.set()
        return ()

    (first,) = connections()
    node = Exporter(settings, Registry(), Hooks(), make)
    node.start()
    (second,) = wait_for(lambda: connections() - {first})
    models.database.execute_sql("SELECT pg_terminate_backend(%s)", (second,))
    wait_for(lambda: connections() - {first, second})
    assert not leading.is_set()

    leader.give_up()

    assert leading.wait(10)
    node.stop()


def test_one_that_stands_still_loses_the_right(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks twice a second as long as it runs; the server ends the connection of one that does not."""
    monkeypatch.setattr(leader_module, "STANDS_STILL", 1)
    with Held(leadership(settings)) as still, Held(leadership(settings)) as other:
        assert still.take()
        monkeypatch.setattr(leader_module, "STANDS_STILL", 20)
        assert not other.take()

        assert wait_for(other.take)

        assert other.holds()
        assert not still.holds()


def test_who_ends_its_work_keeps_the_right(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks meanwhile, however long the work takes."""
    monkeypatch.setattr(leader_module, "STANDS_STILL", 4)
    monkeypatch.setattr(exporter, "ASK_EVERY", 0.1)
    begun, end = threading.Event(), threading.Event()

    class Slow:
        name = "slow"

        def run(self, stopping: threading.Event) -> None:
            begun.set()
            end.wait(30)

    node = Exporter(settings, Registry(), Hooks(), lambda *_: (Slow(),))
    node.start()
    assert begun.wait(10)
    node.stop(patience=0)

    with Held(leadership(settings)) as other:
        until = time.monotonic() + 6
        while time.monotonic() < until:
            assert not other.take()
            time.sleep(0.1)
        end.set()
        assert wait_for(other.take)
