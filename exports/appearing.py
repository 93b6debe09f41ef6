"""Puts what was announced into the partner's folder: staged, synced, renamed, synced."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from exports.booking import Plan
from exports.place import Changing, Place, make_parents, sync_all
from exports.tree import below, files_in, is_ours, version_at


class Appearing:
    """One account. `failed` is called with the path of what could not be put into place."""

    def __init__(self, source: Path, target: Path, place: Place, failed: Callable[[str, OSError], None]) -> None:
        self._source, self._target, self._place, self._failed = source, target, place, failed

    def appear(self, plans: list[Plan]) -> list[Plan]:
        """Put them all into place, to last through a power cut; those for which it worked."""
        done = [plan for plan in plans if self._is_there(plan)]
        staged = [(plan, path) for plan in plans if plan not in done and (path := self._stage(plan)) is not None]
        sync_all({path for plan, path in staged if plan.folder})
        # A kill may have come between the rename and this for what is there already.
        to_sync = {(self._target / plan.path).parent for plan in done}
        for plan, path in staged:
            try:
                to_sync |= make_parents(self._target, plan.path)
                self._place.put(path, self._target / plan.path)
            except OSError as error:
                self._place.drop(path)
                self._failed(plan.path, error)
            else:
                done.append(plan)
        sync_all(to_sync)
        return done

    def _is_there(self, plan: Plan) -> bool:
        """Whether a kill came behind the rename, or the partner has deleted all of it."""
        return all(version_at(self._target / path) == each for path, each in plan.placing.items())

    def _stage(self, plan: Plan) -> Path | None:
        try:
            if plan.folder:
                return self._stage_folder(plan)
            return self._place.stage_file(self._source / plan.path, plan.files[plan.path], link=plan.export is not None)
        except OSError as error:
            self._failed(plan.path, error)
            return None

    def _stage_folder(self, plan: Plan) -> Path:
        """The folder is opened first: all files are of one revision, even if a newer one takes its place meanwhile."""
        handle = os.open(self._source / plan.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if {below(plan.path, name): each for name, each in files_in(handle) if is_ours(name)} != plan.files:
                raise Changing(f"{plan.path} was replaced just now")
            names = [path.rpartition("/")[2] for path in plan.placing]
            return self._place.stage_folder(handle, names, self._target / plan.path)
        finally:
            os.close(handle)
