"""Reads a large file ahead of whoever writes its rows: a process of its own splits, hashes and validates them.

A thread would not do: it would take turns with the writer. The reader writes nothing, and what it finds out is but a
hint; when it dies, the writer reads on by itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import pickle
import select
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from imports.ahead_process import WITHOUT_DRIVER
from imports.columns import ColumnLoader
from imports.frames import Packed, pack_loaded, unpack
from imports.reading import Batch, FileShape, batches
from imports.row_hash import RowHasher, release
from models.base import Record, is_postgres
from schemas import Formats, TemplateSchema

log = logging.getLogger("ftpdock.import")

WORTH = 4_000_000
"""Bytes of a file for which a process pays that has to be started."""
WORTH_READY = 10_000
"""Rows for which one does that has loaded already."""
_SAMPLE = 1 << 16
"""Bytes at the beginning of a file that tell how long its rows are."""
_PIPE = 1 << 20
"""Bytes that the pipe may hold."""
HEAD = struct.Struct("<qq")
"""What stands before a frame: the renewals that the reader knew of, and the length of the frame; 0 at the end."""
LENGTH = struct.Struct("<q")
"""What stands before the task."""
RENEW = b"n"


class Read(NamedTuple):
    """Rows with their hashes and, from a process of its own, what the foresight found out about them."""

    batch: Batch
    hashes: Sequence[int]
    seen: Packed = None
    current: bool = False
    """Whether it was found out after the last renewal."""


class Foresight(Protocol):
    """Finds something out about the rows that are read, in the process that reads them. It is pickled on its way."""

    near: bool
    """Whether it should not be far ahead of whoever writes: what it has asked for last, the writer asks for again."""

    def see(self, task: Task, batch: Batch, hashes: Sequence[int], *, awaited: bool) -> Packed:
        """Nothing, if whoever writes finds it out as quickly, and waits (`awaited`)."""


class Validating:
    """Loads the plainly good rows."""

    near = False

    def __init__(self) -> None:
        self._loader: ColumnLoader | None = None

    def see(self, task: Task, batch: Batch, hashes: Sequence[int], *, awaited: bool) -> Packed:
        if self._loader is None:
            self._loader = task.loader()
        return pack_loaded(self._loader.load(batch))


@dataclass(frozen=True)
class Task:
    """What is to be read: the rows of a file from the `skip`th on, at most `size` at once."""

    path: Path
    shape: FileShape
    schema: type[TemplateSchema]
    formats: Formats
    model: type[Record]
    skip: int
    size: int
    foresight: Foresight = field(default_factory=Validating)
    release: str = field(default_factory=release)

    def batches(self) -> Iterator[Batch]:
        skip = self.skip
        for batch in batches(self.path, self.shape, block=self._block()):
            left, skip = batch[min(skip, len(batch)) :], max(skip - len(batch), 0)
            yield from left.parts(self.size) if len(left) else ()

    def _block(self) -> int:
        """Characters that hold nearly `size` rows, by the first ones: a little more would be two halves."""
        return max(1 << 16, min(int(self.size * _row_length(self.path)) * 15 // 16, 1 << 22))

    def hasher(self) -> RowHasher:
        return RowHasher(self.schema(formats=self.formats), self.shape, self.release)

    def loader(self) -> ColumnLoader:
        return ColumnLoader(self.schema(formats=self.formats), self.shape, self.model)


class Reader:
    """Reads a task in this process, and finds out no more."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __iter__(self) -> Iterator[Read]:
        hasher = self._task.hasher()
        for batch in self._task.batches():
            yield Read(batch, hasher.of(batch.texts))

    def has_more(self) -> bool:
        """Whether the next rows are there without waiting."""
        return False

    def renew(self) -> None:
        """Say that what was found out so far need not be true any more."""

    def close(self) -> None:
        """Stop, wherever it is."""


class Companion:
    """A process that waits for what it is to read."""

    def __init__(self, *modules: str) -> None:
        """`modules` are what the foresight will need."""
        path = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
        # -P: not whatever the working directory calls `imports`.
        command = [sys.executable, "-P", "-m", "imports.ahead_process", *(() if is_postgres() else (WITHOUT_DRIVER,))]
        self._process = subprocess.Popen([*command, *modules], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                         env={**os.environ, "PYTHONPATH": path})  # fmt: skip
        with contextlib.suppress(OSError):  # the system may allow less
            fcntl.fcntl(self._output, fcntl.F_SETPIPE_SZ, _PIPE)

    def begin(self, task: Task) -> None:
        self.tell(LENGTH.pack(len(packed := pickle.dumps(task))) + packed)

    def frame(self) -> tuple[int, bytearray] | tuple[()] | None:
        """The renewals before it and what comes next; nothing at the end, None if the process has ended before."""
        head = exactly(self._output, HEAD.size)
        if head is None:
            return None
        renewals, length = HEAD.unpack(head)
        data = exactly(self._output, length)
        return None if data is None else (renewals, data) if length else ()

    def has_more(self) -> bool:
        waiting = select.poll()  # select() takes no descriptor above 1023
        waiting.register(self._output, select.POLLIN)
        return bool(waiting.poll(0))

    def tell(self, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has ended, as will be seen
            send(self._input, data)

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def ended(self) -> int:
        """How it has ended; waits for this."""
        return self._process.wait()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._input.close()
        self._output.close()

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout


class Ahead(Reader):
    """Reads a task in a process of its own, which is a few chunks ahead."""

    def __init__(self, task: Task, companion: Companion | None = None) -> None:
        super().__init__(task)
        self._renewals = 0
        self._ended = False
        """Whether the process has ended before its time."""
        self.companion = companion or Companion()
        self.companion.begin(task)

    def __iter__(self) -> Iterator[Read]:
        done = 0
        while frame := self.companion.frame():
            renewals, data = frame
            read = Read(*unpack(data), current=renewals == self._renewals)
            yield read
            done += len(read.batch)
        if frame is None:
            self._ended = True
            log.warning("the process that reads %s ahead has ended (%s): going on without it", self._task.path.name,
                        self.companion.ended())  # fmt: skip
            yield from Reader(replace(self._task, skip=self._task.skip + done))

    def has_more(self) -> bool:
        return not self._ended and self.companion.has_more()

    def renew(self) -> None:
        self._renewals += 1
        self.companion.tell(RENEW)

    def close(self) -> None:
        self.companion.close()


def pays(path: Path, *, ready: bool = False) -> bool:
    """Whether a process that reads a file ahead is worth it; `ready`: one that has loaded already."""
    if len(os.sched_getaffinity(0)) < 2:
        return False
    size = path.stat().st_size
    return size >= WORTH or (ready and size > WORTH_READY * _row_length(path))


def _row_length(path: Path) -> float:
    """Bytes, by the first rows."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    return len(sample) / (sample.count(b"\n") + 1)


def reader(task: Task, companion: Companion | None = None) -> Reader:
    """Whoever reads a task best, maybe with a companion that waits for it already; to be closed."""
    if companion or pays(task.path):
        try:
            return Ahead(task, companion)
        except OSError as error:
            log.warning("nobody reads %s ahead: %s", task.path.name, error)
    return Reader(task)


def exactly(file: IO[bytes], size: int) -> bytearray | None:
    """So many bytes; None if the file ends before."""
    data = bytearray(size)
    view, done = memoryview(data), 0
    while done < size:
        count = os.readv(file.fileno(), [view[done:]])
        if not count:
            return None
        done += count
    return data


def send(file: IO[bytes], data: bytes) -> None:
    """All of it, also if a signal comes while a pipe is full."""
    left = memoryview(data)
    while left:
        left = left[os.write(file.fileno(), left) :]
