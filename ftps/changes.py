"""DELE, RNFR and RNTO: what a partner may change of what lies in an entity folder. The work runs in the pool."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from peewee import JOIN

from ftps.claims import Claim
from ftps.core import Core
from ftps.exports import delete, remove_folder
from ftps.identity import Identity
from ftps.partials import hold, there
from ftps.places import Place
from ftps.receipt import NO_MORE_UPLOADS, Arrival, behind_record, forget_spooled, hide, rename, show, told, waiting
from ftps.replies import BUSY_FILE, NO_SUCH_FILE, Refusal
from ftps.shared import Shared
from ftps.status import no_dry_run
from ftps.targets import Target, target
from layout import spool_folder, sync_folder
from models import ImportRun, Upload, receipts, writing


@dataclass(frozen=True, slots=True)
class Here:
    """A file of an entity folder, as a pool thread needs to know it."""

    identity: Identity
    virtual: str
    entity: str
    path: Path


class Changes(Core):
    """Commands that remove and rename."""

    def ftp_DELE(self, path: str) -> None:
        try:
            place = self.fs.place(path)
            if place.kind == "export":
                return self._delete_export(place)
            work = functools.partial(delete_upload, self.shared, self._here(path))
            return self._holding([path], work)
        except FileNotFoundError:
            return self.respond(NO_SUCH_FILE)

    def _delete_export(self, place: Place) -> None:
        """Raises FileNotFoundError."""
        assert self.identity is not None
        held = self.fs.pinned(place)
        path = self.fs.disk(place.virtual)
        pinned = held[0] if held else None
        self.answer(functools.partial(delete, self.shared, self.identity, place, path, pinned, self.remote_ip))

    def ftp_RMD(self, path: str) -> None:
        """Of an empty folder below /Export; others are fixed."""
        assert self.identity is not None
        place = self.fs.map.place(path)
        if place is None or place.kind != "export":
            return self.respond("550 Folders are fixed here; they can't be removed.")
        try:
            disk, held = self.fs.disk(path), self.fs.pinned(place)
        except FileNotFoundError:
            return self.respond(NO_SUCH_FILE)
        if held is not None:
            self.shared.pins.drop(held[0])
        return self.answer(functools.partial(remove_folder, self.identity, place, disk))

    def ftp_MKD(self, path: str) -> None:
        self.respond("550 Folders are fixed here; they can't be made.")

    def ftp_RNFR(self, path: str) -> None:
        self._rnfr = None
        try:
            if self.fs.place(path).kind != "inbox":
                return self.respond("550 Only files of an entity folder can be renamed.")
            if self.fs.disk(path).is_file():
                self._rnfr = path
                return self.respond("350 Ready for destination name.")
        except FileNotFoundError:
            return self.respond(NO_SUCH_FILE)
        if recent := self.shared.overlay.get(self.fs.key, path):
            return self.respond(f"550 It was already picked up as import {recent.number}.")
        return self.respond(self.shared.unfinished(self.fs.key, path) or NO_SUCH_FILE)

    def ftp_RNTO(self, path: str) -> None:
        source, self._rnfr = self._rnfr, None
        if not source:
            return self.respond("503 Bad sequence of commands: use RNFR first.")
        try:
            goal = target(path, self.fs.map, self.fs.home, self.shared.schemas)
            here = self._here(source)
            temporary = self.fs.map.is_temporary(here.path.name)
            _check_rename(here, temporary, goal)
        except FileNotFoundError:
            return self.respond(NO_SUCH_FILE)
        except Refusal as refusal:
            return self.respond(refusal.reply)
        move = move_temporary if temporary else rename_waiting
        return self._holding([source, path], functools.partial(move, self.shared, here, goal, self.remote_ip))

    def _here(self, path: str) -> Here:
        """Raises FileNotFoundError."""
        place = self.fs.place(path)
        assert self.identity is not None
        assert place.schema is not None
        return Here(self.identity, path, place.schema.entity, self.fs.disk(path))

    def _holding(self, paths: list[str], work: Callable[[], str]) -> None:
        """Run `work` while nobody can upload under `paths`."""
        assert self.identity is not None
        claims = [self.shared.claims.take(self.identity.key, path, self) for path in dict.fromkeys(paths)]
        release = functools.partial(self._release, claims)
        if None in claims:
            release()
            return self.respond(BUSY_FILE)
        for claim in filter(None, claims):
            claim.storing = True
            self.shared.claims.allow(*claim.key)
        return self.answer(work, always=release)

    def _release(self, claims: list[Claim | None]) -> None:
        for claim in filter(None, claims):
            self.shared.claims.release(claim)


def _check_rename(here: Here, temporary: bool, goal: Target) -> None:
    if temporary:
        return
    if goal.temporary:
        raise Refusal("553 An upload that is complete can't be taken back to a temporary name; delete it instead.")
    if goal.schema.entity != here.entity:
        raise Refusal("553 An upload that is complete can't move to another folder.")


def delete_upload(shared: Shared, here: Here) -> str:
    """Remove a temporary, waiting or interrupted upload. Raises Refusal."""
    key = here.identity.key
    with writing(here.identity.account_id):
        shared.rights.confirm(here.identity, here.entity)
        condition = waiting(here.identity.account_id, here.entity, here.path.name)
        numbers = [row.id for row in Upload.select(Upload.id).where(*condition)]
        Upload.update(state="deleted").where(*condition).execute()
        if not numbers:
            numbers = _unqueue(here)
    forget_spooled(shared, numbers)
    # Whoever picked it up was killed, or failed, before he hid it.
    picked = _picked_up(here) if not numbers and _has_other_names(here.path) else None
    shown = _unlink(here.path)
    if picked:
        raise Refusal(picked)
    if numbers or shown:
        shared.overlay.forget(key, here.virtual)
        # What was begun of a newer one would show up under the name, and be joined to whatever is sent next.
        with contextlib.suppress(Refusal):  # unless another server receives it
            shared.partials.discard(key, here.virtual)
        return "250 File removed."
    if recent := shared.overlay.get(key, here.virtual):
        raise Refusal(f"550 It was already picked up as import {recent.number}.")
    if shared.partials.discard(key, here.virtual):
        return "250 The interrupted upload was removed."
    raise Refusal(_picked_up(here) or NO_SUCH_FILE)


def _unqueue(here: Here) -> list[int]:
    """Take back the newest upload of the name whose import no worker has begun. Called in a transaction."""
    untouched = (ImportRun.status == "waiting") & (ImportRun.attempts == 0) & ImportRun.lease_owner.is_null()
    row = (
        Upload.select(Upload.id)
        .join(ImportRun, on=ImportRun.number == Upload.id)
        .where(*_picked(here), Upload.origin == "ftp", untouched)
        .order_by(Upload.id.desc())
        .first()
    )
    if row is None or not ImportRun.delete().where((ImportRun.number == row.id) & untouched).execute():
        return []
    Upload.update(state="deleted").where(Upload.id == row.id).execute()
    return [row.id]


def _picked(here: Here) -> tuple[object, ...]:
    """The condition for the uploads of a name that were picked up."""
    return (
        Upload.account == here.identity.account_id,
        Upload.entity == here.entity,
        Upload.name == here.path.name,
        Upload.state == "picked",
    )


def _unlink(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
        return True
    return False


def _has_other_names(path: Path) -> bool:
    """As what is shown has: its bytes lie in the spool, and later in processed/."""
    with contextlib.suppress(FileNotFoundError):
        return path.lstat().st_nlink > 1
    return False


def _picked_up(here: Here) -> str | None:
    query = Upload.select(Upload.id).join(ImportRun, JOIN.LEFT_OUTER, on=(ImportRun.number == Upload.id))
    last = query.where(*_picked(here), no_dry_run()).order_by(Upload.id.desc()).first()
    return f"550 It was already picked up as import {last.id}." if last else None


def move_temporary(shared: Shared, here: Here, goal: Target, remote_ip: str) -> str:
    """From a temporary name to a right one (a receipt) or to another temporary one. Raises Refusal."""
    try:
        lock = hold(here.path, there(here.path))
    except FileNotFoundError:
        raise Refusal(NO_SUCH_FILE) from None
    try:
        size = os.fstat(lock).st_size
        return rename(shared, Arrival(here.identity, remote_ip, goal, here.path, size, synced=True))
    except FileNotFoundError:
        raise Refusal(NO_SUCH_FILE) from None
    finally:
        os.close(lock)


def rename_waiting(shared: Shared, here: Here, goal: Target, remote_ip: str) -> str:
    """Give a waiting upload another right name of its entity; it keeps its number. Raises Refusal."""
    account, old, new = here.identity.account_id, here.path.name, goal.name
    row = Upload.select().where(*waiting(account, here.entity, old)).order_by(Upload.id.desc()).first()
    if row is None:
        raise Refusal(_picked_up(here) or NO_SUCH_FILE)
    if old == new:
        return "250 Renamed."
    spooled = spool_folder(shared.settings, row.id) / old
    with writing(account):
        shared.rights.confirm(here.identity, here.entity, NO_MORE_UPLOADS)
        older = receipts.replace_waiting(account, here.entity, new)
        renamed = Upload.update(name=new).where(*waiting(account, here.entity, old), Upload.id == row.id).execute()
        if not renamed:
            raise Refusal(f"550 It was already picked up as import {row.id}.")
        # Under both names until the commit: whichever the row has after a kill, its bytes are there.
        spooled.with_name(new).unlink(missing_ok=True)
        spooled.with_name(new).hardlink_to(spooled)
        sync_folder(spooled.parent)
        mtime = spooled.stat().st_mtime
    shared.overlay.forget(here.identity.key, here.virtual)
    shared.overlay.add(here.identity.key, goal.virtual, row.id, here.entity, row.size, row.sha256, mtime)
    with behind_record(row.id):
        show(spooled.with_name(new), goal.final, row.id)
    with behind_record(row.id):
        hide(here.path, spooled)
        spooled.unlink(missing_ok=True)
        forget_spooled(shared, older)
        with contextlib.suppress(Refusal):  # another server receives one that is newer
            shared.partials.discard(here.identity.key, goal.virtual)
    return f"250 Renamed, queued as import {row.id}{told(row.id)}."
