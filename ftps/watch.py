"""Looks twice a second, on a thread of its own, for what was changed elsewhere: logins, accounts, the certificate."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from ftps.identity import Identity, any_certificate, current
from ftps.pool import connect, disconnect
from ftps.receipt import remember_recent
from ftps.shared import Shared
from ftps.tls import Certificates
from models import database, is_postgres

log = logging.getLogger("ftpdock.ftps")

EVERY = 0.5
"""Seconds between two looks."""
SAY_AGAIN = 60.0
"""Seconds between two lines of the log about a look that goes on failing: a database may be away for hours."""


class Watch:
    """`new_context` is called on the loop with a TLS context after the certificate was replaced, or when clients are to
    be asked for theirs, or no more."""

    def __init__(self, shared: Shared, certificates: Certificates, new_context: Callable[[Any], None]) -> None:
        self._shared = shared
        self._certificates = certificates
        self._new_context = new_context
        self._version: object = None
        self._said: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ftps-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        self._try(self._remember_recent)
        while not self._stop.wait(EVERY):
            looked = [self._try(look) for look in (self._look_at_logins, self._look_at_certificate)]
            if all(looked) and self._said is not None:
                self._said = None
                log.info("looking for changes works again")
        disconnect()

    def _try(self, look: Callable[[], None]) -> bool:
        try:
            look()
            return True
        except Exception as error:
            self._complain(error)
            disconnect()
            # Another connection counts from another number.
            self._version = None
            return False

    def _complain(self, error: Exception) -> None:
        """The first failure whole, then a line once in a while: twice a second, tracebacks would push all else out."""
        if self._said is None:
            log.exception("looking for changes failed; it is tried again")
        elif time.monotonic() - self._said >= SAY_AGAIN:
            log.error("looking for changes still fails: %s", error)
        else:
            return
        self._said = time.monotonic()

    def _remember_recent(self) -> None:
        connect()
        remember_recent(self._shared)

    def _look_at_certificate(self) -> None:
        if context := self._certificates.renewed():
            self._shared.waker.post(lambda: self._new_context(context))

    def _look_at_logins(self) -> None:
        """Read again, when anything may have changed, what logins need, and those of the living sessions."""
        connect()
        forced, self._shared.identities_changed = self._shared.identities_changed, False
        if not self._database_changed() and not forced:
            return
        self._certificates.asking = any_certificate()
        sessions = [(each, each.identity) for each in list(self._shared.sessions) if each.identity]
        if not sessions:
            return
        found = current({identity.login_id for _, identity in sessions}, self._shared.schemas)
        changed = [(session, found.get(old.login_id)) for session, old in sessions if found.get(old.login_id) != old]
        if changed:
            self._shared.waker.post(lambda: _tell(changed))

    def _database_changed(self) -> bool:
        """SQLite counts the commits of other connections, which is cheaper than to read anything."""
        if is_postgres():
            return True
        before, self._version = self._version, database.execute_sql("PRAGMA data_version").fetchone()
        return before != self._version


def _tell(changed: list[tuple[Any, Identity | None]]) -> None:
    for session, identity in changed:
        try:
            session.renewed(identity)
        except Exception:
            session.handle_error()  # the others are to hear of their changes, too
