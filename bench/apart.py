"""Runs work in processes of their own, as the server has it done, and tells what it cost: time, CPU, memory."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, TypeVar

SOON, PAUSE = 0.25, 1.0
"""Seconds before the first look at the memory and between the others. They hold each process up for some milliseconds:
four a second were 2 % of an import in two processes."""
Stop = Event
Found = TypeVar("Found")
SPAWN = multiprocessing.get_context("spawn")


@dataclass(slots=True)
class Cost:
    """Seconds by the clock, seconds of CPU of all processes, bytes of all processes together at the most."""

    seconds: float = 0.0
    cpu: float = 0.0
    peak: int = 0


@contextmanager
def stopwatch() -> Iterator[Cost]:
    """What passes inside is filled in at the end; processes count that are over by then."""
    cost, begun, cpu = Cost(), time.perf_counter(), _cpu()
    yield cost
    cost.seconds, cost.cpu = time.perf_counter() - begun, _cpu() - cpu


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def apart(work: Callable[..., Cost], *arguments: object, look: Callable[[], object] = lambda: None) -> Cost:
    """Call `work`, which measures itself, in a fresh process; adds the peak of it and of all its children.

    `look` is called every now and then meanwhile.
    """
    with _process(work, arguments) as (ours, process):
        peak, pause = 0, SOON
        while not ours.poll(pause):
            pause = PAUSE
            peak = max(peak, memory(process))
            look()
        cost: Cost = _result(ours, work)
    return replace(cost, peak=peak)


@contextmanager
def beside(work: Callable[..., list[Found]], *arguments: object) -> Iterator[list[Found]]:
    """Call `work(stop, *arguments)` in a process meanwhile; what it returns when told to stop is there at the end."""
    found: list[Found] = []
    stop = SPAWN.Event()
    with _process(work, (stop, *arguments)) as (ours, _):
        try:
            yield found
        finally:
            stop.set()
        found += _result(ours, work)


@contextmanager
def _process(work: Callable[..., Any], arguments: tuple[object, ...]) -> Iterator[tuple[Connection, int]]:
    """A fresh process and the pipe by which its result comes."""
    ours, theirs = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=_report, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        yield ours, process.pid or 0
    finally:
        # First, or a process that still has something to tell would wait for ever.
        ours.close()
        process.join()


def _result(pipe: Connection, work: Callable[..., Any]) -> Any:
    try:
        return pipe.recv()
    except EOFError:
        raise RuntimeError(f"{work.__name__} failed in its process") from None


def _report(pipe: Connection, work: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    found = work(*arguments)
    # Whoever wanted to know it may have failed meanwhile.
    with suppress(BrokenPipeError):
        pipe.send(found)


def memory(root: int) -> int:
    """Bytes of a process and all that descend from it; what several share is counted once (PSS)."""
    return _pss(root) + sum(memory(child) for child in _children(root))


def _children(process: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += map(int, path.read_text().split())
        except OSError:
            continue
    return found


def _pss(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
