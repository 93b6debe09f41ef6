"""A worker that has had a large file keeps a process ready to read the next one ahead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handlers import standby
from imports import ahead
from imports.ahead import Companion
from jobs.worker import Worker
from models import ImportRun, Product
from tests.partner import Partner
from tests.processes import children, wait_for_end, wait_until

ROOT = Path(__file__).parent.parent.parent
IDLE = """
import sys
import jobs.worker, models
from handlers.registry import Registry
from hooks import Hooks
from settings import load
import time

settings = load(sys.argv[1], environ={}, database=sys.argv[2])
models.bind(settings.database_url)
worker = jobs.worker.Worker(settings, Registry(), Hooks(), lambda seconds: time.sleep(seconds) is None)
worker.standby.wanted = True
worker.run()
"""


@pytest.fixture(autouse=True)
def worth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here files are large that have a hundred rows, and worth a process that is ready if they have more than ten."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr(ahead, "WORTH", 1000)
    monkeypatch.setattr(ahead, "WORTH_READY", 10)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that have read a file ahead."""
    begin, found = Companion.begin, list[int]()

    def noted(self: Companion, *task: Any) -> None:
        found.append(self.pid)
        begin(self, *task)

    monkeypatch.setattr(Companion, "begin", noted)
    return found


@pytest.fixture
def idle(partner: Partner) -> Iterator[Callable[[], list[int]]]:
    """Let one worker do all that waits, until it has nothing to do; tells the processes that it keeps."""
    before = set(children(os.getpid()))
    worker = Worker(partner.settings, partner.registry, partner.hooks, lambda seconds: True)

    def rest() -> list[int]:
        while worker.turn("test"):
            pass
        worker.standby.prepare()
        return sorted(before.symmetric_difference(children(os.getpid())))

    yield rest
    worker.standby.close()
    assert set(children(os.getpid())) == before


def put(partner: Partner, rows: int) -> int:
    content = "SKU_ID,Name\n" + "".join(f"S{number:04},Cup\n" for number in range(rows))
    return int(partner.queue("product", content).number)


def status(number: int) -> str:
    return str(ImportRun.get_by_id(number).status)


def test_the_next_file_is_read_by_the_one_that_waits(
    partner: Partner, idle: Callable[[], list[int]], taken: list[int]
) -> None:
    first = put(partner, 100)
    (waiting,) = idle()
    next = put(partner, 20)
    (another,) = idle()

    assert taken[1:] == [waiting]
    assert another not in taken
    assert (status(first), status(next)) == ("completed", "completed")
    assert Product.select().count() == 100


def test_nobody_waits_where_files_are_small(partner: Partner, idle: Callable[[], list[int]], taken: list[int]) -> None:
    """One that would have done for a process that is ready is enough to have one; others leave it alone."""
    put(partner, 5)
    assert idle() == []

    put(partner, 20)
    (waiting,) = idle()
    put(partner, 5)
    assert idle() == [waiting]
    assert taken == []


def test_it_gets_ready_when_nothing_else_is_to_be_done(partner: Partner, taken: list[int]) -> None:
    """And ends with the worker."""
    before = children(os.getpid())
    kept: list[int] = []
    deadline = time.monotonic() + 20

    def bell(seconds: float) -> bool:
        kept[:] = set(children(os.getpid())).difference(before, taken)
        return not kept and time.monotonic() < deadline

    numbers = [put(partner, 100), put(partner, 200)]
    Worker(partner.settings, partner.registry, partner.hooks, bell).run("test")

    assert [status(number) for number in numbers] == ["completed"] * 2
    assert len(taken) == 2
    assert len(kept) == 1
    assert children(os.getpid()) == before


@pytest.mark.parametrize("seen", [False, True])
def test_the_one_that_waits_is_killed(
    partner: Partner, idle: Callable[[], list[int]], taken: list[int], caplog: pytest.LogCaptureFixture, seen: bool
) -> None:
    """The next large file has another, and nothing is left of it, also where nobody has seen it die."""
    put(partner, 100)
    (waiting,) = idle()
    os.kill(waiting, signal.SIGKILL)
    wait_for_end(waiting)
    if seen:
        assert idle() == idle() == []
        assert caplog.text.count("has ended (-9)") == 1
    number = put(partner, 200)
    kept = idle()

    assert status(number) == "completed"
    assert waiting not in [*taken, *kept]
    assert len(set(taken)) == 2
    assert not Path(f"/proc/{waiting}").exists()


def test_no_process_is_to_be_had(
    partner: Partner, idle: Callable[[], list[int]], taken: list[int], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Files are imported without, which the log says, and it is not tried each second; the next large one has one."""
    with monkeypatch.context() as patched:
        for module in (standby, ahead):
            patched.setattr(module, "Companion", refused)
        numbers = [put(partner, 100)]
        assert idle() == idle() == []
    refusals = caplog.text.count("Resource temporarily unavailable")
    numbers.append(put(partner, 200))

    assert len(idle()) == 1
    assert [status(number) for number in numbers] == ["completed"] * 2
    assert refusals == 3  # at the beginning, when the header is known, and in the rest that follows
    assert len(taken) == 1


def refused(*modules: str) -> Companion:
    raise BlockingIOError(11, "Resource temporarily unavailable")


def test_it_ends_with_a_worker_that_is_killed(partner: Partner) -> None:
    command = [sys.executable, "-c", IDLE, str(partner.settings.home), partner.settings.database_url]
    with subprocess.Popen(command, cwd=ROOT) as worker:
        try:
            wait_until(lambda: children(worker.pid))
            kept = children(worker.pid)
        finally:
            worker.kill()
    wait_for_end(*kept)
