"""Turns a whole upload into a receipt: checked, on disk, recorded. Runs in the pool (design section 6, step 2).

The order, and what a kill at each point leaves:

1. rights, hook, hash, fsync of the file     nothing but the partial, which can be continued; no 226 was sent
2. the transaction begins: older waiting     nothing: it is rolled back
   uploads of that name become "replaced", the new row is inserted
3. os.replace into the entity folder, fsync  the file lies there without a row of its own. Reconciling gives it one
   of the folder                             ("found"). If an older row of that name still says "waiting", it does not
                                             describe these bytes: size and sha256 tell, so whoever picks a file up or
                                             reconciles has to compare them before it trusts a row.
4. commit                                    whole, on disk and recorded: as after 226
5. 226                                       everything

So a row never exists without its file, and 226 never without both. Step 3 stands inside the transaction because a
pick-up that came between commit and replace would take the older bytes for the new row. Everyone who moves a waiting
file holds the same lock (`writing`).
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from errors import FileRefused
from events import UploadReceived
from ftps.identity import Identity, current
from ftps.replies import Refusal, one_line
from ftps.shared import Shared
from ftps.targets import Target
from models import Account, Upload, database, is_postgres

log = logging.getLogger("ftpdock.ftps")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A whole file that wants to get to `target`; its bytes lie at `source`, on the same file system."""

    identity: Identity
    remote_ip: str
    target: Target
    source: Path
    size: int


def receive(shared: Shared, arrival: Arrival) -> str:
    """Take an upload over and return the reply. Raises Refusal."""
    _check_rights(shared, arrival)
    if arrival.target.temporary:
        _put_aside(arrival)
        return "226 Transfer complete, rename it to be imported."
    return f"226 Transfer complete, queued as import {record(shared, arrival)}."


def rename(shared: Shared, arrival: Arrival) -> str:
    """A rename from a temporary name (in place of the end of a transfer) as a receipt. Raises Refusal."""
    _check_rights(shared, arrival)
    if arrival.target.temporary:
        _put_aside(arrival)
        return "250 Renamed; not yet to be imported."
    number = record(shared, arrival)
    # What was once begun under the final name is older than this file.
    shared.partials.discard(arrival.identity.key, arrival.target.virtual)
    return f"250 Renamed, queued as import {number}."


def record(shared: Shared, arrival: Arrival) -> int:
    """Steps 1 to 4; returns the import's number."""
    _ask_hooks(shared, arrival)
    digest = _sha256_and_sync(arrival.source)
    with writing(arrival.identity.account_id):
        number = _insert(arrival, digest)
        arrival.source.replace(arrival.target.final)
        sync_folder(arrival.target.final.parent)
    entity = arrival.target.schema.entity
    shared.overlay.add(arrival.identity.key, arrival.target.virtual, number, entity, arrival.size, digest)
    _ring(shared)
    return number


def _check_rights(shared: Shared, arrival: Arrival) -> None:
    """Rights may have changed while the file was coming in."""
    identity = current([arrival.identity.login_id], shared.schemas).get(arrival.identity.login_id)
    if identity is None or arrival.target.schema.entity not in identity.entities:
        raise Refusal("553 This login may not upload here any more.")


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


def _put_aside(arrival: Arrival) -> None:
    """Into the entity folder under a temporary name: the partner sees it, the import does not."""
    _sha256_and_sync(arrival.source, hash=False)
    arrival.source.replace(arrival.target.final)
    sync_folder(arrival.target.final.parent)


def _sha256_and_sync(path: Path, hash: bool = True) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest() if hash else ""
        os.fsync(file.fileno())
    return digest


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def writing(account_id: int) -> Iterator[None]:
    """One transaction in which nobody else adds, moves or removes waiting uploads of the account."""
    if not is_postgres():
        with database.atomic("IMMEDIATE"):
            yield
        return
    with database.atomic():
        # NO KEY: an import that inserts records with this account's key does not have to wait for us, nor we for it.
        Account.select(Account.id).where(Account.id == account_id).for_update("FOR NO KEY UPDATE").execute()
        yield


def waiting(account_id: int, entity: str, name: str) -> tuple[object, ...]:
    """The condition for the waiting uploads of one name."""
    return (
        Upload.account == account_id,
        Upload.entity == entity,
        Upload.name == name,
        Upload.state == "waiting",
    )


def _insert(arrival: Arrival, digest: str) -> int:
    identity, target = arrival.identity, arrival.target
    Upload.update(state="replaced").where(*waiting(identity.account_id, target.schema.entity, target.name)).execute()
    row = Upload.create(
        account=identity.account_id,
        entity=target.schema.entity,
        name=target.name,
        size=arrival.size,
        sha256=digest,
        login=identity.login,
        remote_ip=arrival.remote_ip,
    )
    number: int = row.id
    return number


def _ring(shared: Shared) -> None:
    """The receipt stands whether or not the bell works: a sweep finds what was not rung for."""
    try:
        shared.ring()
    except Exception:
        log.exception("ringing for an upload failed")
