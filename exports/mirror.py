"""The part that mirrors the export tree into the partners' folders: told of changes, and looking for them by itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from exports.delivery import Tools
from exports.mirror_run import MirrorRun
from exports.place import Place
from exports.todo import Key, Todo
from exports.tree import unit_of
from exports.watching import Watcher
from hooks import Hooks
from models.export import is_unit
from settings import Settings

log = logging.getLogger("ftpdock.exports")

UNTOLD = 0.2
"""Seconds until a folder of ours is looked at that only the kernel told of."""


class Mirror:
    """A Part. `then` is called with the number of each export that is ready, on this part's thread."""

    name = "mirror"

    def __init__(self, settings: Settings, hooks: Hooks, then: Callable[[int], None] = lambda number: None) -> None:
        self._settings = settings
        self._todo = Todo()
        self._tools = Tools(settings, hooks, Place(settings), self._todo, then)
        self._lost = threading.Event()

    def tell(self, account: str, path: str) -> None:
        """Something new lies at `path` below the account's folder in the export tree. From any thread."""
        self._todo.tell(Key(account, path))

    def run(self, stopping: threading.Event) -> None:
        self._tools.place.clear()
        self._settings.exports.mkdir(parents=True, exist_ok=True, mode=0o700)
        watcher = Watcher(self._settings.exports, self._event, self._events_lost)
        watcher.start()
        try:
            MirrorRun(self._settings, self._tools, watcher, self._lost).until(stopping)
        finally:
            watcher.stop()

    def _event(self, path: str) -> None:
        account, _, inner = path.partition("/")
        unit = unit_of(inner)
        if is_unit(unit):
            # The dispatcher tells of it when it has recorded it.
            self._todo.later(Key(account, unit), UNTOLD)
        else:
            self.tell(account, inner)

    def _events_lost(self) -> None:
        log.warning("the system lost events of the export tree; looking through it")
        self._lost.set()
        self._todo.wake()
