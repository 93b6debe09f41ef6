"""What a partner does with exports: fetch, delete, ask for a full one. All of it runs in the pool."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ftps.identity import Identity, Rights
from ftps.outgoing import Exported
from ftps.pins import FOLDER, Key, Pins, version
from ftps.places import Place
from ftps.replies import NO_SUCH_FILE, Refusal
from ftps.shared import Shared
from models import Account, Export, ExportFile, Outbox, now, transaction, writing
from models.ledger import By, Version, mark_collected, mark_removed
from schedules import date_in
from schemas import TemplateSchema
from schemas.filenames import example

EXPORTED_ANEW = "450 It was exported anew since this login last looked; list the folder again."


def collect(rights: Rights, identity: Identity, export: Exported, address: str) -> bool:
    """Note that a file was fetched whole; False when it was exported anew meanwhile. Raises Refusal."""
    # In no transaction: of another account the ledger would have to know the same file, of just this moment.
    rights.confirm(identity)
    return mark_collected(identity.account_id, export.path, export.version, By(identity.login, address))


def delete(shared: Shared, identity: Identity, place: Place, path: Path, pinned: Key | None, address: str) -> str:
    """Remove a file from the partner's folder, of the version that this login has seen. Raises Refusal."""
    pins = shared.pins
    with _parent(path) as folder:
        try:
            found = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            raise Refusal(NO_SUCH_FILE) from None
        if not stat.S_ISREG(found.st_mode):
            raise Refusal("550 Not a file.")
        if not _is_known(identity, place, version(found), pins, pinned):
            if pinned is not None:
                pins.drop(pinned)
            raise Refusal(EXPORTED_ANEW)
        with transaction():
            shared.rights.confirm(identity)
            mark_removed(identity.account_id, place.below_export, By(identity.login, address), version(found))
        if _is_replaced(path.name, folder, version(found)):
            return "250 File removed."  # The one that was looked at is gone; the newer one stays.
        # In the folder that was looked at, though it may have been exchanged for a newer one meanwhile.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path.name, dir_fd=folder)
    if pinned is not None and _is_in_export(identity, place):
        _drop_empty(path.parent, pins, pinned)
    return "250 File removed."


def _is_in_export(identity: Identity, place: Place) -> bool:
    """Whether a file lies in the folder of an order or customer of ours, not of another program."""
    folder = place.below_export.rpartition("/")[0]
    return bool(Export.select().where(Export.account == identity.account_id, Export.path == folder).exists())


def _drop_empty(folder: Path, pins: Pins, pinned: Key) -> None:
    """Many clients delete files only: the last one takes the folder of the order or customer with it."""
    # If there is more in it, or a newer one was exchanged for it, it stays.
    with contextlib.suppress(OSError):
        folder.rmdir()
        pins.drop(pinned)


@contextlib.contextmanager
def _parent(path: Path) -> Iterator[int]:
    """A descriptor of the folder that a file is in. Raises Refusal."""
    try:
        handle = os.open(path.parent, FOLDER)
    except OSError:
        raise Refusal(NO_SUCH_FILE) from None
    try:
        yield handle
    finally:
        os.close(handle)


def _is_replaced(name: str, folder: int, looked_at: Version) -> bool:
    """While the ledger was written, for which others may have to be waited for, the mirror may have put a newer one."""
    try:
        return version(os.stat(name, dir_fd=folder, follow_symlinks=False)) != looked_at
    except FileNotFoundError:
        return False


def _is_known(identity: Identity, place: Place, current: Version, pins: Pins, pinned: Key | None) -> bool:
    """Whether this login may delete what lies there now: it saw it, or there was nothing else to see.

    What it saw is forgotten when the server stops. Then a later revision may only be deleted once it was fetched. Of
    files outside the folders of orders and customers only those are known that were sent to this login.
    """
    seen = pins.seen(pinned or (identity.key, identity.login_id, place.folder), place.name)
    if seen is not None or pinned is None:
        return seen in (None, current)
    mine = (ExportFile.account == identity.account_id) & (ExportFile.path == place.below_export)
    later = (Export.revision > 1) & ExportFile.collected_at.is_null()
    return not ExportFile.select().join(Export).where(mine, later).exists()


def remove_folder(identity: Identity, place: Place, path: Path) -> str:
    """Remove an empty folder. Raises Refusal."""
    try:
        path.rmdir()
    except FileNotFoundError:
        # Deleted files may have taken their folder with them; clients remove it after its files.
        gone = (Export.account == identity.account_id) & (Export.path == place.below_export)
        if not Export.select().where(gone, Export.state == "removed").exists():
            raise Refusal(NO_SUCH_FILE) from None
    except NotADirectoryError:
        raise Refusal("550 Not a folder.") from None
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        raise Refusal("550 The folder is not empty; delete its files first.") from None
    return "250 Folder removed."


def ask_for(rights: Rights, identity: Identity, schema: type[TemplateSchema], export_folder: str) -> str:
    """Ask for a file with all records of an entity. Raises Refusal when one is on its way already."""
    account = identity.account_id
    asked = (Outbox.account == account) & (Outbox.kind == "full") & (Outbox.entity == schema.entity)
    with writing(account):
        rights.confirm(identity, schema.entity)
        if Outbox.select().where(asked).exists():
            raise Refusal(f"550 An export of {schema.plural} was asked for already and is on its way.")
        Outbox.create(account=account, kind="full", entity=schema.entity)
    name = example(schema.entity, _today(account))
    return f"250 Export of {schema.plural} asked for; it will appear as /{export_folder}/{schema.folder}/{name}."


def _today(account: int) -> dt.date:
    """In the account's time zone, by which the file is named."""
    return date_in(now(), Account.get_by_id(account).time_zone)
