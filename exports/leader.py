"""Of several nodes one exports; when it dies another takes over at once, when it stands still within a minute."""

from __future__ import annotations

import fcntl
import os
from types import TracebackType
from typing import Protocol

import psycopg

from models.postgres import advisory, connect
from settings import Settings

_LOCK = 0x66747865
"""Key of the advisory lock (the letters ftxe)."""
STANDS_STILL = 60
"""Seconds after which Postgres ends the connection of a node that asks nothing, which it does twice a second. A paused
program keeps its connection: its kernel goes on answering."""


class Leadership(Protocol):
    """The right to export. What holds it is freed by the kernel or the database when its process dies."""

    def take(self) -> bool:
        """Try once to become the leader, without waiting. Raises OSError or psycopg.Error; `give_up` then."""

    def holds(self) -> bool:
        """Whether this node is the leader still. Cheap enough for each batch."""

    def give_up(self) -> None: ...


class FileLeadership:
    """By a lock file in the home: all nodes of a SQLite database are on one machine."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.spool / "exporter.lock"
        self._handle: int | None = None

    def take(self) -> bool:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def holds(self) -> bool:
        return self._handle is not None

    def give_up(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class PostgresLeadership:
    """By an advisory lock of a connection that is kept for it alone, also while another node leads: to connect anew
    for each try would keep the server busy, twice a second for each node."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.database_url
        self._connection: psycopg.Connection | None = None

    def take(self) -> bool:
        if self._connection is None:
            self._connection = connect(self._url)
            # Before Postgres 14 there is no such setting, and no help.
            self._connection.execute("SELECT set_config(name, %s, false) FROM pg_settings WHERE name = %s",
                                     (f"{STANDS_STILL}s", "idle_session_timeout"))  # fmt: skip
        taken = self._connection.execute(advisory("pg_try_advisory_lock", _LOCK)).fetchone()
        return self._writes(self._connection) and taken == (True,)

    def holds(self) -> bool:
        if self._connection is None:
            return False
        try:
            return self._writes(self._connection)
        except psycopg.Error:
            self.give_up()
            return False

    def _writes(self, connection: psycopg.Connection) -> bool:
        """A server that only reads since a failover gives no rights: the next connection may lead to the new one."""
        if connection.execute("SHOW transaction_read_only").fetchone() == ("off",):
            return True
        self.give_up()
        return False

    def give_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Held:
    """`with Held(leadership)`: given up at the end, whatever happens."""

    def __init__(self, leadership: Leadership) -> None:
        self._leadership = leadership

    def __enter__(self) -> Leadership:
        return self._leadership

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leadership.give_up()


def leadership(settings: Settings) -> Leadership:
    sqlite = settings.database_url.startswith("sqlite:")
    return FileLeadership(settings) if sqlite else PostgresLeadership(settings)
