"""Uploads that are not whole yet. They lie outside the partner's view until they are."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ftps.digest import Digest
from ftps.replies import BUSY_FILE, Refusal
from ftps.targets import Target
from room import Room

_FREE_EVERY = 16 * 1024 * 1024
"""Bytes between two looks at the free space."""

MOST_COPIED = 4 * 1024 * 1024
"""Bytes of a recorded upload that one which goes on from it gets as its own: some milliseconds."""

_TRIES = 5
"""How often a file is opened that others are done with in the same moment."""

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class TooLarge(Exception):
    """The file grew beyond max_file_size."""


class DiskFull(OSError):
    """Less than min_free_bytes would be left."""


class Partials:
    """The files under spool/partial: one folder per account key, in it /Products/NAME as the partner names it."""

    def __init__(self, folder: Path, max_file_size: int, min_free_bytes: int) -> None:
        self.folder = folder
        self.max_file_size = max_file_size
        self.min_free_bytes = min_free_bytes

    def path(self, key: str, virtual: str) -> Path:
        return self.folder.joinpath(key, *virtual.strip("/").split("/"))

    def names(self, key: str, folder: str) -> list[str]:
        with contextlib.suppress(OSError):
            return [entry.name for entry in os.scandir(self.folder / key / folder.strip("/"))]
        return []

    def stat(self, key: str, virtual: str) -> os.stat_result | None:
        with contextlib.suppress(OSError):
            return self.path(key, virtual).lstat()
        return None

    def discard(self, key: str, virtual: str) -> bool:
        """Remove a partial; False when there is none. Raises Refusal while another server of this home receives it."""
        path = self.path(key, virtual)
        try:
            lock = hold(path, there(path))
        except FileNotFoundError:
            return False
        try:
            path.unlink(missing_ok=True)
        finally:
            os.close(lock)
        return True

    def free(self) -> int:
        """Bytes that may still be uploaded; none where no more files can be made."""
        room = Room.of(self.folder)
        free = room.bytes - self.min_free_bytes
        return min(free, 0) if room.files == 0 else free

    def open(self, key: str, target: Target, rest: int, append: bool) -> Incoming:
        """Open the partial of `target` at byte `rest`, or at its end to append. Raises Refusal."""
        if self.free() < 0:
            raise Refusal("452 The disk is full. Try again later.")
        path = self.path(key, target.virtual)
        descriptor = hold(path, functools.partial(_open, path))
        try:
            found = os.fstat(descriptor)
            size = found.st_size
            if rest > size:
                raise Refusal(f"554 REST {rest} is beyond the {size} bytes that arrived; continue at {size} or less.")
            start = size if append else rest
            if found.st_nlink > 1:
                _refuse_copy(start)
                descriptor = _part_from_receipt(path, descriptor, start)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, start)
            os.lseek(descriptor, start, os.SEEK_SET)
            return Incoming(self, descriptor, path, target, start)
        except BaseException:
            os.close(descriptor)
            _remove_empty(path)
            raise

    def sweep(self, keys: set[str] | None, older_than: float) -> Iterator[Path]:
        """Remove what nobody continued for `older_than` seconds, and all of accounts that are not in `keys`."""
        oldest = time.time() - older_than
        for account in self.folder.iterdir() if self.folder.is_dir() else ():
            if keys is not None and account.name not in keys:
                shutil.rmtree(account, ignore_errors=True)
                continue
            for path in account.glob("*/*"):
                if _remove_old(path, oldest):
                    yield path


def hold(path: Path, open_it: Callable[[], int]) -> int:
    """A descriptor of the file at `path`, locked: other servers of this home keep their hands off as long as one of it
    is open. Raises Refusal if one of them has it, and what `open_it` raises.

    `open_it` opens it for writing, too: over NFS a file that is open for reading alone can't be locked (EBADF).
    """
    for _ in range(_TRIES):
        descriptor = open_it()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), path.lstat()):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            break
        except FileNotFoundError:
            pass  # Its receipt was over between the two steps, as it is when another one stands there.
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise Refusal(BUSY_FILE)


def there(path: Path) -> Callable[[], int]:
    """Opens a file that is there, for `hold`."""
    return functools.partial(os.open, path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)


def _open(path: Path) -> int:
    try:
        return os.open(path, _FLAGS, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, _FLAGS, 0o600)


def _remove_old(path: Path, oldest: float) -> bool:
    """Remove it if it is older than `oldest`, and in the hands of no session, be it another server's of this home."""
    try:
        # Without a lock at first: who comes to continue it in this very moment would be told that it is busy.
        if path.lstat().st_ctime >= oldest:
            return False
        lock = hold(path, there(path))
    except (OSError, Refusal):
        return False
    try:
        # Not by its time, which clients set. It may have been continued since it was looked at.
        if os.fstat(lock).st_ctime >= oldest:
            return False
        path.unlink(missing_ok=True)
        return True
    except OSError:
        return False  # It may not be removed; the others still may.
    finally:
        os.close(lock)


def _refuse_copy(size: int) -> None:
    """The loop would stand still for as long as it takes. Raises Refusal."""
    if size > MOST_COPIED:
        raise Refusal("554 It had arrived whole when the server was stopped; send it from the beginning.")


def _part_from_receipt(path: Path, descriptor: int, start: int) -> int:
    """A kill behind a receipt's commit leaves the partial as a second name of the recorded file, whose bytes must stay.

    Closes `descriptor` and returns one of a file of its own, with the first `start` bytes.
    """
    path.unlink()
    own = os.open(path, _FLAGS | os.O_EXCL, 0o600)
    try:
        done = 0
        while done < start and (copied := os.copy_file_range(descriptor, own, start - done, done)):
            done += copied
    except BaseException:
        os.close(own)
        raise
    os.close(descriptor)
    return own


def _remove_empty(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.stat().st_size == 0:
            path.unlink()


class Incoming:
    """An upload that is arriving: what pyftpdlib's data channel takes for an open file."""

    def __init__(self, partials: Partials, descriptor: int, path: Path, target: Target, size: int) -> None:
        self._partials = partials
        self._descriptor = descriptor
        self._checked = size
        self.path = path
        self.target = target
        self.size = size
        self.name = target.virtual
        self.closed = False
        self.failed: OSError | None = None
        """What the file system said when the file was closed: over NFS it may say only then that there is no room."""
        self.lock = os.dup(descriptor)
        """Keeps the file locked until the claim on its name is released, which may be long after `close`."""
        self.moved_at = time.monotonic()
        self.digest: Digest | None = None
        """Hashes what arrives, if somebody will ask for it."""
        self.on_close: Callable[[Incoming], None] = _nothing
        """Called once when pyftpdlib or the session gives the file up without a transfer."""

    def write(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Raises TooLarge, DiskFull or another OSError; what was written before stays."""
        end = self.size + sum(map(len, pieces))
        if end > self._partials.max_file_size:
            raise TooLarge
        if end - self._checked >= _FREE_EVERY:
            self._checked = end
            if self._partials.free() < 0:
                raise DiskFull
        self.moved_at = time.monotonic()
        left: Sequence[bytes | memoryview] = pieces
        while self.size < end:
            written = os.writev(self._descriptor, left)
            self.size += written
            if self.size < end:
                left = [b"".join(left)[written:]]
        if self.digest is not None:
            self.digest.grown(self.size)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            try:
                os.close(self._descriptor)
            except OSError as error:
                self.failed = error
            self.on_close(self)

    def unlock(self) -> None:
        lock, self.lock = self.lock, -1
        if lock >= 0:
            with contextlib.suppress(OSError):  # it is closed in any case, and the transfer's end is told already
                os.close(lock)

    def drop(self) -> None:
        """Remove the bytes: they can't become a file that is taken."""
        self.path.unlink(missing_ok=True)

    def drop_if_empty(self) -> None:
        _remove_empty(self.path)


def _nothing(_: Incoming) -> None:
    pass
