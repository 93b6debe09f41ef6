"""Deletes exports that were collected or removed long ago: from the export tree and from the partner's folder."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import layout
from exports.known import Known, look_up
from exports.place import remove_empty
from exports.swap import STAGING
from exports.tree import below, files_of_unit, hidden, odd_name, version_at
from models import Account, Export, ExportFile, is_postgres, transaction
from models.export import is_unit
from models.ledger import By, Version, mark_removed
from models.target import Delivery
from settings import Settings

log = logging.getLogger("ftpdock.exports")

AT_ONCE = 200
"""Exports of which the database is asked at once."""
BY = By("retention")

Files = dict[str, Version]
"""Path below the export root to version."""


def old_exports(
    settings: Settings, account: Account, before: dt.datetime, *, dry_run: bool = False
) -> Iterator[tuple[str, int]]:
    """Delete what was done with before that moment; path below the export root, and bytes, of each."""
    units = _units(layout.export_source(settings, account.name), "")
    while batch := dict(islice(units, AT_ONCE)):
        known = look_up(account.id, [path for files in batch.values() for path in files], list(batch))
        for path, files in batch.items():
            if not files or not _is_over(path, files, known, before) or _is_pushed(known.exports.get(path)):
                continue
            if dry_run or _removed(settings, account, path, files, before):
                yield path, sum(each.size for each in files.values())


def _units(source: Path, path: str) -> Iterator[tuple[str, Files]]:
    """What lies in the export tree: folders of orders and customers with their files, and single files."""
    with looking(source / path), os.scandir(source / path) as entries:
        for entry in entries:
            name = below(path, entry.name)
            if hidden(entry.name) or odd_name(name):
                continue
            if is_unit(name):
                inside: Files = {}
                with looking(source / name):
                    inside = _inside(source / name, name)
                yield name, inside
            elif entry.is_dir(follow_symlinks=False):
                yield from _units(source, name)
            elif found := version_at(source / name):
                yield name, {name: found}


def _inside(folder: Path, path: str) -> Files:
    """What the mirror looks at of the folder of an order or customer, which lies at `folder` just now."""
    files = {below(path, name): each for name, each in files_of_unit(folder).items()}
    return {file: each for file, each in files.items() if not odd_name(file)}


@contextlib.contextmanager
def looking(folder: Path) -> Iterator[None]:
    """A folder that is gone holds nothing; one that can't be read must not keep the others from being looked at."""
    try:
        yield
    except FileNotFoundError:
        pass
    except OSError as error:
        log.warning("retention: %s can't be looked at: %s", folder, error)


def _is_over(path: str, files: Files, known: Known, before: dt.datetime) -> bool:
    """Whether these very files were collected or removed before that moment; of an export of ours, all of it."""
    if not all(known.state(file, each) in ("collected", "removed") for file, each in files.items()):
        return False
    rows: list[Export | ExportFile] = [known.files[file] for file in files]
    if path in known.exports:
        rows = [known.exports[path]]
    return all(row.state in ("collected", "removed") and _since(row) < before for row in rows)


def _since(row: Export | ExportFile) -> dt.datetime:
    """When it was collected, or else removed."""
    found: dt.datetime = row.collected_at or row.removed_at or dt.datetime.max.replace(tzinfo=dt.UTC)
    return found


def _is_pushed(export: Export | None) -> bool:
    """Whether a target still waits for it."""
    waiting = (Delivery.export == export) & (Delivery.state == "waiting")
    return export is not None and Delivery.select().where(waiting).exists()


def _removed(settings: Settings, account: Account, path: str, files: Files, before: dt.datetime) -> bool:
    """False: a newer revision came in between, or it can't be deleted, which must not keep the rest from being."""
    try:
        return _remove(settings, account, path, files, before)
    except OSError as error:
        log.warning("retention: %s of %s can't be deleted: %s", path, account.name, error)
        return False


def _remove(settings: Settings, account: Account, path: str, files: Files, before: dt.datetime) -> bool:
    """Delete one export. False: it is not over any more. Raises OSError; then all of it is as before.

    First it goes aside, so that nobody exchanges it while it is looked at. After a kill it is put back.
    """
    source, target = layout.export_source(settings, account.name), layout.export_root(settings, account.name)
    aside = _staging(settings) / account.name / path
    with transaction():
        _hold(account, path)
        known = look_up(account.id, list(files), [path])
        if not _is_over(path, files, known, before):
            return False
        aside.parent.mkdir(parents=True, exist_ok=True)
        (source / path).rename(aside)
        try:
            if _versions(aside, path) != files:
                raise FileExistsError(f"{path} was replaced just now")
            for file, version in files.items():
                mark_removed(account.id, file, BY, version)
                if known.is_it(file, version_at(target / file)):
                    (target / file).unlink(missing_ok=True)
                remove_empty(target, file)
        except BaseException:
            aside.rename(source / path)
            raise
    _delete(aside)
    remove_empty(source, path)
    return True


def _hold(account: Account, path: str) -> None:
    """Lock the export, so that its state stays as it is. SQLite has locked the whole database."""
    if is_postgres():
        list(Export.select().where((Export.account == account) & (Export.path == path)).for_update())


def _versions(aside: Path, path: str) -> Files:
    if aside.is_dir():
        return _inside(aside, path)
    found = version_at(aside)
    return {path: found} if found else {}


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _staging(settings: Settings) -> Path:
    return settings.exports / STAGING / "retention"


def put_back(settings: Settings) -> None:
    """What a kill left aside goes back to where it was, to be looked at again; unless something newer lies there."""
    staging = _staging(settings)
    accounts = [each.name for each in staging.iterdir()] if staging.is_dir() else []
    for account in accounts:
        source = layout.export_source(settings, account)
        for path, _ in list(_units(staging / account, "")):
            if not (source / path).exists() and source.is_dir():
                (source / path).parent.mkdir(parents=True, exist_ok=True)
                (staging / account / path).rename(source / path)
    shutil.rmtree(staging, ignore_errors=True)
