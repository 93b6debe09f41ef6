"""A part that fails is started again: soon, and ever later if it fails at once."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest

from exports import exporter, parts
from exports.exporter import Exporter
from exports.leader import leadership
from exports.parts import PartThread
from handlers.registry import Registry
from hooks import Hooks
from settings import Settings
from tests.system.server import wait_for


class Failing:
    """A part whose runs take so many seconds before they fail."""

    name = "failing"

    def __init__(self, *seconds: float, error: type[BaseException] = RuntimeError) -> None:
        self.left = list(seconds)
        self.error = error

    def run(self, stopping: threading.Event) -> None:
        stopping.wait(self.left.pop(0) if self.left else 60)
        if self.left:
            raise self.error("on purpose")


def test_the_pause_begins_anew_when_a_part_has_worked(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, make_settings: Callable[..., Settings]
) -> None:
    """Failures of weeks apart do not add up to a minute without exports."""
    monkeypatch.setattr(parts, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(parts, "LONGEST_PAUSE", 0.4)
    make_settings()  # a part leaves its database connection
    part = Failing(0, 0, 0, 0, 0.6, 0, 60)
    thread = PartThread(part)
    thread.start()
    wait_for(lambda: not part.left)
    thread.tell_to_stop()
    thread.join(5)

    pauses = [match[1] for message in caplog.messages if (match := re.search(r"again in ([\d.]+) s", message))]
    assert pauses == ["0.1", "0.2", "0.4", "0.4", "0.1", "0.2"]


def test_a_part_is_started_again_whatever_it_raised(
    monkeypatch: pytest.MonkeyPatch, make_settings: Callable[..., Settings]
) -> None:
    """sys.exit() in a plugin would be the end of all exports until the next start."""
    monkeypatch.setattr(parts, "FIRST_PAUSE", 0.1)
    make_settings()  # a part leaves its database connection
    part = Failing(0, 0, 60, error=SystemExit)
    thread = PartThread(part)
    thread.start()
    wait_for(lambda: not part.left)
    thread.tell_to_stop()
    thread.join(5)


class Working:
    """A part that counts how many of it run at once."""

    name = "working"

    def __init__(self, now: list[str]) -> None:
        self.now = now

    def run(self, stopping: threading.Event) -> None:
        self.now.append(self.name)
        stopping.wait()
        self.now.remove(self.name)


def test_a_part_that_can_not_be_started_ends_no_exports(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """The system gives no thread just then. What was started stops before another may lead; a while later all begin."""
    monkeypatch.setattr(exporter, "ASK_EVERY", 0.1)
    at_work: list[str] = []
    started: list[int] = []
    start = PartThread.start

    def scarce(thread: PartThread) -> None:
        started.append(len(at_work))
        if len(started) == 3:
            wait_for(lambda: len(at_work) == 2)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(PartThread, "start", scarce)
    node = Exporter(settings, Registry(), Hooks(), lambda *_: [Working(at_work) for _ in range(3)])
    other = leadership(settings)
    node.start()
    try:
        wait_for(lambda: len(started) == 6 and len(at_work) == 3)
        assert started[3] == 0, "the former ones had ended"
        assert not other.take()
    finally:
        node.stop()
        other.give_up()
    assert at_work == []
    assert sum("can't start new thread" in message for message in caplog.messages) == 1
