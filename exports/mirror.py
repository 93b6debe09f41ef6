"""The part that mirrors the export tree into the partners' folders: told of changes, and looking for them by itself."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from exports.delivery import Delivery, Tools
from exports.look import Found, Looker
from exports.place import Place
from exports.todo import Key, Todo
from exports.tree import below, is_unit
from exports.watching import Watcher
from hooks import Hooks
from models import Account
from settings import Settings

log = logging.getLogger("ftpdock.exports")

BATCH = 64
"""Exports that become ready in one transaction."""
PAUSE = 0.002
"""Seconds between two steps of a look: other threads get their turn, and what was told comes first."""
NAP = 0.25
"""Seconds after which a waiting mirror looks whether it shall stop."""
UNTOLD = 0.2
"""Seconds until a folder of ours is looked at that only the kernel told of."""
BLIND_SECONDS = 3
"""Seconds between two looks at everything where folders can't be watched."""
ACCOUNTS_SECONDS = 1.0
"""Seconds between two looks whether accounts came or went."""
OLD_SECONDS = 30.0
"""Seconds between two looks for folders that have been aside long enough."""


class Mirror:
    """A Part. `then` is called with the number of each export that is ready, on this part's thread."""

    name = "mirror"

    def __init__(self, settings: Settings, hooks: Hooks, then: Callable[[int], None] = lambda number: None) -> None:
        self._settings = settings
        self._todo = Todo()
        self._tools = Tools(settings, hooks, Place(settings), self._todo, then)
        self._lost = threading.Event()

    def tell(self, account: str, path: str) -> None:
        """Something new lies at `path` below the account's folder in the export tree. From any thread."""
        self._todo.tell(Key(account, path))

    def run(self, stopping: threading.Event) -> None:
        self._tools.place.clear()
        self._settings.exports.mkdir(parents=True, exist_ok=True)
        watcher = Watcher(self._settings.exports, self._event, self._events_lost)
        watcher.start()
        try:
            _Run(self._settings, self._tools, watcher, self._lost).until(stopping)
        finally:
            watcher.stop()

    def _event(self, path: str) -> None:
        account, _, inner = path.partition("/")
        if is_unit(inner):
            # The dispatcher tells of it when it has recorded it.
            self._todo.later(Key(account, inner), UNTOLD)
        else:
            self.tell(account, inner)

    def _events_lost(self) -> None:
        log.warning("the system lost events of the export tree; looking through it")
        self._lost.set()
        self._todo.wake()


class _Run:
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
                for found in self._look_through(name):
                    differing += len(found)
                    yield found
        seconds = time.monotonic() - begun
        log.info("looked through the exports of %s accounts in %.1f s; %s differed", len(self._accounts), seconds,
                 differing)  # fmt: skip

    def _look_through(self, name: str) -> Iterator[Found]:
        """A look at one account. One whose folders can't be read stops nobody else's."""
        try:
            yield from self._accounts[name][2].all()
        except OSError as error:
            log.warning("the exports of %s can't be looked through: %s", name, error)

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
        self._looked = True

    def _open(self, name: str, number: int) -> tuple[int, Delivery, Looker]:
        delivery = Delivery(
            self._tools, name, number,
            lambda path: self._enter(name, path), lambda path: self._left(name, path),
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
        look = self._look_through(name) if path == "" else self._accounts[name][2].folder(path)
        self._looks[Key(name, path)] = look

    def _left(self, name: str, path: str) -> None:
        """If a folder is gone, the ledger knows what was in it."""
        if self._watcher.forget(below(name, path)):
            self._looks[Key(name, path)] = self._accounts[name][2].ledger()
