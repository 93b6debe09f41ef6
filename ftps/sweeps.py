"""Removes, on a thread of its own, what is over: uploads that nobody continued or renamed, what is shown though it was
picked up, entries of the overlay.

Not on that of the watch: with many accounts it takes long, and a login that was disabled has to go at once.
"""

from __future__ import annotations

import logging
import threading
import time

from ftps.identity import account_key
from ftps.leftovers import hide_picked
from ftps.leftovers import sweep as sweep_leftovers
from ftps.pool import connect, disconnect
from ftps.receipt import sweep as sweep_receipts
from ftps.shared import Shared
from ftps.validate import sweep as sweep_validations
from models import Account

log = logging.getLogger("ftpdock.ftps")

FIRST_AFTER = 0.5
"""Seconds from the start to the first look."""
EVERY = 60.0
"""Seconds between two looks."""
CLEAR_EVERY = 3600.0
"""Seconds between two looks into all entity folders."""
SHOWN = 300.0
"""Seconds after which they show no more what was picked up: whoever did so may be about to hide it."""


class Sweeps:
    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._cleared_at = -CLEAR_EVERY
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ftps-sweeps", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the look that is being taken is over."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause = FIRST_AFTER
        while not self._stop.wait(pause):
            pause = EVERY
            try:
                self._sweep()
            except Exception:
                log.exception("removing what is over failed")
            finally:
                # Not kept for a minute in which nobody needs it.
                disconnect()

    def _sweep(self) -> None:
        self._shared.overlay.sweep()
        self._shared.pins.sweep()
        connect()
        accounts = list(Account.select(Account.id, Account.name, Account.created_at))
        keys = {account_key(account) for account in accounts}
        patience = self._shared.settings.partial_hours * 3600.0
        for path in self._shared.partials.sweep(keys, patience):
            log.info("an upload that nobody continued was removed: %s", path.name)
        self._clear(accounts, patience)
        sweep_validations(self._shared)
        sweep_receipts(self._shared)

    def _clear(self, accounts: list[Account], patience: float) -> None:
        if time.monotonic() - self._cleared_at < CLEAR_EVERY:
            return
        self._cleared_at = time.monotonic()
        for path in sweep_leftovers(self._shared, accounts, patience):
            log.info("a file whose temporary name nobody has changed was removed: %s", path.name)
        for path in hide_picked(self._shared, accounts, SHOWN):
            log.info("an upload that was picked up is no longer shown: %s", path.name)
