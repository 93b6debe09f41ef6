"""The queue's bell between machines: huey's storage in SQLite, Postgres or Redis, and nothing else of huey.

A task says only "look": what has to be done stands in our tables, and every worker looks there by itself each second.
So a ring that is lost, doubled or late changes nothing but a moment's wait, and a storage that is away costs a line
in the log.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import redis
from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey
from redis.backoff import NoBackoff
from redis.retry import Retry

from models.postgres import connect, watchful
from models.sqlite import make_private
from settings import Settings

log = logging.getLogger("ftpdock.jobs")

NAME = "ftpdock"
POLL = 1.0
"""Seconds between two looks at a storage that can't wake anybody (SQLite)."""
SOON, AWAY = 0.1, 5.0
"""Seconds after an error, at first and at the most: two nodes that make the storage's tables at once are no outage."""
REACH = 3
"""Seconds that a storage has to answer who only asks for it."""
PATIENCE = 5.0
"""Seconds that who stops waits for what the storage is just asked."""
SAY_AGAIN = 60.0
"""Seconds between two log lines about a storage that is away."""


def open_storage(settings: Settings) -> Huey:
    """huey over the storage that the setting `queue` names. Raises whatever the storage raises when it is away."""
    url = settings.queue
    if url.startswith("redis"):
        return RedisHuey(NAME, url=url, results=False)
    if url.startswith("postgres"):
        dsn = watchful(url.replace("postgres://", "postgresql://", 1))
        try:
            return PostgresHuey(NAME, dsn=dsn, results=False)
        except psycopg.errors.UniqueViolation:
            # Another node made huey's tables at the same moment: IF NOT EXISTS does not see what is not committed.
            return PostgresHuey(NAME, dsn=dsn, results=False)
    make_private(path := str(queue_file(settings)))
    return SqliteHuey(NAME, filename=path, fsync=False, results=False)


def reach(url: str) -> None:
    """Raise what keeps the Redis or Postgres of an address from answering within REACH seconds."""
    if url.startswith("postgres"):
        connect(url, connect_timeout=REACH).close()
        return
    patience = {"socket_connect_timeout": REACH, "socket_timeout": REACH, "retry": Retry(NoBackoff(), 0)}
    with redis.Redis.from_url(url, **patience) as server:
        server.ping()


def queue_file(settings: Settings) -> Path:
    return settings.home / "queue.db"


class Bell:
    """Rings for the workers of other machines, or listens for them, from a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._huey: Huey | None = None
        self._wanted, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._said = -SAY_AGAIN

    def start_ringing(self) -> None:
        """From now on `ring` is passed on."""
        self._start(self._pass_on)

    def start_listening(self, heard: Callable[[], None]) -> None:
        """Call `heard` at each ring that reaches this machine."""
        self._start(lambda: self._listen(heard))

    def _start(self, turn: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=self._loop, args=(turn,), name="bell", daemon=True)
        self._thread.start()

    def ring(self) -> None:
        """Never waits, never fails; rings that come together are one."""
        self._wanted.set()

    def stop(self) -> None:
        self._stopping.set()
        self._wanted.set()
        if self._thread is not None:
            # It may wait for an answer of a storage whose network is gone, and ends with the process then.
            self._thread.join(PATIENCE)

    def _loop(self, turn: Callable[[], None]) -> None:
        pause = SOON
        while not self._stopping.is_set():
            try:
                turn()
                pause = SOON
            except Exception as error:
                self._complain(error)
                self._forget()
                self._stopping.wait(pause)
                pause = min(pause * 4, AWAY)
        # Here and not in `stop`: huey keeps a connection for each thread.
        self._forget()

    def _pass_on(self) -> None:
        self._wanted.wait()
        self._wanted.clear()
        try:
            # Who has not heard the last one need not hear this one: nothing piles up where nobody listens.
            if not self._stopping.is_set() and not self._storage().queue_size():
                self._storage().enqueue(b"look")
        except Exception:
            self._wanted.set()
            raise

    def _listen(self, heard: Callable[[], None]) -> None:
        # Postgres and Redis wake the listener, or return after a second.
        if self._storage().dequeue() is not None:
            heard()
        elif not getattr(self._storage(), "blocking", False):
            self._stopping.wait(POLL)

    def _storage(self) -> Any:
        if self._huey is None:
            self._huey = open_storage(self._settings)
        return self._huey.storage

    def _forget(self) -> None:
        """Drop the connection: the next turn makes a new one."""
        huey, self._huey = self._huey, None
        try:
            if huey is not None:
                huey.storage.close()
        except Exception as error:
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        if time.monotonic() - self._said >= SAY_AGAIN:
            self._said = time.monotonic()
            log.warning("the queue's storage can't be reached, workers look by themselves: %s", error)
