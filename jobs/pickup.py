"""From upload to import: what waits is picked up, and what a kill left between the folders and the tables is mended."""

from __future__ import annotations

import logging
import os
import shutil
import time
from pathlib import Path

import layout
from models import Account, EntitySettings, ImportRun, Upload, now, transaction
from settings import Settings

log = logging.getLogger("ftpdock.jobs")

ABANDONED = 3_600
"""Seconds after which a spool folder that no table knows is removed: a receipt in the making is younger."""


def pick_up(settings: Settings, folders: dict[str, str]) -> list[int]:
    """Make an import of every upload that waits without a schedule; return their numbers.

    Mostly there is none: where the schedule is immediate, the receipt itself queues the import. `folders` maps entity
    to folder name. The bytes lie in the spool from their receipt on; the entity folder only shows them until now.
    """
    query = Upload.select(Upload, Account).join(Account).where(Upload.state == "waiting").order_by(Upload.id)
    waiting = [upload for upload in query
               if EntitySettings.of(upload.account_id, upload.entity).schedule == "immediate"]  # fmt: skip
    for upload in waiting:
        _pick(upload)
        _hide(settings, upload, folders.get(upload.entity, ""))
    return [upload.id for upload in waiting]


def _pick(upload: Upload) -> None:
    with transaction():
        mine = (Upload.id == upload.id) & (Upload.state == "waiting")
        if not Upload.update(state="picked").where(mine).execute():
            return
        ImportRun.begin(upload)


def _hide(settings: Settings, upload: Upload, folder: str) -> None:
    """Remove the upload from the entity folder, unless a newer file of that name stands there by now."""
    shown = layout.account_root(settings, upload.account.name) / folder / upload.name
    spooled = layout.spool_folder(settings, upload.id) / upload.name
    try:
        if shown.samefile(spooled):
            shown.unlink()
    except FileNotFoundError:
        pass


def queue_file(
    settings: Settings, account: Account, entity: str, source: Path, name: str, *, origin: str, **more: object
) -> ImportRun:
    """Make an import of a local file: it is copied into the spool, synced, and recorded. `more` are the run's."""
    with transaction():
        made = Upload.create(account=account, entity=entity, name=name, size=source.stat().st_size, state="picked",
                             origin=origin, received_at=now())  # fmt: skip
        folder = layout.spool_folder(settings, made.id)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / name)
        with (folder / name).open("rb") as handle:
            os.fsync(handle.fileno())
        return ImportRun.begin(made, **more)


def reconcile(settings: Settings) -> None:
    """Remove what a kill left in the spool and no table knows: bytes that never got their 226."""
    if not settings.spool.exists():
        return
    for folder in settings.spool.iterdir():
        if not folder.name.isdecimal() or time.time() - folder.stat().st_mtime < ABANDONED:
            continue
        if not Upload.select().where(Upload.id == int(folder.name)).exists():
            log.warning("removing %s: no upload has that number", folder)
            shutil.rmtree(folder, ignore_errors=True)
