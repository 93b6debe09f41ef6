"""Waits for work in the outbox: rung in this process, notified by Postgres, or told by SQLite that somebody committed.

A wake-up says only "look": one too many costs a look, and one that was missed costs no more than the look which the
waiting part takes by itself each few seconds.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import sqlite3
import threading
import time
from types import TracebackType
from typing import Protocol

import psycopg

from models.base import open_database
from models.postgres import connect
from settings import Settings

log = logging.getLogger("ftpdock.exports")

CHANNEL = "ftpdock_outbox"
"""What the trigger on `outbox` notifies (migration 0005)."""
POLL = 0.02
"""Seconds between two looks at SQLite's data_version: it notifies nobody."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds before Postgres is listened to again after its connection broke, at first and at the most."""


class Source(Protocol):
    """Tells that something was committed."""

    def wait(self, bell: socket.socket, seconds: float) -> bool:
        """Up to `seconds`, and no longer than until `bell` can be read. True: look for work."""

    def close(self) -> None: ...


class DataVersion:
    """SQLite: `PRAGMA data_version` changes when another connection, of whatever process, has committed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._seen: int | None = None

    def wait(self, bell: socket.socket, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not self._changed():
            left = end - time.monotonic()
            if left <= 0 or readable(min(POLL, left), bell.fileno()):
                return False
        return True

    def _changed(self) -> bool:
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, isolation_level=None)
        former, (self._seen,) = self._seen, self._connection.execute("PRAGMA data_version").fetchone()
        return former != self._seen

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Listener:
    """Postgres: LISTEN on a connection of its own, which is made again when it breaks."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection | None = None
        self._pause = FIRST_PAUSE

    def wait(self, bell: socket.socket, seconds: float) -> bool:
        try:
            if self._connection is None:
                self._connect()
                return True  # What was notified while nobody listened is lost.
            return self._notified(bell, seconds)
        except psycopg.Error as error:
            log.warning("Postgres notifies no more, listening again in %.1f s: %s", self._pause, str(error).strip())
            self.close()
            pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
            readable(min(pause, seconds), bell.fileno())
            return False

    def _connect(self) -> None:
        self._connection = connect(self._url, connect_timeout=10)
        self._connection.execute(f"LISTEN {CHANNEL}")
        self._pause = FIRST_PAUSE

    def _notified(self, bell: socket.socket, seconds: float) -> bool:
        assert self._connection is not None
        if self._take():
            return True
        return readable(seconds, bell.fileno(), self._connection.fileno()) and self._take()

    def _take(self) -> bool:
        """Take all notifications that came. Raises psycopg.Error when the connection broke."""
        assert self._connection is not None
        return bool(list(self._connection.notifies(timeout=0)))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Wake:
    """`with Wake(settings) as wake:` on the waiting thread; ring() from any."""

    def __init__(self, settings: Settings) -> None:
        self._source = _source(settings.database_url)
        self._bell, self._button = socket.socketpair()
        self._lock = threading.Lock()
        self._open = True
        for end in (self._bell, self._button):
            end.setblocking(False)

    def ring(self) -> None:
        """Wake who waits, or who waits next. Never blocks, never fails."""
        with self._lock, contextlib.suppress(BlockingIOError):  # A full socket holds rings enough.
            if self._open:
                self._button.send(b"!")

    def wait(self, seconds: float) -> bool:
        """Wait so many seconds at the most; True: look for work. The first wait looks at once.

        Raises sqlite3.Error; a Postgres that is away is tried again, meanwhile nobody but `ring` wakes.
        """
        told = self._source.wait(self._bell, seconds)
        return self._rung() or told

    def _rung(self) -> bool:
        rung = False
        with contextlib.suppress(BlockingIOError):
            while self._bell.recv(65_536):
                rung = True
        return rung

    def close(self) -> None:
        with self._lock:
            self._open = False
            self._bell.close()
            self._button.close()
        self._source.close()

    def __enter__(self) -> Wake:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _source(url: str) -> Source:
    if url.startswith("sqlite:"):
        return DataVersion(open_database(url).database)
    return Listener(url)


def readable(seconds: float, *handles: int) -> bool:
    """Wait until one of the handles can be read. Not by select(), which takes none above 1023."""
    poll = select.poll()
    for handle in handles:
        poll.register(handle, select.POLLIN)
    return bool(poll.poll(max(1.0, seconds * 1000)))
