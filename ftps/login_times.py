"""When each login came last, for `login list`. No client waits for it: a commit may wait long for a running import."""

from __future__ import annotations

import datetime as dt
import logging
import threading

from ftps.pool import Pool, with_database
from models import Login, now, transaction

log = logging.getLogger("ftpdock.ftps")


class LoginTimes:
    """Written in the pool; what comes while a transaction is going on goes into the next one together."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._noted: dict[int, dt.datetime] = {}
        self._due = False
        """A job of the pool is about to write them."""

    def note(self, login_id: int) -> None:
        """A login came in, now."""
        with self._lock:
            self._noted[login_id] = now()
            if not self._due:
                self._due = self._pool.submit(self._job)

    def _job(self) -> None:
        try:
            with_database(self._write)
        except BaseException:
            # Also of a database that can't be connected: the next login tries again.
            with self._lock:
                self._due = False
            raise

    def _write(self) -> None:
        with transaction():
            for login_id, moment in self._take().items():
                Login.update(last_login_at=moment).where(Login.id == login_id).execute()

    def _take(self) -> dict[int, dt.datetime]:
        with self._lock:
            noted, self._noted, self._due = self._noted, {}, False
        return noted
