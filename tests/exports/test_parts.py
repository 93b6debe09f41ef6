"""A part that fails is started again: soon, and ever later if it fails at once."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest

from exports import parts
from exports.parts import PartThread
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
