"""The way back onto the loop from another thread: pyftpdlib's call_later does not wake a loop that sleeps."""

from __future__ import annotations

import collections
import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Any

log = logging.getLogger("ftpdock.ftps")


class Waker:
    """A socket pair that the loop watches; it looks like a dispatcher to pyftpdlib."""

    def __init__(self, ioloop: Any) -> None:
        self._ioloop = ioloop
        self._calls: collections.deque[Callable[[], None]] = collections.deque()
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)
        self._fileno = self._reader.fileno()
        ioloop.register(self._fileno, self, ioloop.READ)

    def post(self, call: Callable[[], None]) -> None:
        """From any thread: run `call` on the loop, in the order of posting. After close() it is dropped."""
        self._calls.append(call)
        try:
            self._writer.send(b"!")
        except BlockingIOError:
            pass  # The pipe is full, so the loop wakes up anyway.
        except OSError:
            log.debug("the loop has ended; a call was dropped")

    def handle_read_event(self) -> None:
        with contextlib.suppress(BlockingIOError):
            # What is left in it wakes the loop again.
            self._reader.recv(4096)
        for _ in range(len(self._calls)):
            self._run(self._calls.popleft())

    def _run(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:
            log.exception("a call on the loop failed")

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def handle_close(self) -> None:
        self.close()

    def handle_error(self) -> None:
        log.exception("the waker failed")

    def close(self) -> None:
        if self._fileno in self._ioloop.socket_map:
            self._ioloop.unregister(self._fileno)
        self._reader.close()
        self._writer.close()
