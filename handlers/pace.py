"""How much a transaction takes: less while others write, whom SQLite's one lock keeps waiting."""

from __future__ import annotations

import math
import time

from models import database, is_postgres

HOLD = 0.015
"""Seconds for which about the lock is held while others write."""
TOGETHER = 8
"""Chunks of a transaction on Postgres, where only rows are locked: nobody waits but who writes the same ones."""
LONG = 1.0
"""Seconds after which it takes no further one there: the lease that it renews is seen when it is committed."""
PAIR = 2
"""On SQLite, if all of them are written within CALM: somebody may begin to write."""
CALM = 0.1
"""Seconds."""
FEWEST = 250
"""Rows of a transaction at the least: each costs some milliseconds, however small it is."""
MEMORY = 0.5
"""Seconds for which somebody who has written counts as one who writes."""


class Pace:
    """The pace of one pass. On Postgres, where rows are locked and not all of the database, it is always the same."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rate = math.inf
        self._version = state()
        self._crowded = -math.inf

    @property
    def rows(self) -> int:
        """Rows that the next transaction may take."""
        if self._calm or self._rate == math.inf:
            return self._most
        return min(self._most, max(FEWEST, int(self._rate * HOLD)))

    @property
    def chunks(self) -> int:
        """Chunks of so many rows that it may take, if they are ready: each commit costs some milliseconds."""
        if is_postgres():
            return TOGETHER
        return PAIR if self._calm and math.inf > self._rate * CALM >= PAIR * self._most else 1

    def goes_on(self, seconds: float) -> bool:
        """Whether a transaction that has lasted so long, and may take several chunks, takes the next one."""
        return seconds <= (LONG if is_postgres() else CALM / PAIR)

    @property
    def _calm(self) -> bool:
        return time.monotonic() - self._crowded > MEMORY

    def took(self, rows: int, seconds: float) -> None:
        """Tell how long a transaction held its locks, outside of which others may have written."""
        self._rate = rows / seconds if rows and seconds else self._rate
        if (version := state()) != self._version:
            self._version, self._crowded = version, time.monotonic()


def state() -> int:
    """Changes when another connection commits; Postgres, where nobody asks, has no such thing."""
    return 0 if is_postgres() else int(database.execute_sql("PRAGMA data_version").fetchone()[0])
