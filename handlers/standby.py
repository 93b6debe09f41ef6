"""A process that is ready to read a large file ahead before one comes."""

from __future__ import annotations

import logging
from pathlib import Path

from handlers.foresight import Looking
from handlers.plain_rows import blocks_for
from imports.ahead import Companion, pays
from schemas.inventory import InventorySchema
from schemas.product import ProductSchema

log = logging.getLogger("ftpdock.jobs")

_NEEDED = sorted({each.__module__ for each in (Looking, blocks_for, ProductSchema, InventorySchema)})
"""A plugin's schema is loaded with its task."""


class Standby:
    """Keeps one for a worker: from the first file on for which it would have paid, as others need no memory for it."""

    def __init__(self) -> None:
        self.wanted = False
        self._waiting: Companion | None = None

    def prepare(self) -> None:
        """Have one get ready if one is wanted; to be called when nothing else is to be done."""
        if not self.wanted or self._waiting:
            return
        try:
            self._waiting = Companion(*_NEEDED)
        except OSError as error:
            self.wanted = False
            log.warning("no process can be kept ready to read large files ahead (%s): the next one has to load", error)

    def take(self, path: Path) -> Companion | None:
        """One for this file, which is to be closed: the one that waits, or one that has yet to load; None if none pays.

        Raises OSError: the system gives none.
        """
        if not pays(path, ready=True):
            return None
        self.wanted = True
        waiting, self._waiting = self._waiting, None
        if waiting and waiting.running():
            return waiting
        if waiting:
            waiting.close()
        return Companion(*_NEEDED) if pays(path) else None

    def close(self) -> None:
        """Let the one that waits go."""
        if self._waiting:
            self._waiting.close()
            self._waiting = None
