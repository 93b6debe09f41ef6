"""The SHA-256 of an upload, taken while it arrives: when the last byte is there, little is left to do before 226."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from ftps.pool import Pool

PIECE = 1024 * 1024
"""Bytes that must have come before they are worth a job in the pool."""
HELD = 16 * 1024 * 1024
"""Bytes that are held in memory until they are hashed; what comes faster than that is read from the file again."""
_BLOCK = 256 * 1024


class Digest:
    """Follows the writer of a file. grown() on the loop, finish() in the pool once nothing is written any more."""

    def __init__(self, path: Path, pool: Pool | None = None) -> None:
        self._path = path
        self._pool = pool
        self._sha256 = hashlib.sha256()
        self._done = 0
        self._busy = False
        self._hashing = threading.Lock()
        self._guard = threading.Lock()
        """Of the pieces that are held."""
        self._pieces: list[bytes] = []
        self._held = 0
        self._end = 0
        """Where the last of them ends in the file."""

    def grown(self, pieces: Sequence[bytes], size: int) -> None:
        """`pieces` were written at the end of the file, which has `size` bytes now; they will not change."""
        if self._pool is None:
            return
        with self._guard:
            if self._held > HELD:
                self._pieces, self._held = [], 0
            self._pieces += pieces
            self._held += sum(map(len, pieces))
            self._end = size
        if not self._busy and size - self._done >= PIECE:
            self._busy = self._pool.submit(self._catch_up)

    def finish(self, file: int) -> str:
        """Hash what is left of the open file; all of it, in hexadecimal."""
        with self._hashing:
            self._take(file)
            self._read(file, os.fstat(file).st_size)
            return self._sha256.hexdigest()

    def _catch_up(self) -> None:
        # The file may be gone by now, when the upload was given up.
        with contextlib.suppress(OSError), self._hashing, self._path.open("rb", buffering=0) as file:
            while self._take(file.fileno()):
                pass
        self._busy = False

    def _take(self, file: int) -> bool:
        """Hash what is held, and before that what lies before it in the file; False when nothing is held."""
        with self._guard:
            pieces, self._pieces = self._pieces, []
            start, self._held = self._end - self._held, 0
        if pieces:
            self._read(file, start)
        for piece in pieces:
            self._sha256.update(piece)
            self._done += len(piece)
        return bool(pieces)

    def _read(self, file: int, until: int) -> None:
        while self._done < until:
            block = os.pread(file, min(_BLOCK, until - self._done), self._done)
            if not block:
                return
            self._sha256.update(block)
            self._done += len(block)
