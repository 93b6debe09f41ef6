"""Runs the parts of the exports on the one node that leads, and lets go of them when it leads no longer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

import psycopg

from exports.dispatcher import Dispatcher
from exports.full import FullExports
from exports.keeper import Keeper
from exports.leader import Held, leadership
from exports.mirror import Mirror
from exports.parts import Part, PartThread
from exports.push import Pusher
from handlers.registry import Registry
from hooks import Hooks
from settings import Settings

log = logging.getLogger("ftpdock.exports")

ASK_EVERY = 0.5
"""Seconds between two looks whether this node leads, or could."""
LAST_WORK = 60.0
"""Seconds that each part has to end what is at hand."""


def make_parts(settings: Settings, registry: Registry, hooks: Hooks) -> Sequence[Part]:
    """The parts in the order in which they are started: who takes comes before who gives."""
    pusher = Pusher(settings)
    mirror = Mirror(settings, hooks, pusher.tell)
    return (
        pusher,
        mirror,
        Dispatcher(settings, mirror.tell),
        FullExports(settings, registry.folders, mirror.tell),
        Keeper(settings, registry.folders),
    )


class Exporter:
    """The exports of one server. start(), then stop() from any thread."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        hooks: Hooks,
        make: Callable[[Settings, Registry, Hooks], Sequence[Part]] = make_parts,
    ) -> None:
        self._settings = settings
        self._make = lambda: make(settings, registry, hooks)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="exports", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float = 15.0) -> None:
        """Stop, with so many seconds for what is at hand; what is not done by then, the next start does again."""
        self._stopping.set()
        self._thread.join(patience)

    def _run(self) -> None:
        wait = 0.0
        with Held(leadership(self._settings)) as lead:
            while not self._stopping.wait(wait):
                wait = ASK_EVERY
                try:
                    if lead.take():
                        self._lead(lead.holds)
                except Exception as error:
                    # Also RuntimeError, if no thread can be started: what keeps this node from it now may end.
                    lead.give_up()
                    log.warning("this node can't become the one that exports: %s; trying again", error,
                                exc_info=not isinstance(error, (OSError, psycopg.Error)))  # fmt: skip
                    wait = 10 * ASK_EVERY

    def _lead(self, leading: Callable[[], bool]) -> None:
        threads: list[PartThread] = []
        try:
            for part in self._make():
                thread = PartThread(part)
                thread.start()
                threads.append(thread)
            while not self._stopping.wait(ASK_EVERY) and leading():
                pass
        finally:
            for thread in threads:
                thread.tell_to_stop()
            for thread in threads:
                # Longer than a stop has patience: the leadership must not be given up before the work has ended. It is
                # asked for meanwhile: one that nobody uses is taken away.
                over = time.monotonic() + LAST_WORK
                while not thread.join(ASK_EVERY) and time.monotonic() < over:
                    leading()
