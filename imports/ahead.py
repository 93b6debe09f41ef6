"""Reads a large file ahead of whoever writes its rows: a process of its own splits, hashes and validates them.

A thread would not do: it would take turns with the writer. The reader has no part in what becomes of the rows; when it
dies, the writer reads on by itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, NamedTuple

from errors import FileProblem
from imports.columns import ColumnLoader, Loaded
from imports.frames import pack, unpack
from imports.quiet import held_back
from imports.reading import Batch, FileShape, batches
from imports.row_hash import RowHasher
from models.base import Record
from schemas import Formats, TemplateSchema

log = logging.getLogger("ftpdock.import")

WORTH = 4_000_000
"""Bytes of a file for which a process pays."""
TYPICAL_ROW = 256
"""Characters; by it, what is read at once holds about a chunk."""
_PIPE = 1 << 20
"""Bytes that may wait for the writer: about a chunk."""
_LENGTH = struct.Struct("<q")
_VALIDATE, _PLAIN = b"v", b"p"


class Read(NamedTuple):
    """Rows with their hashes and, if the reader has validated them, the parameters of the plainly good ones."""

    batch: Batch
    hashes: Sequence[int]
    loaded: Loaded | None


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

    def batches(self) -> Iterator[Batch]:
        skip = self.skip
        for batch in batches(self.path, self.shape, block=max(1 << 16, min(self.size * TYPICAL_ROW, 1 << 22))):
            left, skip = batch[min(skip, len(batch)) :], max(skip - len(batch), 0)
            yield from left.parts(self.size) if len(left) else ()

    def hasher(self) -> RowHasher:
        return RowHasher(self.schema(formats=self.formats), self.shape)

    def loader(self) -> ColumnLoader:
        return ColumnLoader(self.schema(formats=self.formats), self.shape, self.model)


class Reader:
    """Reads a task in this process, without validating."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __iter__(self) -> Iterator[Read]:
        hasher = self._task.hasher()
        for batch in self._task.batches():
            yield Read(batch, hasher.of(batch.texts), None)

    def expect(self, *, unchanged: bool) -> None:
        """Say whether the rows to come will probably be found unchanged, so that validating them would be in vain."""

    def close(self) -> None:
        """Stop, wherever it is."""


class Ahead(Reader):
    """Reads a task in a process of its own, which is about a chunk ahead."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._unchanged = False
        path = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen([sys.executable, "-m", "imports.ahead_process"], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, bufsize=0, env={**os.environ, "PYTHONPATH": path}
                                         )  # fmt: skip
        with contextlib.suppress(OSError):  # the system may allow less
            fcntl.fcntl(self._output, fcntl.F_SETPIPE_SZ, _PIPE)
        self._tell(_LENGTH.pack(len(packed := pickle.dumps(task))) + packed)

    def __iter__(self) -> Iterator[Read]:
        done = 0
        while frame := self._frame():
            read = Read(*unpack(frame))
            yield read
            done += len(read.batch)
        if frame is None:
            log.warning("the process that reads %s ahead has ended (%s): going on without it", self._task.path.name,
                        self._process.wait())  # fmt: skip
            yield from Reader(replace(self._task, skip=self._task.skip + done))

    def expect(self, *, unchanged: bool) -> None:
        if unchanged != self._unchanged:
            self._unchanged = unchanged
            self._tell(_PLAIN if unchanged else _VALIDATE)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._input.close()
        self._output.close()

    def _frame(self) -> bytes | None:
        """What comes next; empty at the end, None if the process has ended before."""
        length = _exactly(self._output, _LENGTH.size)
        return None if length is None else _exactly(self._output, _LENGTH.unpack(length)[0])

    def _tell(self, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has ended, as will be seen
            self._input.write(data)

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout


def reader(task: Task) -> Reader:
    """Whoever reads a task best; to be closed."""
    alone = len(os.sched_getaffinity(0)) == 1 or task.path.stat().st_size < WORTH
    return Reader(task) if alone else Ahead(task)


def _exactly(file: IO[bytes], size: int) -> bytes | None:
    """So many bytes; None if the file ends before."""
    data = bytearray(size)
    view, done = memoryview(data), 0
    while done < size:
        count = os.readv(file.fileno(), [view[done:]])
        if not count:
            return None
        done += count
    return bytes(data)


def _serve(task: Task, control: IO[bytes], output: IO[bytes]) -> None:
    """Read the task into `output` until it is done or nobody wants it any more."""
    hasher, loader, validate = task.hasher(), task.loader(), True
    for batch in task.batches():
        while select.select([control], [], [], 0)[0]:
            said = control.read(1)
            if not said:
                return
            validate = said == _VALIDATE
        frame = pack(batch, hasher.of(batch.texts), loader.load(batch) if validate else None)
        output.write(_LENGTH.pack(len(frame)))
        output.write(frame)
    output.write(_LENGTH.pack(0))


def main() -> None:
    """The process: a task comes by the standard input, and its rows go out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with its writer
    control, output = open(0, "rb", buffering=0), open(1, "wb", buffering=0)  # noqa: SIM115 (until the end)
    (size,) = _LENGTH.unpack(_exactly(control, _LENGTH.size) or _LENGTH.pack(0))
    with contextlib.suppress(FileProblem, BrokenPipeError), held_back():  # the writer will see the problem, too
        _serve(pickle.loads(_exactly(control, size) or b""), control, output)
