"""The bell between machines: one contract over huey's three storages."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs import bell
from jobs.bell import Bell, open_storage
from models.postgres import watchful
from settings import Settings, load

STORAGES = ("sqlite", "postgres", "redis")
Made = Callable[[], Bell]


def _wait(check: Callable[[], bool], patience: float = 10) -> None:
    end = time.monotonic() + patience
    while not check():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(params=STORAGES)
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """The settings of a home whose bell hangs on each storage in turn."""
    url = {"sqlite": "sqlite"}.get(request.param)
    if request.param == "postgres":
        url = request.getfixturevalue("make_database")("postgres")
    return load(tmp_path, environ={}, queue=url or request.getfixturevalue("redis_url"))


@pytest.fixture
def make_bell(queue: Settings) -> Iterator[Made]:
    made: list[Bell] = []

    def make() -> Bell:
        made.append(Bell(queue))
        return made[-1]

    yield make
    for each in made:
        each.stop()
    huey = open_storage(queue)
    huey.storage.flush_queue()
    huey.storage.close()


def test_a_ring_reaches_another_machine(make_bell: Made) -> None:
    """Within a second or so, time and again."""
    heard = threading.Event()
    make_bell().start_listening(heard.set)
    ringing = make_bell()
    ringing.start_ringing()
    for _ in range(3):
        heard.clear()
        ringing.ring()
        assert heard.wait(5)


def test_rings_that_nobody_hears_do_not_pile_up(queue: Settings, make_bell: Made) -> None:
    """One is left, for whoever listens first."""
    ringing = make_bell()
    ringing.start_ringing()
    for _ in range(5):
        ringing.ring()
        time.sleep(0.05)
    storage = open_storage(queue).storage
    _wait(lambda: storage.queue_size() == 1)
    storage.close()

    heard = threading.Event()
    make_bell().start_listening(heard.set)
    assert heard.wait(5)


def test_one_ring_wakes_one_listener(make_bell: Made) -> None:
    """It is taken once; the others look by themselves soon enough."""
    heard: list[int] = []
    for number in range(2):
        make_bell().start_listening(lambda number=number: heard.append(number))  # type: ignore[misc]
    ringing = make_bell()
    ringing.start_ringing()
    ringing.ring()
    _wait(lambda: bool(heard))
    time.sleep(0.3)

    assert len(heard) == 1


def test_an_idle_bell_costs_next_to_nothing(make_bell: Made) -> None:
    """Two seconds of listening and being ready to ring take less than a twentieth of them."""
    make_bell().start_listening(lambda: None)
    make_bell().start_ringing()
    time.sleep(0.5)
    began = time.process_time()
    time.sleep(2)

    assert time.process_time() - began < 0.1


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "postgresql://127.0.0.1:1/nothing?connect_timeout=1"])
def test_a_storage_that_is_away_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Ringing neither fails nor waits; the log has one line, not one for each ring."""
    monkeypatch.setattr(bell, "AWAY", 0.05)
    ringing = Bell(load(tmp_path, environ={}, queue=url))
    with caplog.at_level(logging.WARNING):
        ringing.start_ringing()
        began = time.monotonic()
        for _ in range(5):
            ringing.ring()
            time.sleep(0.1)
        assert time.monotonic() - began < 2
        _wait(lambda: bool(caplog.messages))
        ringing.stop()

    assert len(caplog.messages) == 1
    assert "can't be reached" in caplog.messages[0]


def test_who_stops_does_not_wait_for_a_storage_that_never_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its network is gone without a word."""
    monkeypatch.setattr(bell, "PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        far = Bell(load(tmp_path, environ={}, queue=f"postgresql://127.0.0.1:{port}/x"))
        far.start_ringing()
        far.ring()
        connection, _ = silent.accept()
        begun = time.monotonic()
        far.stop()
        assert time.monotonic() - begun < 10
        assert far._thread is not None
        assert far._thread.is_alive()
        connection.close()
        far._thread.join(20)
        assert not far._thread.is_alive()


def test_a_postgres_that_is_gone_is_noticed() -> None:
    """As that of the database is; what the address itself says holds."""
    assert "tcp_user_timeout=60000" in watchful("postgresql:///x")
    assert watchful("postgresql:///x?tcp_user_timeout=5&sslmode=require").count("tcp_user_timeout") == 1
