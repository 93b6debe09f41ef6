"""Starts the workers of `serve`, rings for them, and starts them again when they die."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

from handlers.registry import Registry
from hooks import Hooks
from jobs.bell import Bell
from jobs.poison import release_dead, weight
from jobs.worker import ThreadBell, Worker
from models import database
from settings import Settings

log = logging.getLogger("ftpdock.jobs")

FIRST_PAUSE, LONGEST_PAUSE, HEALTHY = 0.2, 30.0, 10.0
"""Seconds before a dead worker is started again, at first and at the most; after so many it counts as healthy."""


class _Process:
    """One worker process and the pipe that rings for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pause = FIRST_PAUSE
        self._due = 0.0
        self.start()

    def start(self) -> None:
        root = str(Path(__file__).resolve().parent.parent)
        environment = {**os.environ, "FTPDOCK_HOME": str(self._settings.home)}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        self._started = time.monotonic()
        self._name = uuid.uuid4().hex
        # -P: not whatever the working directory calls `commands` or `settings`.
        self._process = subprocess.Popen([sys.executable, "-P", "-m", "commands", "worker", "--bell", self._name],
                                         stdin=subprocess.PIPE, env=environment, bufsize=0)  # fmt: skip
        assert self._process.stdin is not None
        # A worker that stands still empties its pipe no more. Receipts ring, and must not wait for it.
        os.set_blocking(self._process.stdin.fileno(), False)

    def ring(self) -> None:
        """Never waits: where the pipe is full the worker has rings enough."""
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(b"\n")
        except (BrokenPipeError, ValueError):
            # It is dead; the one that takes its place looks for what waits before it waits itself.
            pass

    def mind(self) -> None:
        """Start the process again if it has died, after a pause that grows as long as it keeps dying."""
        if self._process.poll() is None:
            return
        if not self._due:
            lived = time.monotonic() - self._started
            self._pause = FIRST_PAUSE if lived > HEALTHY else min(self._pause * 2, LONGEST_PAUSE)
            self._due = time.monotonic() + self._pause
            log.error("worker %s ended with status %s; starting another in %.1f s", self._process.pid,
                      self._process.returncode, self._pause)  # fmt: skip
            self._bury(self._process.returncode)
        if time.monotonic() >= self._due:
            self._due = 0.0
            self.close_pipe()
            self.start()

    def _bury(self, status: int) -> None:
        """Free what the worker had at hand, and count its death against it."""
        try:
            with database.connection_context():
                release_dead(self._name, weight(status))
        except Exception:
            # The database may be away; the next worker finds the dead one's lock.
            log.warning("the import of a dead worker could not be released", exc_info=True)

    def close_pipe(self) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()

    def stop(self, patience: float) -> None:
        """End of the pipe: the worker stops after the chunk at hand. Killed before that, it loses nothing either."""
        self.close_pipe()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Supervisor:
    """The workers of one server: processes, or one thread when `workers` is 0."""

    def __init__(self, settings: Settings, registry: Registry, hooks: Hooks) -> None:
        self._settings, self._registry, self._hooks = settings, registry, hooks
        self._stopping = threading.Event()
        self._processes: list[_Process] = []
        self._thread: threading.Thread | None = None
        self._far = Bell(settings)

    def start(self, *, alone: bool = False) -> None:
        """`alone`: without a server, so that rings come from other machines; else they go there."""
        if self._settings.workers == 0:
            self._bell = ThreadBell()
            worker = Worker(self._settings, self._registry, self._hooks, self._bell)
            self._thread = threading.Thread(target=worker.run, name="worker")
        else:
            self._processes = [_Process(self._settings) for _ in range(self._settings.workers)]
            self._thread = threading.Thread(target=self._mind, name="supervisor")
        self._thread.start()
        if alone:
            self._far.start_listening(self._ring_here)
        else:
            self._far.start_ringing()

    def ring(self) -> None:
        """Tell the workers, those elsewhere too, that there is something to do. From any thread, at any time."""
        self._ring_here()
        self._far.ring()

    def _ring_here(self) -> None:
        if self._processes:
            for process in self._processes:
                process.ring()
        elif self._thread is not None:
            self._bell.ring()

    def _mind(self) -> None:
        while not self._stopping.wait(0.1):
            for process in self._processes:
                try:
                    process.mind()
                except OSError as error:  # no memory or no file descriptors: what killed a worker may still go on
                    log.error("a worker can't be started: %s; trying again", error)

    def stop(self, patience: float = 10.0) -> None:
        """Stop the workers, with so many seconds for what they have at hand."""
        self._stopping.set()
        self._far.stop()
        if self._settings.workers == 0 and self._thread is not None:
            self._bell.stop()
        if self._thread is not None:
            self._thread.join()
        for process in self._processes:
            process.stop(patience)
