"""What the parts of the exporter have in common: a thread each, started again when it fails."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import Protocol

from models import database

log = logging.getLogger("ftpdock.exports")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds before a part that failed is started again, at first and at the most."""


class Part(Protocol):
    """One job of the exporting node."""

    name: str

    def run(self, stopping: threading.Event) -> None:
        """Work until `stopping` is set, then return soon. Begins by looking what was left undone.

        Called on a thread of its own with no database connection. It may raise: it is called again after a pause.
        """


class PartThread:
    """Runs a part until it is told to stop, again and again if it fails."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"exports-{part.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def tell_to_stop(self) -> None:
        self._stopping.set()

    def join(self, patience: float) -> bool:
        """Whether it has ended, after so many seconds at the most."""
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                with contextlib.closing(database):
                    self._part.run(self._stopping)
            except BaseException:
                # Also sys.exit() in a plugin: without this thread there would be no exports until the next start.
                if time.monotonic() - began > LONGEST_PAUSE:
                    # It has worked since the failure before.
                    pause = FIRST_PAUSE
                log.exception("exports: %s failed; starting it again in %.1f s", self._part.name, pause)
                self._stopping.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
