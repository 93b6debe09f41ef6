"""The part that delivers exports to the targets of their accounts: finds what is to be done, minds the streams."""

from __future__ import annotations

import queue
import threading
import time

from exports.push import deliveries
from exports.push.stream import Stream, StreamThread
from models import Target, database, now
from settings import Settings

LOOK, SWEEP, SELDOM = 1.0, 60.0, 3600.0
"""Seconds between two looks for what commands changed, and at the least and most for exports that nobody told of."""
SHARE = 0.01
"""Of the time, for these sweeps: each goes through all exports that its account ever had."""
WAIT = 0.2
STREAMS = 4
"""Targets that are delivered to at once."""
HUNG = 600.0
"""Seconds after which a stream does not count any more: a file system that hangs must not keep others waiting."""
STOP_SECONDS = 20.0

Swept = dict[tuple[int, tuple[str, ...]], float]
"""When the next sweep is due, by a target's number and kinds: other kinds mean other exports."""


class Pusher:
    """A Part. `tell` is called, from any thread, with the number of an export that is ready; it never blocks."""

    name = "pusher"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._told: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._streams: dict[int, StreamThread] = {}
        self._worked: dict[int, float] = {}
        """When each target had its last turn: who has waited longest is next."""

    def tell(self, export: int) -> None:
        self._told.put(export)

    def run(self, stopping: threading.Event) -> None:
        swept: Swept = {}
        look_at = 0.0
        database.connect(reuse_if_open=True)
        deliveries.resume(now())
        try:
            while not stopping.is_set():
                told = self._hear()
                if told or time.monotonic() >= look_at:
                    database.connect(reuse_if_open=True)
                    self._plan(told, swept)
                    self._start_streams(stopping)
                    look_at = time.monotonic() + LOOK
        finally:
            self._stop_streams()

    def _hear(self) -> list[int]:
        """What was told, after a short wait for the first of it."""
        told: list[int] = []
        try:
            told.append(self._told.get(timeout=WAIT))
            while len(told) < deliveries.AT_ONCE:
                told.append(self._told.get_nowait())
        except queue.Empty:
            pass
        return told

    def _plan(self, told: list[int], swept: Swept) -> None:
        # For those that are disabled, too: what waits for them is told of, and retention lets it be.
        targets = {(each.number, tuple(each.kinds or ())): each for each in Target.select().order_by(Target.number)}
        for key, target in targets.items():
            begun = time.monotonic()
            if begun >= swept.get(key, 0.0):
                # Until all is planned that is there already, nothing new may go before it.
                whole = deliveries.plan(target) < deliveries.AT_ONCE
                swept[key] = begun + pause(time.monotonic() - begun, len(targets)) if whole else 0.0
            elif told:
                deliveries.plan(target, told)
        for key in swept.keys() - targets.keys():
            del swept[key]

    def _start_streams(self, stopping: threading.Event) -> None:
        self._streams = {number: thread for number, thread in self._streams.items() if thread.alive}
        waiting = [number for number in deliveries.due(now()) if number not in self._streams]
        busy = sum(time.monotonic() - self._worked[number] < HUNG for number in self._streams)
        for number in sorted(waiting, key=lambda each: self._worked.get(each, 0.0))[: max(0, STREAMS - busy)]:
            self._worked[number] = time.monotonic()
            self._streams[number] = StreamThread(Stream(self._settings, number, stopping), f"push-{number}")

    def _stop_streams(self) -> None:
        """They see that `stopping` is set; when it is not, this part has failed and they may go on."""
        until = time.monotonic() + STOP_SECONDS
        for thread in self._streams.values():
            thread.join(max(0.0, until - time.monotonic()))


def pause(took: float, targets: int) -> float:
    """Seconds from one sweep for a target to the next, if each takes so long."""
    return min(max(SWEEP, took * targets / SHARE), SELDOM)
