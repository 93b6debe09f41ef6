"""Tells of what other programs and the dispatcher put into the export tree. The only importer of watchdog.

One inotify instance and one thread for all accounts. Not watchdog's Observer: that has a thread for each folder that
is watched, or watches all folders below one, and each of 100,000 orders would cost the kernel a watch. Of the folders
of orders and customers, which are renamed in whole, only the newest are watched, for what is put beside our files.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

from exports.tree import below, hidden

log = logging.getLogger("ftpdock.exports")

_MASK = Mask(
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_MOVE
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_ONLYDIR
    | InotifyConstants.IN_DONT_FOLLOW
)


class Watcher:
    """Watches single folders of the export tree; paths are relative to its root. start(), then stop()."""

    def __init__(self, root: Path, tell: Callable[[str], None], lost: Callable[[], None]) -> None:
        """`tell` gets the path of what changed, `lost` is called when events were lost; both on another thread."""
        self._root, self._tell, self._lost = root, tell, lost
        self._lock = threading.Lock()
        self._paths: dict[WatchDescriptor, str] = {}
        self._watched: dict[str, tuple[WatchDescriptor, CallbackId, tuple[int, int]]] = {}
        self._ids = itertools.count(1)
        self._inotify: InotifyFD | None = None
        self.blind = False
        """Whether something could not be watched: only looking finds what happens there."""

    def start(self) -> None:
        try:
            self._inotify = InotifyFD()
        except OSError as error:
            self._cannot("", error)
        else:
            self._inotify.start()

    def stop(self) -> None:
        if self._inotify is not None:
            self._inotify.stop()
            self._inotify.join()
            self._inotify = None

    def watch(self, folder: str, *, needed: bool = True) -> None:
        """Watch a folder; again if another one lies there by now. Raises FileNotFoundError if there is none.

        One that is not `needed` goes without where the system watches no more.
        """
        found = (self._root / folder).lstat()
        identity = (found.st_dev, found.st_ino)
        known = self._watched.get(folder)
        if self._inotify is None or (known is not None and known[2] == identity):
            return
        if known is not None:
            (self.forget if needed else self.forget_one)(folder)
        number = CallbackId(next(self._ids))
        try:
            descriptor = self._inotify.add_callback(os.fsencode(self._root / folder), _MASK, self, number)
        except OSError as error:
            if needed:
                self._cannot(folder, error)
            return
        with self._lock:
            self._paths[descriptor] = folder
            self._watched[folder] = (descriptor, number, identity)

    def forget(self, folder: str) -> bool:
        """Watch a folder that is gone, and those below it, no longer. Whether there was any."""
        with self._lock:
            gone = [each for each in self._watched if each == folder or each.startswith(folder + "/")]
        return self._forget(gone)

    def forget_one(self, folder: str) -> None:
        """The same for a folder below which none is watched, without looking for those."""
        self._forget([folder])

    def _forget(self, folders: list[str]) -> bool:
        with self._lock:
            watches = [self._watched.pop(each) for each in folders if each in self._watched]
            for descriptor, _, _ in watches:
                self._paths.pop(descriptor, None)
        if self._inotify is not None:
            self._inotify.remove_callbacks([(descriptor, number) for descriptor, number, _ in watches])
        return bool(watches)

    def _cannot(self, folder: str, error: OSError) -> None:
        if not self.blind:
            log.warning(
                "%s can't be watched: %s. Exports are looked for every few seconds instead; "
                "raise fs.inotify.max_user_watches or max_user_instances",
                self._root / folder, error,
            )  # fmt: skip
        self.blind = True

    def on_event(self, event: InotifyEvent) -> None:
        folder = self._paths.get(event.wd)
        if folder is None or not event.name:
            return
        path = below(folder, os.fsdecode(event.name))
        if not hidden(path):
            self._tell(path)

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        with self._lock:
            folder = self._paths.pop(wd, None)
            if folder is not None:
                self._watched.pop(folder, None)

    def on_queue_overflow(self) -> None:
        self._lost()
