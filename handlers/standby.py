"""A process that is ready to read a large file ahead before one comes."""

from __future__ import annotations

import logging
from pathlib import Path

from handlers.foresight import Looking
from handlers.plain_rows import blocks_for
from imports.ahead import Companion, pays
from schemas.inventory import InventorySchema
from schemas.product import ProductSchema

log = logging.getLogger("ftpdock.import")

_NEEDED = sorted({each.__module__ for each in (Looking, blocks_for, ProductSchema, InventorySchema)})


class Standby:
    """Keeps one for a worker: from the first file on for which it would have paid, as others need no memory for it."""

    def __init__(self) -> None:
        self.wanted = False
        self._waiting: Companion | None = None

    def prepare(self) -> None:
        """Have one get ready if one is wanted; to be called when nothing else is to be done."""
        if self._waiting and not self._waiting.running():
            log.warning("the process that was ready to read large files ahead has ended (%s)", self._waiting.ended())
            self.close()
            self.wanted = False  # until the next large file: it might end again and again
        if self.wanted and not self._waiting:
            self._waiting = _started()
            self.wanted = self._waiting is not None

    def take(self, path: Path) -> Companion | None:
        """One for this file, which is to be closed: the one that waits, or one that has yet to load; None if none pays,
        or none is to be had."""
        if not pays(path, ready=True):
            return None
        self.wanted = True
        waiting, self._waiting = self._waiting, None
        if waiting and waiting.running():
            return waiting
        if waiting:
            waiting.close()
        return _started() if pays(path) else None

    def close(self) -> None:
        """Let the one that waits go."""
        if self._waiting:
            self._waiting.close()
            self._waiting = None


def _started() -> Companion | None:
    try:
        return Companion(*_NEEDED)
    except OSError as error:
        log.warning("no process to read large files ahead is to be had: %s", error)
        return None
