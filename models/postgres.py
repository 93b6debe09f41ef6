"""Connections to Postgres that end by themselves when their program, machine or network stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from peewee import PostgresqlDatabase

if TYPE_CHECKING:
    import psycopg

IDLE_IN_TRANSACTION = 60
"""Seconds that a transaction may wait for its program, unless a worker asks for less. All who wait for its locks wait
for as long: a receipt locks its account, and syncs folders meanwhile."""

HERE = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3,
        "tcp_user_timeout": 60_000}  # fmt: skip
"""How this side notices within a minute that the other one is gone: the system's own would take two hours. What an
address says of these (libpq's names) holds instead."""
THERE = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3,
         "tcp_user_timeout": 60_000}  # fmt: skip
"""How the server does, so that the locks of a machine that lost its power do not outlive it."""
OURS = {"DateStyle": "ISO", "client_encoding": "UTF8", "default_transaction_isolation": "'read committed'",
        "array_nulls": "on"}  # fmt: skip
"""What the program relies on in each session: a server, database, role or address may have it otherwise. By SET, as
poolers refuse most of what comes with the greeting."""


class Postgres(PostgresqlDatabase):
    """The database of a `postgresql://` address."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options, **_unless_asked(url))

    def _connect(self) -> Any:
        connection = super()._connect()
        watch(connection, idle_in_transaction_session_timeout=IDLE_IN_TRANSACTION * 1000)
        return connection


def connect(url: str, **options: Any) -> psycopg.Connection:
    """A connection of one's own, in autocommit. Raises psycopg.Error."""
    import psycopg  # takes long to load, and SQLite needs none of it

    connection = psycopg.connect(url, autocommit=True, **options, **_unless_asked(url))
    watch(connection)
    return connection


def watchful(url: str) -> str:
    """The address with HERE in it, for a library that connects by itself."""
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(_unless_asked(url))}"


def _unless_asked(url: str) -> dict[str, Any]:
    asked = parse_qs(urlsplit(url).query)
    return {name: value for name, value in HERE.items() if name not in asked}


def watch(connection: psycopg.Connection, **settings: int) -> None:
    """Have the server watch a connection, which is in autocommit, and speak as the program expects; `settings`: more
    of the session's, as numbers. One round trip for all."""
    connection.execute("; ".join(f"SET {name} = {value}" for name, value in (OURS | THERE | settings).items()))


def advisory(function: str, key: int) -> str:
    """The statement that calls one of Postgres' functions for advisory locks, such as pg_advisory_lock. These are the
    whole database's, and each of its schemas may be an ftpdock of its own."""
    return f"SELECT {function}({key}, hashtext(current_schema()))"
