"""Turns a whole upload into a receipt: checked, on disk, recorded. Runs in the pool (design section 6, step 2).

An upload's bytes belong to its number: from the receipt on they lie in the spool, as 000042/NAME, and the entity folder
only shows them (a second hard link) as long as they wait for a schedule. Without one they are picked up by the receipt
itself. So no row can ever describe another file's bytes, however
often one name is uploaded. The order, and what a kill after each step leaves:

1. rights, hook, hash, fsync of the file, and   the partial, which can be continued; no 226 was sent
   whether the client is still there
2. in a transaction: rights once more, older    the same, because the transaction is rolled back; the spool folder has
   waiting uploads of the name become           no row and is put aside (by the next upload that is given its number,
   "replaced", the new row is inserted, the     or by the sweep of the spool)
   bytes are linked into the spool, the
   folders are synced
3. commit (if it fails, the spool folder goes)  whole, on disk and recorded: it is imported, though no 226 was sent
4. shown in the entity folder                   the same; at worst the name stays visible until it is uploaded again
5. the partial is removed                       the same
6. 226                                          everything

Meanwhile another thread removes the replaced bytes, which takes 80 ms for 512 MB; a kill leaves them to the sweep.

So a row never exists without its bytes, and 226 never without both.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import logging
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from errors import FileRefused
from events import UploadIncomplete, UploadReceived
from ftps.digest import Digest
from ftps.identity import Identity, account_key
from ftps.pickups import pickup_told
from ftps.replies import Refusal, one_line
from ftps.shared import Shared
from ftps.targets import Target
from layout import lose, spool_folder, sync_folder
from models import Account, Upload, now, receipts
from schedules import IMMEDIATE, is_timed
from spooling import spooling

log = logging.getLogger("ftpdock.ftps")

LOST = "426 The control connection was lost."
NO_MORE_UPLOADS = "553 This login may not upload here any more."


def _yes() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Arrival:
    """A whole file that wants to get to `target`; its bytes lie at `source`, on the same file system."""

    identity: Identity
    remote_ip: str
    target: Target
    source: Path
    size: int
    digest: Digest | None = None
    """What was hashed while the file arrived."""
    awaited: Callable[[], bool] = _yes
    """Whether the client is still there to hear of it."""
    synced: bool = False
    """It has got a 226 under a temporary name, for which it had to be on the disk."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was recorded."""

    number: int
    """Of the upload and its import, as the partner sees it."""
    schedule: str

    @property
    def picked(self) -> bool:
        """An import of it is queued."""
        return self.schedule == IMMEDIATE


def receive(shared: Shared, arrival: Arrival) -> str:
    """Take an upload over and return the reply. Raises Refusal."""
    _check_rights(shared, arrival)
    if arrival.target.temporary:
        _put_aside(shared, arrival)
        return "226 Transfer complete, rename it to be imported."
    receipt = record(shared, arrival)
    return f"226 Transfer complete, queued as import {receipt.number}{_told(receipt)}."


def rename(shared: Shared, arrival: Arrival) -> str:
    """A rename from a temporary name (in place of the end of a transfer) as a receipt. Raises Refusal."""
    _check_rights(shared, arrival)
    if arrival.target.temporary:
        _put_aside(shared, arrival)
        return "250 Renamed; not yet to be imported."
    receipt = record(shared, arrival)
    with behind_record(receipt.number), contextlib.suppress(Refusal):
        # What was once begun under the final name is older than this file; what another server receives now is not.
        shared.partials.discard(arrival.identity.key, arrival.target.virtual)
    return f"250 Renamed, queued as import {receipt.number}{_told(receipt)}."


def _told(receipt: Receipt) -> str:
    """When it is picked up, if there is a time to tell."""
    return told(receipt.number) if is_timed(receipt.schedule) else ""


def told(number: int) -> str:
    """When an upload that is recorded is picked up, if that can be told."""
    with behind_record(number):
        return pickup_told(number)
    return ""


@contextlib.contextmanager
def behind_record(number: int) -> Iterator[None]:
    """The file is whole, on disk and recorded: what follows is no reason to say anything else."""
    try:
        yield
    except Exception:
        log.exception("import %s is recorded, but what comes behind it failed", number)


def record(shared: Shared, arrival: Arrival) -> Receipt:
    """Steps 1 to 5."""
    before = _version(arrival.source)
    _ask_hooks(shared, arrival)
    # Hooks are to read only; one that wrote all the same must not lead to a wrong hash.
    followed = arrival.digest if _version_behind_hooks(shared, arrival) == before else None
    digest = _sha256_and_sync(arrival, followed or Digest(arrival.source))
    _check_awaited(shared, arrival)
    target, account = arrival.target, arrival.identity.account_id
    with spooling(shared.settings, account, arrival.source.stat) as numbers:
        # Once more: a hook may take its time.
        _check_rights(shared, arrival)
        older = receipts.replace_waiting(account, target.schema.entity, target.name)
        receipt = _insert(arrival, digest)
        numbers.append(receipt.number)
        spooled = _spool(shared, receipt.number, arrival.source, target.name)
    with behind_record(receipt.number):
        _tidy(shared, arrival, receipt, spooled, older, digest, before[2] / 1e9)
    if receipt.picked:
        # What waits is for the worker's own looks at the clock.
        _ring(shared)
    return receipt


def _version_behind_hooks(shared: Shared, arrival: Arrival) -> tuple[int, int, int]:
    """They may take their time, in which the file may go with its account. Raises Refusal and OSError."""
    try:
        return _version(arrival.source)
    except FileNotFoundError:
        _check_rights(shared, arrival)
        raise


def _tidy(
    shared: Shared, arrival: Arrival, receipt: Receipt, spooled: Path, older: list[int], digest: str, mtime: float
) -> None:
    """Steps 4 and 5."""
    target = arrival.target
    shared.overlay.add(arrival.identity.key, target.virtual, receipt.number, target.schema.entity, arrival.size,
                       digest, mtime)  # fmt: skip
    if not receipt.picked:
        show(spooled, target.final, receipt.number)
    else:
        # What is shown there was replaced just now, or picked up by somebody who was killed before he hid it.
        target.final.unlink(missing_ok=True)
    arrival.source.unlink(missing_ok=True)
    if older:
        _forget_aside(shared, older)


def _spool(shared: Shared, number: int, source: Path, name: str) -> Path:
    """Link the bytes into the spool. What lies there already is of a receipt that was never committed, or that the
    database has lost."""
    folder = spool_folder(shared.settings, number)
    try:
        folder.mkdir()
    except FileExistsError:
        lose(shared.settings, folder)
        folder.mkdir()
    (folder / name).hardlink_to(source)
    sync_folder(folder)
    sync_folder(folder.parent)
    return folder / name


def show(spooled: Path, final: Path, number: int) -> None:
    """Show a waiting upload in its entity folder, in one step in place of an older one.

    A pick-up hides what it took. When it took this one before it was shown, it is for us to hide it.
    """
    aside = final.with_name(f".{number}.{secrets.token_hex(4)}")
    with contextlib.suppress(FileNotFoundError):
        aside.hardlink_to(spooled)
        aside.replace(final)
        if not receipts.is_waiting(number):
            hide(final, spooled)


def hide(final: Path, spooled: Path) -> None:
    """Remove `final` unless a newer file stands there."""
    with contextlib.suppress(FileNotFoundError):
        if final.samefile(spooled):
            final.unlink()


def forget_spooled(shared: Shared, numbers: list[int]) -> None:
    """Remove the bytes of uploads that will not be imported."""
    for number in numbers:
        _remove(spool_folder(shared.settings, number))


def _remove(folder: Path) -> None:
    """rmtree looks at a tree of any depth several times, which takes five times as long as to remove one file."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            path.unlink()
        return folder.rmdir()
    return shutil.rmtree(folder, ignore_errors=True)


def _forget_aside(shared: Shared, numbers: list[int]) -> None:
    """In another thread: to give the pages of a large file back takes longer than all the rest of a receipt."""
    work = functools.partial(forget_spooled, shared, numbers)
    if not shared.pool.submit(work):
        work()


def remember_recent(shared: Shared) -> None:
    """Show again what was received a moment before the server started: its clients are still about to look."""
    folders = {schema.entity: schema.folder for schema in shared.schemas}
    since = now() - dt.timedelta(seconds=shared.settings.visible_seconds)
    query = Upload.select(Upload, Account).join(Account).where(Upload.received_at > since, Upload.origin == "ftp")
    for upload in query.where(Upload.state == "picked").order_by(Upload.id):
        if folder := folders.get(upload.entity):
            age = (now() - upload.received_at).total_seconds()
            shared.overlay.add(account_key(upload.account), f"/{folder}/{upload.name}", upload.id, upload.entity,
                               upload.size, upload.sha256, upload.received_at.timestamp(), age)  # fmt: skip


def sweep(shared: Shared) -> None:
    """Remove the bytes of uploads that were replaced or deleted just before a kill."""
    spool = shared.settings.spool
    numbers = [int(folder.name) for folder in spool.iterdir() if folder.name.isdecimal()]
    for start in range(0, len(numbers), 500):
        void = Upload.id.in_(numbers[start : start + 500]) & Upload.state.in_(("replaced", "deleted"))
        forget_spooled(shared, [row.id for row in Upload.select(Upload.id).where(void)])


def _check_rights(shared: Shared, arrival: Arrival) -> None:
    """Rights may have changed while the file was coming in."""
    shared.rights.confirm(arrival.identity, arrival.target.schema.entity, NO_MORE_UPLOADS)


def _ask_hooks(shared: Shared, arrival: Arrival) -> None:
    event = UploadReceived(
        account=arrival.identity.account,
        login=arrival.identity.login,
        remote_ip=arrival.remote_ip,
        entity=arrival.target.schema.entity,
        name=arrival.target.name,
        path=arrival.source,
        size=arrival.size,
    )
    try:
        shared.hooks.call("on_file_received", event=event)
    except FileRefused as refused:
        arrival.source.unlink(missing_ok=True)
        raise Refusal(f"553 {one_line(str(refused))}") from refused


def _check_awaited(shared: Shared, arrival: Arrival) -> None:
    """A client that gives up may end its data in order, and its control connection a moment later. Raises Refusal."""
    if not arrival.awaited():
        if arrival.size == 0:
            arrival.source.unlink(missing_ok=True)
        tell_incomplete(shared, arrival.identity, arrival.remote_ip, arrival.target, arrival.size, LOST)
        raise Refusal(LOST)


def tell_incomplete(
    shared: Shared, identity: Identity, remote_ip: str, target: Target, received: int, reply: str
) -> None:
    """Call the hook for a transfer that ended with `reply`."""
    event = UploadIncomplete(identity.account, identity.login, remote_ip, target.virtual, received, reply[4:])
    shared.later("on_file_incomplete", event=event)


def _put_aside(shared: Shared, arrival: Arrival) -> None:
    """Into the entity folder under a temporary name: the partner sees it, the import does not."""
    _sync(arrival)
    _check_awaited(shared, arrival)
    # Once more: the disk may take its time, and another account may have this one's name, and so its folder, by then.
    _check_rights(shared, arrival)
    arrival.source.replace(arrival.target.final)
    sync_folder(arrival.target.final.parent)


def _version(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _sha256_and_sync(arrival: Arrival, digest: Digest) -> str:
    with arrival.source.open("rb", buffering=0) as file:
        found = digest.finish(file.fileno())
        _flush(arrival, file.fileno())
    return found


def _sync(arrival: Arrival) -> None:
    with arrival.source.open("rb", buffering=0) as file:
        _flush(arrival, file.fileno())


def _flush(arrival: Arrival, descriptor: int) -> None:
    """Linux tells once that something could not be written: for the next fsync all is well. So that nobody continues
    with bytes which never reached the disk, they go; unless they were on it before."""
    try:
        os.fsync(descriptor)
    except OSError:
        if not arrival.synced:
            with contextlib.suppress(OSError):
                arrival.source.unlink()
        raise


def waiting(account_id: int, entity: str, name: str) -> tuple[object, ...]:
    """The condition for the waiting uploads of one name."""
    return (
        Upload.account == account_id,
        Upload.entity == entity,
        Upload.name == name,
        Upload.state == "waiting",
    )


def _insert(arrival: Arrival, digest: str) -> Receipt:
    """Without a schedule it is picked up at once, so that no later file of the name can replace it."""
    identity, target = arrival.identity, arrival.target
    schedule = receipts.schedule(identity.account_id, target.schema.entity)
    number = receipts.add_upload(
        account=identity.account_id,
        entity=target.schema.entity,
        name=target.name,
        size=arrival.size,
        sha256=digest,
        login=identity.login,
        remote_ip=arrival.remote_ip,
        state="picked" if schedule == IMMEDIATE else "waiting",
    )
    return Receipt(number, schedule)


def _ring(shared: Shared) -> None:
    """The receipt stands whether or not the bell works: a sweep finds what was not rung for."""
    try:
        shared.ring()
    except Exception:
        log.exception("ringing for an upload failed")
