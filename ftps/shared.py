"""What the sessions of one server share. Two servers in one process share nothing."""

from __future__ import annotations

import collections
import logging
from collections.abc import Callable
from typing import Any

from ftps.claims import Claims
from ftps.guesses import Guesses
from ftps.identity import Rights, Schemas
from ftps.login_times import LoginTimes
from ftps.outgoing import Beginnings
from ftps.overlay import Overlay
from ftps.partials import Partials
from ftps.pins import Pins
from ftps.pool import Pool, disconnect
from ftps.replies import BUSY_FILE
from ftps.straight import room
from ftps.waker import Waker
from hooks import Hooks
from layout import partial_folder
from settings import Settings

log = logging.getLogger("ftpdock.ftps")

LOGIN_NICENESS = 10
"""Of the thread that reckons password hashes."""
BULK_THREADS = 2
FEW_CHECKS = 8
"""Passwords of one address that may wait in any case, however short the queue is."""
MOST_AFTERWARDS = 1000
"""Calls of hooks that may wait though nobody waits for them."""


class Shared:
    def __init__(self, settings: Settings, hooks: Hooks, schemas: Schemas, ring: Callable[[], None], loop: Any) -> None:
        self.settings = settings
        self.hooks = hooks
        self.schemas = tuple(schemas)
        self.rights = Rights(self.schemas)
        self.ring = ring
        self.loop = loop
        self.waker = Waker(loop)
        self.room = room()
        # A session waits for one job at a time; the rest is room for what nobody waits for: hashing, clearing up.
        self.pool = Pool("ftps-pool", settings.pool_threads, 2 * settings.max_connections + 1000)
        # What takes as long as a file is large: receipts and listings are not to wait for that.
        self.bulk = Pool("ftps-bulk", BULK_THREADS, settings.max_connections)
        # Nor for a hook that no client waits for. One thread, so that they are called in order.
        self.afterwards = Pool("ftps-hooks", 1, MOST_AFTERWARDS)
        # One thread: a second one doubles what logins cost the loop and gains nothing on few cores.
        self.logins = Pool("ftps-login", 1, settings.login_queue, niceness=LOGIN_NICENESS)
        self.checks: collections.Counter[str] = collections.Counter()
        """Passwords that are to be checked, by the origin of their clients. Touched on the loop only."""
        self.pools = (self.logins, self.pool, self.bulk, self.afterwards)
        self.guesses = Guesses()
        self.login_times = LoginTimes(self.pool)
        self.overlay = Overlay(settings.visible_seconds)
        self.partials = Partials(partial_folder(settings), settings.max_file_size, settings.min_free_bytes)
        self.claims = Claims()
        self.pins = Pins()
        self.beginnings = Beginnings()
        self.unwatched: list[Any] = []
        """Ports for data connections that the loop does not watch yet."""
        self.sessions: set[Any] = set()
        self.identities_changed = False
        """Set when a session logged in: what was changed between its check and now must not be missed."""
        self.passive_used_up = 0
        """How often no port of the passive range was free."""
        self.stopping = False

    def unfinished(self, key: str, virtual: str) -> str | None:
        """The reply for who needs the whole of a file of an entity folder of which a part is there; None if none is.

        Asked from any thread.
        """
        if self.claims.holds(key, virtual):
            return BUSY_FILE
        if (partial := self.partials.stat(key, virtual)) is None:
            return None
        size = partial.st_size
        return f"550 Only {size} bytes of it have arrived; send the rest first (REST {size}, STOR)."

    def crowded(self, origin: str) -> bool:
        """Whether more clients from one address than a quarter of all connections have not logged in.

        What they hold is lost to others, and no login says whose they are.
        """
        most = max(1, self.settings.max_connections // 4)
        if len(self.sessions) <= most:
            return False
        return sum(each.identity is None and each.origin == origin for each in self.sessions) > most

    def begin_check(self, origin: str) -> bool:
        """Take note of a password that is to be checked; False when its client has to come again.

        One address leaves a quarter of the queue to others.
        """
        if self.checks[origin] >= max(FEW_CHECKS, self.settings.login_queue * 3 // 4):
            return False
        self.checks[origin] += 1
        return True

    def end_check(self, origin: str) -> None:
        self.checks[origin] -= 1
        if not self.checks[origin]:
            del self.checks[origin]

    def later(self, hook: str, **arguments: Any) -> None:
        """Call a hook in a thread of its own; nobody waits for it."""
        if self.hooks.has(hook) and not self.afterwards.submit(lambda: self._call(hook, arguments)):
            log.error("hook %s was not called: %s calls wait already", hook, MOST_AFTERWARDS)

    def _call(self, hook: str, arguments: dict[str, Any]) -> None:
        try:
            self.hooks.call(hook, **arguments)
        finally:
            # A plugin may have used the database, and nobody looks whether its connection still works the next time.
            disconnect()
