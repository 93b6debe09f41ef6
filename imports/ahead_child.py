"""The side of imports.ahead that reads: a task comes by the standard input, and its rows go out."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import sys
from collections import deque
from itertools import islice
from typing import IO

from peewee import PeeweeException

from errors import FileProblem
from imports.ahead import HEAD, LENGTH, RENEW, Task, exactly
from imports.frames import pack
from imports.quiet import held_back

HELD = 16 << 20
"""Bytes that may wait for the writer: while it scans the file, a good part of it can be read."""


class _Outgoing:
    """Frames on their way to the writer; those that it has no time for are held."""

    def __init__(self, output: IO[bytes]) -> None:
        self._output = output
        self._waiting = deque[memoryview]()
        self._size = 0
        os.set_blocking(output.fileno(), False)

    def put(self, renewals: int, data: bytes) -> None:
        """Wait while more than HELD bytes are held."""
        for part in (HEAD.pack(renewals, len(data)), data):
            self._waiting.append(memoryview(part))
            self._size += len(part)
        self._send(HELD)

    def finish(self) -> None:
        self.put(0, b"")
        self._send(0)

    def _send(self, bearable: int) -> None:
        while self._size:
            try:
                sent = os.writev(self._output.fileno(), list(islice(self._waiting, 64)))
            except BlockingIOError:
                if self._size <= bearable:
                    return
                select.select([], [self._output], [])
            else:
                self._sent(sent)

    def _sent(self, count: int) -> None:
        self._size -= count
        while count:
            first = self._waiting.popleft()
            if count < len(first):
                self._waiting.appendleft(first[count:])
                return
            count -= len(first)


def _serve(task: Task, control: IO[bytes], output: IO[bytes]) -> None:
    """Read the task into `output` until it is done or nobody wants it any more."""
    hasher, outgoing, renewals = task.hasher(), _Outgoing(output), 0
    for batch in task.batches():
        while select.select([control], [], [], 0)[0]:
            if control.read(1) != RENEW:
                return
            renewals += 1
        hashes = hasher.of(batch.texts)
        outgoing.put(renewals, pack(batch, hashes, task.foresight.see(task, batch, hashes)))
    outgoing.finish()


def main() -> None:
    """The process: a task comes by the standard input, and its rows go out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with its writer
    control, output = open(0, "rb", buffering=0), open(1, "wb", buffering=0)  # noqa: SIM115 (until the end)
    (size,) = LENGTH.unpack(exactly(control, LENGTH.size) or LENGTH.pack(0))
    try:
        with contextlib.suppress(FileProblem, BrokenPipeError), held_back():  # the writer will see the problem, too
            _serve(pickle.loads(exactly(control, size) or b""), control, output)
    except PeeweeException as error:
        sys.exit(f"reading ahead: {error}")
