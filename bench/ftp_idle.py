"""Sessions that transfer nothing: logins, what they weigh, and how long they wait beside the transfers of others."""

from __future__ import annotations

import contextlib
import multiprocessing
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench import ftp_clients as clients
from bench.contender import Contender

SETTLE = 2.0
"""Seconds until a server that has just begun sessions is at rest."""
FIRST = 60
"""Sessions before those that are weighed: the first ones also fill what all share (threads, caches)."""
PROBES = 300
LOGINS = 20


def logins(contender: Contender, count: int, at_once: int) -> float:
    """Logins a second: connection, TLS, password, QUIT."""

    def once(_: int) -> None:
        with clients.session(contender):
            pass

    begun = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(once, range(count)))
    return count / (time.perf_counter() - begun)


def idle_sessions(contender: Contender, count: int) -> float:
    """Bytes that a server needs for one more idle session."""
    with contextlib.ExitStack() as stack:
        for _ in range(FIRST):
            stack.enter_context(clients.session(contender))
        time.sleep(SETTLE)
        before = contender.memory()
        for _ in range(count):
            stack.enter_context(clients.session(contender))
        time.sleep(SETTLE)
        return (contender.memory() - before) / count


def waiting(contender: Contender, source: Path) -> tuple[float, float, float, float]:
    """p50 and p99 of NOOP, then of LIST, in milliseconds, while others transfer without end and log in."""
    spawn = multiprocessing.get_context("spawn")
    stop: Any = spawn.Event()
    works = (clients.ftplib_up, clients.ftplib_down, logging_in)
    others = [spawn.Process(target=again, args=(work, contender.unstarted(), source, stop)) for work in works]
    for other in others:
        other.start()
    try:
        time.sleep(SETTLE)
        with clients.session(contender) as client:
            noops, lists = probe(client)
    finally:
        stop.set()
        for other in others:
            other.join()
    return *_points(noops), *_points(lists)


def again(work: Any, contender: Contender, source: Path, stop: Any) -> None:
    """In a process of its own, so that the probe waits for the server only."""
    while not stop.is_set():
        work(contender, source)


def logging_in(contender: Contender, _: Path) -> float:
    return logins(contender, LOGINS, LOGINS)


def probe(client: clients.Client) -> tuple[list[float], list[float]]:
    noops, lists = [], []
    for _ in range(PROBES):
        begun = time.perf_counter()
        client.voidcmd("NOOP")
        noops.append((time.perf_counter() - begun) * 1000)
        begun = time.perf_counter()
        client.retrlines("LIST /Products", lambda line: None)
        lists.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.005)
    return noops, lists


def _points(values: list[float]) -> tuple[float, float]:
    ranked = statistics.quantiles(values, n=100)
    return ranked[49], ranked[98]
