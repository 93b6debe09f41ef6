"""Processes that others start, and waiting for what they do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imports import ahead
from imports.ahead import Companion, Task


def always_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one read ahead for imports that could do with it, however small their files are, on any machine."""
    monkeypatch.setattr(ahead, "WORTH", 0)
    monkeypatch.setattr(ahead, "WORTH_READY", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})


def all_seen(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What waits until the process that reads ahead has seen all of a small file: then it has ended, with all in the
    pipe."""
    begin, begun = Companion.begin, list[Companion]()

    def known(self: Companion, task: Task) -> None:
        begun.append(self)
        begin(self, task)

    def wait() -> None:
        wait_until(lambda: os.waitid(os.P_PID, begun[-1].pid, os.WEXITED | os.WNOWAIT | os.WNOHANG))

    monkeypatch.setattr(Companion, "begin", known)
    return wait


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until(true: Callable[[], Any]) -> None:
    """Fails after twenty seconds."""
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_for_end(*pids: int) -> None:
    """Whether somebody has asked for how they ended or not."""
    wait_until(lambda: not any(map(_runs, pids)))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
