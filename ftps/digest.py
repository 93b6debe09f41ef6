"""The SHA-256 of an upload, taken while it arrives: when the last byte is there, little is left to do before 226."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import threading
from pathlib import Path

from ftps.pool import Pool

PIECE = 8 * 1024 * 1024
"""Bytes that must have come before they are worth a job in the pool."""
_BLOCK = 256 * 1024


class Digest:
    """Follows the writer of a file. grown() on the loop, finish() in the pool once nothing is written any more."""

    def __init__(self, path: Path, pool: Pool | None = None) -> None:
        self._path = path
        self._pool = pool
        self._sha256 = hashlib.sha256()
        self._done = 0
        self._busy = False
        self._lock = threading.Lock()

    def grown(self, size: int) -> None:
        """The file has `size` bytes now, which will not change. One piece is hashed at a time."""
        if self._pool is not None and not self._busy and size - self._done >= PIECE:
            self._busy = self._pool.submit(functools.partial(self._catch_up, size))

    def finish(self, file: int) -> str:
        """Hash what is left of the open file; all of it, in hexadecimal."""
        with self._lock:
            self._read(file, os.fstat(file).st_size)
            return self._sha256.hexdigest()

    def _catch_up(self, size: int) -> None:
        # It may be gone by now, when the upload was given up.
        with contextlib.suppress(OSError), self._lock, self._path.open("rb", buffering=0) as file:
            self._read(file.fileno(), size)
        self._busy = False

    def _read(self, file: int, until: int) -> None:
        while self._done < until:
            block = os.pread(file, min(_BLOCK, until - self._done), self._done)
            if not block:
                return
            self._sha256.update(block)
            self._done += len(block)
