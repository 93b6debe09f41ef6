"""The side of imports.ahead that reads: a task comes by the standard input, and its rows go out."""

from __future__ import annotations

import contextlib
import fcntl
import pickle
import select
import signal
import sys
import termios
import threading
from queue import SimpleQueue
from typing import IO, BinaryIO, Self

from peewee import PeeweeException

from errors import FileProblem
from imports.ahead import HEAD, LENGTH, RENEW, Task, exactly
from imports.frames import pack
from imports.quiet import held_back

HELD = 16 << 20
"""Bytes that may wait for the writer: while it scans the file, a good part of it can be read."""


class _Outgoing:
    """Frames on their way to the writer, who need not wait for them while the next one is made."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._frames = SimpleQueue[tuple[bytes, bytes] | None]()
        self._changed = threading.Condition()
        self._held = 0
        self._first = True
        self.awaited = False
        """Whether the writer had taken all frames but the last when that was made."""
        self._broken = False
        self._sending = threading.Thread(target=self._send_all)

    def __enter__(self) -> Self:
        self._sending.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Wait until the writer has what is held, or is gone."""
        self._frames.put(None)
        self._sending.join()

    def put(self, renewals: int, data: bytes, *, near: bool = False) -> None:
        """Wait while more than HELD bytes are held; if `near`, until the writer has taken what the pipe does not hold.
        Raises BrokenPipeError: the writer is gone."""
        with self._changed:
            self.awaited = not (self._first or self._held or any(fcntl.ioctl(self._output, termios.FIONREAD, bytes(4))))
            self._first = False
            self._held += len(data)
            self._frames.put((HEAD.pack(renewals, len(data)), data))
            self._changed.wait_for(lambda: self._held <= (0 if near else HELD) or self._broken)
            if self._broken:
                raise BrokenPipeError

    def _send_all(self) -> None:
        while frame := self._frames.get():
            broken = not self._sent(frame)
            with self._changed:
                self._held -= len(frame[1])
                self._broken |= broken
                self._changed.notify()

    def _sent(self, frame: tuple[bytes, bytes]) -> bool:
        try:
            self._output.writelines(frame)
            self._output.flush()
        except BrokenPipeError:
            return False
        return True


def _serve(task: Task, control: IO[bytes], outgoing: _Outgoing) -> None:
    """Read the task until it is done or nobody wants it any more."""
    hasher, renewals = task.hasher(), 0
    for batch in task.batches():
        while select.select([control], [], [], 0)[0]:
            if control.read(1) != RENEW:
                return
            renewals += 1
        hashes = hasher.of(batch.texts)
        seen = task.foresight.see(task, batch, hashes, awaited=outgoing.awaited)
        outgoing.put(renewals, pack(batch, hashes, seen), near=task.foresight.near)
    outgoing.put(0, b"")


def main() -> None:
    """The process: a task comes by the standard input, and its rows go out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with its writer
    control, output = open(0, "rb", buffering=0), open(1, "wb", buffering=0)  # noqa: SIM115 (until the end)
    length = exactly(control, LENGTH.size)
    packed = length and exactly(control, *LENGTH.unpack(length))
    if not packed:
        return  # nothing is to be read any more
    try:
        with contextlib.suppress(FileProblem, BrokenPipeError), held_back():  # the writer will see the problem, too
            task: Task = pickle.loads(packed)
            with _Outgoing(output) as outgoing:
                _serve(task, control, outgoing)
    except PeeweeException as error:
        sys.exit(f"reading ahead: {error}")
