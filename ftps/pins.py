"""Keeps a partner on one revision of an order's or customer's folder until its files were fetched, and remembers which
versions of files it has seen.

The mirror exchanges such a folder in one step when the record was exported anew. A client that has fetched order_data
of one revision must not get order_items of the next; so the folder it has begun with is held open, and it stays
readable as long as the mirror keeps it.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ftps.memory import Memory
from models.ledger import Version

HELD = 60.0
"""Seconds for which a login stays on a revision after it looked at the folder, and again after each file it opens."""
LONGEST = 240.0
"""Seconds for which it stays there at the most; the mirror keeps a folder that was exchanged for 300."""
MOST_PINS = 256
"""Folders that are held open for one account."""
MOST_OF_ALL = 4096
"""And for all accounts, or a quarter of the file descriptors if there are fewer of them."""
_MOST_FILES = 64
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a pipe would hold up whoever opens it until somebody writes to it.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

Key = tuple[str, int, str]
"""The account's key, the login and the folder's virtual path."""


def version(found: os.stat_result) -> Version:
    return Version(found.st_size, found.st_mtime_ns)


class Pin:
    """A folder that is held open. Used on the loop and in the pool; once closed, everything in it is missing."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._handle = os.open(path, FOLDER)
        self._lock = threading.Lock()
        self._made_at = time.monotonic()
        self.touched = False
        """A file was opened in it."""
        self.until = self._made_at + HELD
        self._asked: collections.Counter[str] = collections.Counter()
        self._fetched: collections.Counter[str] = collections.Counter()
        try:
            self.files = self._versions()
        except BaseException:
            self.close()
            raise

    def _versions(self) -> dict[str, Version]:
        with os.scandir(self._handle) as entries:
            found = itertools.islice((each for each in entries if each.is_file(follow_symlinks=False)), _MOST_FILES)
            versions = {}
            for each in found:
                # Another session may delete it at this moment.
                with contextlib.suppress(FileNotFoundError):
                    versions[each.name] = version(each.stat(follow_symlinks=False))
            return versions

    @contextlib.contextmanager
    def _held(self) -> Iterator[int]:
        """Not closed meanwhile. Raises FileNotFoundError if it was closed before."""
        with self._lock:
            if self._handle < 0:
                raise FileNotFoundError
            yield self._handle

    def stat(self, name: str) -> os.stat_result:
        with self._held() as handle:
            found = os.stat(name, dir_fd=handle, follow_symlinks=False) if name else os.fstat(handle)
        if found.st_nlink == 0:
            raise FileNotFoundError  # The folder was removed.
        return found

    def open(self, name: str) -> int:
        """A descriptor of the file `name`."""
        with self._held() as handle:
            opened = os.open(name, _FILE, dir_fd=handle)
        self.touched = True
        self.until = min(time.monotonic() + HELD, self._made_at + LONGEST)
        return opened

    def asked(self, name: str, times: int = 1) -> None:
        """A client began to fetch a file; with -1 it did not get it. On the loop."""
        self._asked[name] += times

    def done(self, name: str) -> bool:
        """A client has fetched a file whole. Whether nobody lacks another one.

        Several clients may share a login: one that is ahead has both files while another has one. On the loop.
        """
        self._fetched[name] += 1
        most = max(self._asked.values(), default=0)
        return all(self._fetched[each] >= most for each in self.files)

    def folder(self) -> int:
        """A descriptor of the folder, with a place of its own in the listing."""
        with self._held() as handle:
            return os.open(".", FOLDER, dir_fd=handle)

    def close(self) -> None:
        with self._lock:
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1


class Pins:
    """The pins of one server, and which versions each login saw last. Used on the loop and in the pool."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._most = _most_of_all()
        self._count = 0
        self._pins: dict[str, collections.OrderedDict[Key, Pin]] = {}
        """By account."""
        self._seen: Memory[Key, dict[str, Version]] = Memory()
        self._sent: Memory[tuple[Key, str], Version] = Memory()
        """Of files that lie in no folder which is held."""

    def get(self, key: Key) -> Pin | None:
        """The revision that a login is on."""
        with self._lock:
            pin = self._find(key)
            if pin is None or pin.until >= time.monotonic():
                return pin
            self._pop(key)
        pin.close()
        return None

    def take(self, key: Key, path: Path) -> Pin:
        """The revision that a login is on: if it was on none, from now on what lies at `path`. Raises OSError."""
        return self.get(key) or self._make(key, path)

    def renew(self, key: Key, path: Path) -> Pin:
        """For a listing: the newest revision, unless a file of another was fetched already. Raises OSError."""
        pin = self.get(key)
        return pin if pin is not None and pin.touched else self._make(key, path)

    def opener(self, key: Key, path: Path) -> Callable[[], int]:
        """For a listing, which a pool thread makes later: opens the folder of the revision that `renew` gives."""
        pin = self.renew(key, path)

        def opened() -> int:
            try:
                return pin.folder()
            except FileNotFoundError:
                # Closed since: another session of the login has gone on to another revision.
                with contextlib.suppress(FileNotFoundError):
                    return self.take(key, path).folder()
            return os.open(path, FOLDER)

        return opened

    def _make(self, key: Key, path: Path) -> Pin:
        pin = Pin(path)
        with self._lock:
            older = [self._pop(key)]
            self._pins.setdefault(key[0], collections.OrderedDict())[key] = pin
            self._count += 1
            self._seen.put(key[0], key, dict(pin.files))
            older.append(self._surplus(key))
        for each in filter(None, older):
            each.close()
        return pin

    def _surplus(self, key: Key) -> Pin | None:
        """What has to go for the new pin of `key`: one of the same account, if that has many, before one of another."""
        held = self._pins[key[0]]
        if len(held) <= MOST_PINS:
            if self._count <= self._most:
                return None
            held = max((each for each in self._pins.values() if key not in each or len(each) > 1), key=len)
        # The one that is missed least: the oldest that no file was fetched from, else the oldest.
        others = [each for each in held if each != key]
        return self._pop(next((each for each in others if not held[each].touched), others[0]))

    def _find(self, key: Key) -> Pin | None:
        held = self._pins.get(key[0])
        return held.get(key) if held is not None else None

    def _pop(self, key: Key) -> Pin | None:
        held = self._pins.get(key[0])
        pin = held.pop(key, None) if held is not None else None
        if pin is not None:
            self._count -= 1
        if not held:
            self._pins.pop(key[0], None)
        return pin

    def seen(self, key: Key, name: str) -> Version | None:
        """The version of a file that a login saw last; None when it saw none or that is forgotten."""
        with self._lock:
            files = self._seen.get(key[0], key) or {}
            return files.get(name) or self._sent.get(key[0], (key, name))

    def sent(self, key: Key, name: str, current: Version) -> None:
        """A file was sent, whole or not, from a folder that is not held."""
        with self._lock:
            self._sent.put(key[0], (key, name), current)

    def listed(self, key: Key, name: str, found: os.stat_result) -> None:
        """A listing of such a folder showed it. Of what was never sent nothing is kept."""
        if self._sent.get(key[0], (key, name)) is not None:
            self.sent(key, name, version(found))

    def fetched(self, key: Key, pin: Pin, name: str, current: Version) -> None:
        """A file was fetched whole; after the last one the login goes on to the newest revision."""
        with self._lock:
            # Other programs' files in the folder may have been replaced since it was listed.
            if self._find(key) is pin and (files := self._seen.get(key[0], key)) is not None:
                files[name] = current
        if pin.done(name):
            self.drop(key, pin)

    def drop(self, key: Key, pin: Pin | None = None) -> None:
        """Go on to the newest revision; with `pin`, only if it is still that one."""
        with self._lock:
            if pin is not None and self._find(key) is not pin:
                return
            dropped = self._pop(key)
        if dropped is not None:
            dropped.close()

    def sweep(self) -> None:
        """Close what nobody has looked at for a while."""
        for key in self.held():
            self.get(key)

    def held(self) -> list[Key]:
        """Of the folders that are held."""
        with self._lock:
            return [key for held in self._pins.values() for key in held]

    def close(self) -> None:
        with self._lock:
            pins = [pin for held in self._pins.values() for pin in held.values()]
            self._pins.clear()
            self._count = 0
        for pin in pins:
            pin.close()


def _most_of_all() -> int:
    """Each is a file descriptor."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_OF_ALL if soft == resource.RLIM_INFINITY else min(MOST_OF_ALL, soft // 4)
