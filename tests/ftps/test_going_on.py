"""Threads and timers on which all sessions depend go on, whatever one of their steps raises."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import ftps.sweeps
import ftps.watch
from models import Login
from tests.visitor import PATH, House


def fail_twice(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[Exception]:
    """The next two calls of a function fail; returns what was raised by then."""
    real = getattr(module, name)
    raised: list[Exception] = []

    def fail(*arguments: Any) -> Any:
        if len(raised) < 2:
            raised.append(RuntimeError("of a test"))
            raise raised[-1]
        return real(*arguments)

    monkeypatch.setattr(module, name, fail)
    return raised


def test_a_call_on_the_loop_that_fails(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged; those that came with it are made."""
    client, done = house.login(), []
    post = house.door.shared.waker.post
    post(lambda: time.sleep(0.1))
    post(lambda: [].pop())
    post(lambda: done.append(1))
    assert house.wait(lambda: done) == [1]
    assert client.ask("NOOP").startswith("200 ")
    assert "a call on the loop failed" in caplog.messages


@pytest.mark.parametrize("step", ["current", "any_certificate", "connect"])
def test_a_look_at_the_logins_that_fails(
    make_house: Callable[..., House], step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A later one sees what was changed all the same, by whichever connection: SQLite counts for each anew."""
    monkeypatch.setattr(ftps.watch, "EVERY", 0.05)
    client = make_house().login()
    raised = fail_twice(monkeypatch, ftps.watch, step)
    Login.update(disabled=True).execute()
    assert client.last_reply() == "421 This login was changed; log in again."
    assert len(raised) == 2
    assert "looking for changes failed; it is tried again" in caplog.messages


def test_looks_that_go_on_failing(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage does not push all else out of the log: one traceback, a line once in a while, and one at its end."""
    monkeypatch.setattr(ftps.watch, "EVERY", 0.01)
    monkeypatch.setattr(ftps.watch, "SAY_AGAIN", 0.3)
    caplog.set_level("INFO", "ftpdock.ftps")
    real, looks, away = ftps.watch.connect, [], [True]

    def connect() -> None:
        looks.append(1)
        if away:
            raise RuntimeError("of a test")
        real()

    monkeypatch.setattr(ftps.watch, "connect", connect)
    house = make_house()

    def told(words: str) -> list[Any]:
        return [each for each in caplog.records if each.getMessage().startswith(f"looking for changes {words}")]

    house.wait(lambda: told("still fails: of a test"))
    monkeypatch.setattr(ftps.watch, "SAY_AGAIN", 60)
    so_far = len(looks)
    house.wait(lambda: len(looks) > so_far + 20)
    away.clear()
    house.wait(lambda: told("works again"))

    (first,) = told("failed")
    assert first.exc_info
    assert not any(each.exc_info for each in told("still fails"))
    assert len(looks) > 3 * len(told(""))


def test_a_sweep_that_fails(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A later one removes what is over."""
    monkeypatch.setattr(ftps.sweeps, "FIRST_AFTER", 0.05)
    monkeypatch.setattr(ftps.sweeps, "EVERY", 0.05)
    raised = fail_twice(monkeypatch, ftps.sweeps, "connect")
    house = make_house()
    house.wait(lambda: len(raised) == 2)
    partial = house.door.shared.partials.path("of-nobody", PATH)
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"begun")
    house.wait(lambda: not partial.exists())
    assert "removing what is over failed" in caplog.messages
