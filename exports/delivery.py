"""Brings one account's folder in line with its export tree: what is new appears, what was deleted stays away."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import layout
from events import ExportReady
from exports import booking, known
from exports.appearing import Appearing
from exports.booking import Plan
from exports.copied import copied
from exports.place import Changing, Place, remove_empty
from exports.sight import Folder, Gone, Odd, Resting, Sight, beside, look
from exports.todo import Key, Todo
from exports.tree import digest_of, digest_of_file, odd_name, unit_of, version_at
from hooks import Hooks
from models import Account, Export, is_of_one_account
from models.export import is_unit
from models.ledger import Version, mark_removed
from settings import Settings

log = logging.getLogger("ftpdock.exports")

AGAIN, SOON, UNRECORDED = 1.0, 0.05, 5.0
"""Seconds until something is looked at again that could not be delivered, was replaced just then, is not recorded."""
LONGEST = 300.0
"""Seconds to which the pause grows, twice as long each time, as long as something can't be delivered."""


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
    """One account. `enter` is called with folders that other programs made, `visit` with those of orders and customers
    before they are looked into, `left` with what is gone."""

    def __init__(
        self,
        tools: Tools,
        name: str,
        number: int,
        enter: Callable[[str], None],
        visit: Callable[[str], None],
        left: Callable[[str], None],
    ) -> None:
        self._tools, self._name, self._number = tools, name, number
        self._enter, self._visit, self._left = enter, visit, left
        self.source = layout.export_source(tools.settings, name)
        self.target = layout.export_root(tools.settings, name)
        self._resting = Resting(tools.settings.settle_seconds)
        self._appearing = Appearing(self.source, self.target, tools.place, self._failed)
        self._warned: set[str] = set()
        self._rootless = False
        """Whether the folder for exports could not be made the last time."""
        self._pauses: dict[str, float] = {}
        """The last pause of what can't be delivered, by its path."""

    def deliver(self, paths: list[str]) -> None:
        """Look at these paths and do what is to be done. What fails is logged and tried again, each by itself."""
        try:
            self._deliver(paths)
        except Exception as error:
            if not isinstance(error, OSError) and not is_of_one_account(error):
                raise
            if len(paths) == 1:
                self._failed(unit_of(paths[0]), error)
                return
            for path in paths:
                self.deliver([path])

    def _deliver(self, paths: list[str]) -> None:
        try:
            self._make_root()
        except OSError as error:
            for path in dict.fromkeys(map(unit_of, paths)):
                # One by one: of several in one statement the dispatcher may hold one and wait for another.
                if not odd_name(path):
                    booking.blame(self._number, path, str(error))
            self._again("", AGAIN)
            return
        sights = self._look_at(unit_of(path) for path in paths)
        states = known.states(self._number, [path for sight in sights for path in sight.files])
        exports = known.exports(self._number, {each for sight in sights for each in (sight.path, _folder_of(sight))})
        self._retime(sights, states, exports)
        plans = [
            Plan(sight.path, sight.files, exports.get(sight.path), sight.folder)
            for sight in sights
            if not self._is_early(sight, exports) and self._is_to_appear(sight, states, exports.get(sight.path))
        ]
        if plans:
            booking.announce(self._number, plans)
            self._confirm(self._appearing.appear(plans))

    def _retime(self, sights: list[Sight], states: known.States, exports: Mapping[str, Export]) -> None:
        """Take note, also in `states`, of files that have new times because they were copied."""
        plans = [
            Plan(sight.path, files, exports.get(sight.path))
            for sight in sights
            if (files := copied(self.source, sight, states, exports.get(sight.path)))
        ]
        if plans:
            booking.retime(self._number, plans, states)
            states |= {path: (each, states[path][1]) for plan in plans for path, each in plan.files.items()}

    def _make_root(self) -> None:
        """The folder for exports, but not the account's: if that is gone, so may be the disk it was on."""
        try:
            self.target.mkdir(exist_ok=True)
        except OSError as error:
            # Not the first time: an account that is being removed is without its folder before it is gone itself.
            if self._rootless and Account.select().where(Account.id == self._number).exists():
                self._warn("", f"Exports of {self._name} can't be delivered: {error}")
            self._rootless = True
            raise
        self._rootless = False
        self._warned.discard("")

    def _look_at(self, paths: Iterable[str]) -> list[Sight]:
        """What lies there; what other programs have put beside an order's or customer's files is seen by itself."""
        sights: dict[str, Sight | None] = {}
        for path in dict.fromkeys(paths):
            if is_unit(path):
                self._visit(path)
                sights |= {each: self._look(each) for each in beside(self.source, path)}
            sights[path] = self._look(path)
        return [sight for sight in sights.values() if sight is not None]

    def _look(self, path: str) -> Sight | None:
        found = look(self.source, path)
        if isinstance(found, Sight):
            return found
        if isinstance(found, Odd):
            self._warn(path, f"exports/{self._name}/{path!r} is not mirrored: {found.reason}")
        elif isinstance(found, Folder):
            self._enter(path)
        elif isinstance(found, Gone):
            self._take_back(path)
        return None

    def _is_early(self, sight: Sight, exports: Mapping[str, Export]) -> bool:
        """Whether it lies beside an order's or customer's files, and these are to appear first, with the folder."""
        export = exports.get(_folder_of(sight))
        early = export is not None and export.state == "waiting"
        if early:
            self._again(sight.path, self._pauses.get(_folder_of(sight), AGAIN))
        return early

    def _is_to_appear(self, sight: Sight, states: known.States, export: Export | None) -> bool:
        """False: all of it is there, or was deleted by the partner, or it is still being written."""
        found = {path: known.state(states, path, each) for path, each in sight.files.items()}
        settled = all(state in known.SETTLED for state in found.values())
        if settled:
            self._check(sight, found, ours=export is not None)
            if export is None or export.state != "waiting":
                self._pauses.pop(sight.path, None)
                self._warned.discard(sight.path)
                return False
        if export is not None:
            if not self._is_recorded(sight, export) or (settled and self._is_former(sight, export)):
                self._again(sight.path, UNRECORDED)
                return False
            return True
        left = self._resting.left(sight)
        if left > 0:
            self._again(sight.path, left)
        return left <= 0

    def _is_recorded(self, sight: Sight, export: Export) -> bool:
        """False: the dispatcher has put a revision into place that it has not recorded yet. It will tell."""
        if not sight.folder or not export.digest:
            return True
        names = [path.rpartition("/")[2] for path in sight.files]
        try:
            return digest_of(self.source / sight.path, names) == export.digest
        except FileNotFoundError:
            return False

    def _is_former(self, sight: Sight, export: Export) -> bool:
        """Whether a full export's file, which the ledger knows, is that of the revision before: its writer has recorded
        the new one and is about to put it there. Files that are new are not hashed for that."""
        if sight.folder or export.kind != "full":
            return False
        try:
            return digest_of_file(self.source / sight.path) != export.digest
        except FileNotFoundError:
            return True

    def _check(self, sight: Sight, states: dict[str, str], *, ours: bool) -> None:
        """The ledger says that all is done: note what somebody deleted, delete what a kill has left behind.

        What has another time was copied, or was left while its source was copied: what is fetched of it would not
        count. It is put there again.
        """
        for path, state in states.items():
            there = version_at(self.target / path)
            is_known = there is not None and there.is_copy_of(sight.files[path])
            if there is None and state != "removed":
                mark_removed(self._number, path, None)
            elif is_known and state == "removed":
                (self.target / path).unlink(missing_ok=True)
            elif not is_known and state != "removed":
                place, version = self._tools.place, sight.files[path]
                place.put_file(self.source / path, self.target / path, version, there, link=ours)
            if there is None or state == "removed":
                remove_empty(self.target, path)

    def _confirm(self, plans: list[Plan]) -> None:
        for plan in plans:
            self._warned.discard(plan.path)
            if self._pauses.pop(plan.path, None) and plan.folder:
                # What lies beside it has waited for it as long.
                self._again(plan.path, SOON)
            if plan.export is not None:
                self._call_hooks(plan.path, plan.export)
        for number in booking.confirm(self._number, plans) if plans else ():
            self._tools.then(number)

    def _call_hooks(self, path: str, row: Export) -> None:
        """Before the ledger says ready: after a kill in between they are called again, and never not at all."""
        event = ExportReady(account=self._name, kind=row.kind, entity=row.entity, system_id=row.system_id,
                            revision=row.revision, path=self.source / path)  # fmt: skip
        self._tools.hooks.call("on_export", event=event)

    def _take_back(self, path: str) -> None:
        """It is gone from the export tree. What another program had put there goes from the partner's folder, too.

        Not if the whole tree of the account is missing: it may be on a disk that is not mounted.
        """
        self._resting.forget(path)
        self._pauses.pop(path, None)
        if not self.source.is_dir():
            return
        self._left(path)
        gone = [file for file in known.at(self._number, path) if version_at(self.source / file.path) is None]
        for file in gone:
            was = Version(file.size, file.mtime_ns)
            there = version_at(self.target / file.path)
            is_known = there is not None and there.is_copy_of(was)
            if is_known and (file.export_id is None or file.state == "removed"):
                (self.target / file.path).unlink(missing_ok=True)
                remove_empty(self.target, file.path)
        booking.forget(self._number, [file.path for file in gone if file.state != "removed"])

    def _failed(self, path: str, error: Exception) -> None:
        """Try again: soon, if it is only that a newer version came meanwhile; after a longer pause each time."""
        first = SOON if isinstance(error, (Changing, FileNotFoundError)) else AGAIN
        pause = min(2 * self._pauses.get(path, first / 2), LONGEST)
        self._pauses[path] = pause
        if pause >= AGAIN:
            booking.blame(self._number, path, str(error))
            self._warn(path, f"exports/{self._name}/{path} can't be delivered, trying on: {error}",
                       trace=not isinstance(error, OSError))  # fmt: skip
        self._again(path, pause)

    def _again(self, path: str, seconds: float) -> None:
        self._tools.todo.later(Key(self._name, path), seconds)

    def _warn(self, path: str, message: str, *, trace: bool = False) -> None:
        """Once, until it works again."""
        if path not in self._warned:
            self._warned.add(path)
            log.warning("%s", message, exc_info=trace)


def _folder_of(sight: Sight) -> str:
    return sight.path.rpartition("/")[0]
