"""A bounded pool of threads for everything that blocks: fsync, SQL, hashes, hooks, argon2.

Not concurrent.futures: its queue has no bound, and its threads know nothing of database connections.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from peewee import PeeweeException

from models import database, is_postgres

log = logging.getLogger("ftpdock.ftps")

Job = Callable[[], None]


class Pool:
    """`threads` workers and at most `waiting` jobs before them."""

    def __init__(self, name: str, threads: int, waiting: int, niceness: int = 0) -> None:
        """`niceness` is the threads' own: the loop comes before jobs that only reckon."""
        self._niceness = niceness
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._most = waiting + threads
        self._unfinished = 0
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def idle(self) -> bool:
        return self._unfinished == 0

    def submit(self, job: Job) -> bool:
        """Queue a job; False when too many wait. A job's exceptions are logged."""
        with self._lock:
            if self._unfinished >= self._most:
                return False
            self._unfinished += 1
        self._queue.put(job)
        return True

    def stop(self, timeout: float = 5.0) -> None:
        """Let the queued jobs finish, then end the threads; a job that hangs is left alone after `timeout` seconds."""
        until = time.monotonic() + timeout
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))

    def _finished(self) -> None:
        with self._lock:
            self._unfinished -= 1

    def _work(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + self._niceness)
        while (job := self._queue.get()) is not None:
            try:
                job()
            except BaseException:
                # Also SystemExit, which would end the thread for as long as the server runs.
                log.exception("a job of the pool failed")
            finally:
                self._finished()
        disconnect()


def connect() -> None:
    """Give this thread a connection that works: kept open between jobs, made anew when the server had gone away."""
    database.connect(reuse_if_open=True)
    if not is_postgres():
        return
    try:
        database.execute_sql("SELECT 1")
    except Exception:
        disconnect()
        database.connect()


def disconnect() -> None:
    """Close this thread's connection, whatever state it is in."""
    try:
        if database.obj is not None and not database.is_closed():
            database.close()
    except Exception:
        log.debug("closing a broken connection failed", exc_info=True)


def with_database(work: Callable[[], Any]) -> Any:
    """Run `work` with a connection of this thread; a connection that failed is not used again."""
    connect()
    try:
        return work()
    except BaseException as error:
        # A server that only reads since a failover answers, too: the next connection may lead to the new one.
        if database.in_transaction() or (isinstance(error, PeeweeException) and is_postgres()):
            disconnect()
        raise
