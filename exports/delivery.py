"""Brings one account's folder in line with its export tree: what is new appears, what was deleted stays away."""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import layout
from errors import FileRefused
from events import ExportReady
from exports import booking
from exports.booking import Known, Plan
from exports.place import Changing, Place, make_parents, remove_empty, sync_all
from exports.todo import Key, Todo
from exports.tree import digest_of, files_in, files_of_unit, is_odd, is_unit, odd_name, unit_of, version, version_at
from hooks import Hooks
from models import Export
from models.ledger import Version, mark_removed
from settings import Settings

log = logging.getLogger("ftpdock.exports")

AGAIN = 1.0
"""Seconds until something is looked at again that could not be delivered."""
_SETTLED = ("mirrored", "collected", "removed")


@dataclass(frozen=True)
class Sight:
    """What lies at a path of the export tree: a file, or the folder of an order or a customer."""

    path: str
    folder: bool
    files: dict[str, Version]
    """Path below the export root to version."""


@dataclass
class Tools:
    """What the deliveries of all accounts share."""

    settings: Settings
    hooks: Hooks
    place: Place
    todo: Todo
    then: Callable[[int], None]
    """Called with the number of each export that is ready."""


class Delivery:
    """One account. `enter` is called with folders that other programs made, `left` with what is gone."""

    def __init__(
        self, tools: Tools, name: str, number: int, enter: Callable[[str], None], left: Callable[[str], None]
    ) -> None:
        self._tools, self._name, self._number, self._enter, self._left = tools, name, number, enter, left
        self.source = layout.export_source(tools.settings, name)
        self.target = layout.export_root(tools.settings, name)
        self._resting: dict[str, tuple[dict[str, Version], float]] = {}
        """What other programs are writing: path to what it is now, and since when it has been so."""
        self._warned: set[str] = set()

    def deliver(self, paths: list[str]) -> None:
        """Look at these paths and do what is to be done. What fails is logged and tried again."""
        if not self._has_root():
            self._tools.todo.later(Key(self._name, ""), AGAIN)
            return
        units = dict.fromkeys(unit_of(path) for path in paths)
        sights = [sight for path in units if (sight := self._look(path)) is not None]
        files = [path for sight in sights for path in sight.files]
        known = booking.known(self._number, files, [sight.path for sight in sights])
        plans = [plan for sight in sights if (plan := self._plan(sight, known)) is not None]
        if plans:
            booking.announce(self._number, plans)
            self._confirm(list(self._appear(plans)))

    def _has_root(self) -> bool:
        """Make the folder for exports, but not the account's: if that is gone, so may be the disk it was on."""
        try:
            self.target.mkdir(exist_ok=True)
        except OSError as error:
            self._warn("", f"Exports of {self._name} can't be delivered: {error}")
            return False
        self._warned.discard("")
        return True

    def _look(self, path: str) -> Sight | None:
        if reason := odd_name(path):
            self._warn(path, f"exports/{self._name}/{path!r} is not mirrored: {reason}")
            return None
        try:
            found = os.lstat(self.source / path)
        except (FileNotFoundError, NotADirectoryError):
            self._take_back(path)
            return None
        except OSError as error:
            self._warn(path, f"exports/{self._name}/{path} is not mirrored: {error}")
            return None
        if is_odd(found.st_mode):
            self._warn(path, f"exports/{self._name}/{path} is not mirrored: it is neither a file nor a folder")
            return None
        if not stat.S_ISDIR(found.st_mode):
            return Sight(path, False, {path: version(found)})
        if is_unit(path):
            files = files_of_unit(self.source / path)
            return Sight(path, True, {f"{path}/{name}": each for name, each in files.items()})
        self._enter(path)
        return None

    def _plan(self, sight: Sight, known: Known) -> Plan | None:
        """What is to appear; None if all of it is there, or was deleted by the partner, or is still being written."""
        states = {path: known.state(path, each) for path, each in sight.files.items()}
        export = known.exports.get(sight.path)
        if all(state in _SETTLED for state in states.values()):
            self._check(sight, states)
            if export is None or export.state != "waiting":
                return None
        if not (self._rests(sight) if export is None else self._is_recorded(sight, export)):
            return None
        return Plan(Key(self._name, sight.path), self._number, sight.files, export, sight.folder)

    def _is_recorded(self, sight: Sight, export: Export) -> bool:
        """False: the dispatcher has put a revision into place that it has not recorded yet. It will tell."""
        names = [path.rpartition("/")[2] for path in sight.files]
        try:
            found = digest_of(self.source / sight.path, names) if sight.folder else export.digest
        except FileNotFoundError:
            return False
        return export.digest in ("", found)

    def _rests(self, sight: Sight) -> bool:
        """Whether what another program put there has rested long enough; if not, look again when it may have."""
        before, since = self._resting.get(sight.path, (None, 0.0))
        if before != sight.files:
            since = time.monotonic()
            self._resting[sight.path] = sight.files, since
        left = since + self._tools.settings.settle_seconds - time.monotonic()
        if left > 0:
            self._tools.todo.later(Key(self._name, sight.path), left)
            return False
        del self._resting[sight.path]
        return True

    def _check(self, sight: Sight, states: dict[str, str]) -> None:
        """The ledger says that all is done: note what somebody deleted, delete what a kill has left behind."""
        for path, state in states.items():
            there = version_at(self.target / path)
            if state != "removed" and there is None:
                mark_removed(self._number, path, None)
            elif state == "removed" and there == sight.files[path]:
                (self.target / path).unlink(missing_ok=True)
            if there is None or state == "removed":
                remove_empty(self.target, path)

    def _appear(self, plans: list[Plan]) -> Iterator[Plan]:
        """Put into place what was announced; those for which it worked."""
        staged = [(plan, self._stage(plan)) for plan in plans]
        sync_all(path for _, path in staged if path is not None and path.is_dir())
        to_sync: set[Path] = set()
        done = []
        for plan, path in staged:
            if path is None:
                continue
            try:
                if path != self.target / plan.key.path:
                    to_sync |= make_parents(self.target, plan.key.path)
                    self._tools.place.put(path, self.target / plan.key.path)
            except OSError as error:
                self._failed(plan, error)
                self._tools.place.drop(path)
            else:
                done.append(plan)
        sync_all(to_sync)
        yield from done

    def _stage(self, plan: Plan) -> Path | None:
        """What is to be renamed into place; the place itself, if all of it is there; None if it failed."""
        target = self.target / plan.key.path
        if all(version_at(self.target / path) == each for path, each in plan.placing.items()):
            return target
        try:
            if not plan.folder:
                return self._tools.place.stage_file(self.source / plan.key.path, link=plan.export is not None)
            return self._stage_folder(plan)
        except OSError as error:
            self._failed(plan, error)
            return None

    def _stage_folder(self, plan: Plan) -> Path:
        """The folder is opened first: all files are of one revision, even if a newer one takes its place meanwhile."""
        handle = os.open(self.source / plan.key.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if {f"{plan.key.path}/{name}": each for name, each in files_in(handle)} != plan.files:
                raise Changing(f"exports/{self._name}/{plan.key.path} was replaced just now")
            return self._tools.place.stage_folder(handle, [path.rpartition("/")[2] for path in plan.placing])
        finally:
            os.close(handle)

    def _failed(self, plan: Plan, error: OSError) -> None:
        """Try again: soon, if it is only that a newer version came meanwhile."""
        meanwhile = isinstance(error, (Changing, FileNotFoundError))
        if not meanwhile:
            self._warn(plan.key.path, f"exports/{self._name}/{plan.key.path} can't be delivered, trying on: {error}")
        self._tools.todo.later(plan.key, 0.05 if meanwhile else AGAIN)

    def _confirm(self, plans: list[Plan]) -> None:
        for plan in plans:
            self._warned.discard(plan.key.path)
            if plan.export is not None:
                self._call_hooks(plan)
        for number in booking.confirm(plans) if plans else ():
            self._tools.then(number)

    def _call_hooks(self, plan: Plan) -> None:
        """Before the ledger says ready: after a kill in between they are called again, and never not at all."""
        assert plan.export is not None
        row = plan.export
        event = ExportReady(account=self._name, kind=row.kind, entity=row.entity, system_id=row.system_id,
                            revision=row.revision, path=self.source / plan.key.path)  # fmt: skip
        try:
            self._tools.hooks.call("on_export", event=event)
        except FileRefused as error:
            log.warning("a hook refused export %s, which has no effect: %s", row.path, error)

    def _take_back(self, path: str) -> None:
        """It is gone from the export tree. What another program had put there goes from the partner's folder, too.

        Not if the whole tree of the account is missing: it may be on a disk that is not mounted.
        """
        self._resting.pop(path, None)
        if not self.source.is_dir():
            return
        self._left(path)
        gone = [file for file in booking.at(self._number, path) if version_at(self.source / file.path) is None]
        for file in gone:
            was = Version(file.size, file.mtime_ns)
            if (file.export_id is None or file.state == "removed") and version_at(self.target / file.path) == was:
                (self.target / file.path).unlink(missing_ok=True)
                remove_empty(self.target, file.path)
        booking.forget(self._number, [file.path for file in gone])

    def _warn(self, path: str, message: str) -> None:
        """Once, until it works again."""
        if path not in self._warned:
            self._warned.add(path)
            log.warning("%s", message)
