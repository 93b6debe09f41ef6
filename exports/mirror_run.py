"""One run of the mirror: delivers what it is told of, and looks for the rest, a little at a time, on one thread."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from exports.delivery import Delivery, Tools
from exports.look import Found, Looker
from exports.todo import Key
from exports.tree import below
from exports.watching import Watcher
from models import Account, Export, is_of_one_account
from models.export import is_unit
from settings import Settings

log = logging.getLogger("ftpdock.exports")

BATCH = 64
"""Exports that become ready in one transaction."""
PAUSE = 0.002
"""Seconds between two steps of a look: other threads get their turn, and what was told comes first."""
NAP = 0.25
"""Seconds after which a waiting mirror looks whether it shall stop."""
BLIND_SECONDS = 3
"""Seconds between two looks at everything where folders can't be watched."""
ACCOUNTS_SECONDS = 1.0
"""Seconds between two looks whether accounts came or went."""
OLD_SECONDS = 30.0
"""Seconds between two looks for folders that have been aside long enough."""
UNITS = 1_000
"""Folders of orders and customers that are watched, those that were written last: programs put files beside ours."""


class MirrorRun:
    """One run of the mirror, from a look at everything at its start on."""

    def __init__(self, settings: Settings, tools: Tools, watcher: Watcher, lost: threading.Event) -> None:
        self._settings, self._tools, self._watcher, self._lost = settings, tools, watcher, lost
        self._accounts: dict[str, tuple[int, Delivery, Looker]] = {}
        self._looks: dict[Key, Iterator[Found]] = {}
        """Looks at single folders, and those that are gone."""
        self._round: Iterator[Found] | None = None
        """A look at everything."""
        self._looked = False
        """Whether the look at the start, which takes all accounts, has begun."""
        self._visited: dict[str, None] = {}
        """The folders of orders and customers that are watched, the one that was written last at the end."""
        self._last = dict.fromkeys(("accounts", "round", "old"), -math.inf)
        """When each of the things that are done every so many seconds was done last."""
        watcher.watch("")

    def until(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            self._timers()
            if keys := self._tools.todo.take(BATCH):
                self._deliver(keys)
            elif self._looks or self._round is not None:
                self._step()
                self._tools.todo.wait(PAUSE)
            else:
                self._tools.todo.wait(NAP)

    def _deliver(self, keys: list[Key]) -> None:
        paths: dict[str, list[str]] = {}
        for account, path in keys:
            paths.setdefault(account, []).append(path)
        if not paths.keys() <= self._accounts.keys():
            self._refresh()
        for account, each in paths.items():
            if account in self._accounts:
                self._accounts[account][1].deliver(each)

    def _step(self) -> None:
        """One step of a look: of each that was asked for in turn, then of that at everything."""
        if self._looks:
            key, look = next(iter(self._looks.items()))
            found = next(look, None)
            if self._looks.get(key) is look:
                del self._looks[key]
                if found is not None:
                    self._looks[key] = look
        else:
            assert self._round is not None
            found = next(self._round, None)
            if found is None:
                self._round = None
        self._tools.todo.find(found or ())

    def _timers(self) -> None:
        todo = self._tools.todo
        if self._is_due("accounts", ACCOUNTS_SECONDS):
            self._refresh()
        if self._is_due("old", OLD_SECONDS):
            self._tools.place.drop_old()
        if self._lost.is_set() or todo.overflowed:
            self._lost.clear()
            todo.overflowed = False
            # One that goes on is ended first, or it never would be where events are lost all the time.
            self._last["round"] = -math.inf
        if self._round is None and self._is_due("round", self._look_every()):
            self._round = self._everything()

    def _is_due(self, what: str, seconds: float) -> bool:
        """Whether it is time again for something that is done every so many seconds."""
        moment = time.monotonic()
        if moment < self._last[what] + seconds:
            return False
        self._last[what] = moment
        return True

    def _look_every(self) -> float:
        every = self._settings.reconcile_seconds
        return min(every, BLIND_SECONDS) if self._watcher.blind else every

    def _everything(self) -> Iterator[Found]:
        begun, differing = time.monotonic(), 0
        self._watcher.watch("")
        for name in list(self._accounts):
            if name in self._accounts:
                for found in self._guarded(name, self._accounts[name][2].all()):
                    differing += len(found)
                    yield found
        seconds = time.monotonic() - begun
        accounts = "1 account" if len(self._accounts) == 1 else f"{len(self._accounts)} accounts"
        log.info("looked through the exports of %s in %.1f s; %s differed", accounts, seconds, differing)

    def _guarded(self, name: str, look: Iterator[Found]) -> Iterator[Found]:
        """A look at an account that breaks down, as when its folders can't be read, stops nobody else's."""
        try:
            yield from look
        except Exception as error:
            if not isinstance(error, OSError) and not is_of_one_account(error):
                raise
            log.warning("the exports of %s can't be looked through: %s", name, error,
                        exc_info=not isinstance(error, OSError))  # fmt: skip

    def _refresh(self) -> None:
        """Take note of accounts that came or went."""
        current = dict(Account.select(Account.name, Account.id).tuples())
        for name in [name for name, (number, _, _) in self._accounts.items() if current.get(name) != number]:
            del self._accounts[name]
            self._watcher.forget(name)
        for name, number in current.items():
            if name not in self._accounts:
                self._accounts[name] = self._open(name, number)
                if self._looked:
                    self._enter(name, "")
        if not self._looked:
            self._visit_newest()
        self._looked = True

    def _open(self, name: str, number: int) -> tuple[int, Delivery, Looker]:
        delivery = Delivery(
            self._tools, name, number,
            lambda path: self._enter(name, path), lambda path: self._visit(below(name, path)),
            lambda path: self._left(name, path),
        )  # fmt: skip
        source = Path(delivery.source)
        try:
            source.mkdir(exist_ok=True)
        except OSError as error:
            log.warning("%s can't be made: %s", source, error)
        looker = Looker(source, delivery.target, name, number, lambda path: self._watch(name, path))
        return number, delivery, looker

    def _watch(self, name: str, path: str) -> None:
        self._watcher.watch(below(name, path))

    def _enter(self, name: str, path: str) -> None:
        """Another program, or the dispatcher, made a folder: look what is in it already."""
        looker = self._accounts[name][2]
        self._looks[Key(name, path)] = self._guarded(name, looker.folder(path) if path else looker.all())

    def _visit_newest(self) -> None:
        """Watch those that were written before the start, too."""
        units = Export.select(Account.name, Export.path).join(Account).where(Export.kind.in_(("order", "customer")))
        newest = list(units.order_by(Export.number.desc()).limit(UNITS).tuples())
        for name, path in reversed(newest):
            self._visit(below(name, path))

    def _visit(self, folder: str) -> None:
        """Watch a folder of an order or customer, in place of the one that was written longest ago."""
        self._visited.pop(folder, None)
        self._visited[folder] = None
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            self._watcher.watch(folder, needed=False)
        if len(self._visited) > UNITS:
            oldest = next(iter(self._visited))
            del self._visited[oldest]
            self._watcher.forget_one(oldest)

    def _left(self, name: str, path: str) -> None:
        """If a folder is gone, the ledger knows what was in it. Of an order's it was told file by file."""
        if self._watcher.forget(below(name, path)) and not is_unit(path):
            self._looks[Key(name, path)] = self._guarded(name, self._accounts[name][2].withdrawn())
