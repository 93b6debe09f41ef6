"""The server looks after its workers."""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from peewee import OperationalError

from handlers.registry import Registry
from hooks import Hooks
from jobs import supervisor
from jobs.cards import read_cards
from settings import Settings
from tests.system.server import wait_for


def test_a_worker_that_can_not_be_started_is_tried_again(
    make_settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What killed the former one, no memory for instance, goes on for a while."""
    settings: Settings = make_settings(workers=1)
    started: list[subprocess.Popen[bytes]] = []
    real, failing = subprocess.Popen, [OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)) for _ in range(2)]

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        if started and failing:
            raise failing.pop()
        started.append(real(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(supervisor.subprocess, "Popen", start)
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.1)
    workers = supervisor.Supervisor(settings, Registry(), Hooks())
    with caplog.at_level(logging.ERROR):
        workers.start()
        try:
            started[0].send_signal(signal.SIGKILL)
            wait_for(lambda: len(started) == 2, 60)
            assert started[1].poll() is None
        finally:
            workers.stop()
    assert not failing
    assert "a worker can't be started: [Errno 12] Cannot allocate memory; trying again" in caplog.text


def test_a_worker_takes_no_modules_from_the_folder_in_which_the_server_was_started(
    make_settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Django project has `accounts` and `settings`, too, and not everybody who may write there may be the server."""
    settings: Settings = make_settings(workers=1)
    monkeypatch.setenv("FTPDOCK_DATABASE", settings.database_url)
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "settings.py").write_text("open('taken', 'w')")
    monkeypatch.chdir(tmp_path / "project")
    workers = supervisor.Supervisor(settings, Registry(), Hooks())
    workers.start()
    try:
        wait_for(lambda: read_cards(settings.spool / "workers") or Path("taken").exists(), 60)
    finally:
        workers.stop()
    assert not Path("taken").exists()


def test_a_worker_that_stands_still_holds_up_nobody_who_rings(
    make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Receipts ring before they answer; a pipe that is full has rung enough."""
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(real(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(supervisor.subprocess, "Popen", start)
    workers = supervisor.Supervisor(make_settings(workers=1), Registry(), Hooks())
    workers.start()
    started[0].send_signal(signal.SIGSTOP)
    ringing = threading.Thread(target=_ring, args=(workers, 70_000), daemon=True)
    try:
        ringing.start()
        ringing.join(60)
        assert not ringing.is_alive()
    finally:
        started[0].send_signal(signal.SIGKILL)
        workers.stop()


def _ring(workers: supervisor.Supervisor, times: int) -> None:
    """More often than a pipe takes: 65,536 bytes."""
    for _ in range(times):
        workers.ring()


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The workers that were started; they do nothing, and don't heed the end of their pipe."""
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def start(arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
        started.append(real(["sleep", "60"], **options))
        return started[-1]

    monkeypatch.setattr(supervisor.subprocess, "Popen", start)
    return started


def test_a_worker_is_started_again_though_the_database_is_away(
    make_settings: Any,
    deaf: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What the dead one had at hand can't be freed then: that is no reason to look after no worker any more."""
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.05)
    workers = supervisor.Supervisor(make_settings(workers=1), Registry(), Hooks())
    monkeypatch.setattr(supervisor, "release_dead", _away)
    workers.start()
    try:
        for _ in range(2):
            dead = deaf[-1]
            dead.kill()
            wait_for(partial(_is_followed, dead, deaf), 20)
    finally:
        workers.stop(0)
    assert caplog.text.count("the import of a dead worker could not be released") == 2


def _is_followed(dead: subprocess.Popen[bytes], started: list[subprocess.Popen[bytes]]) -> bool:
    return started[-1] is not dead


def _away(*_: Any, **__: Any) -> None:
    raise OperationalError("the database is away")


def test_a_worker_that_does_not_end_is_killed(make_settings: Any, deaf: list[subprocess.Popen[bytes]]) -> None:
    """When its patience is over, a server that is to stop does, and leaves nobody behind."""
    workers = supervisor.Supervisor(make_settings(workers=2), Registry(), Hooks())
    workers.start()

    workers.stop(0.1)

    assert [each.returncode for each in deaf] == [-signal.SIGKILL] * 2
