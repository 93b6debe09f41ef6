"""What becomes of an account that is removed: its records go, its files move aside. Prints nothing."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from errors import ConflictError
from layout import account_root, export_source, holds_files
from models import TABLES, Account, Base, Category, ImportRun, Upload, now, refuse_removed, transaction, writing
from settings import Settings

log = logging.getLogger("ftpdock")

REMOVED = ".removed"
"""Beside the folders of accounts. No account can have this name, and no partner sees it."""
SPOOL = "spool"
MARK = ".removing"
"""In a folder whose removal is not yet committed; it says when the account was made, which tells it from a later one
of its name."""


def remove(
    settings: Settings, account: Account, *, plugin_tables: Sequence[type[Base]] = (), delete_files: bool = False
) -> Path | None:
    """Delete the account and all of its records. Its files move aside, or are deleted when asked.

    Returns the folder they were moved to, None when there is none. Raises ConflictError while an import is running.
    """
    running = ImportRun.get_or_none(
        (ImportRun.account == account) & (ImportRun.status == "running") & (ImportRun.lease_until > now())
    )
    if running:
        raise ConflictError(
            f"Import {running.number} of {account.name!r} is running: remove the account when it is done"
        )
    name = f"{account.name}-{now():%Y%m%dT%H%M%SZ}"
    with contextlib.ExitStack() as undo:
        with transaction():
            # Another admin may have removed it meanwhile; one that was made since may have its name and id.
            refuse_removed(account)
            numbers = {upload.id for upload in Upload.select(Upload.id).where(Upload.account == account)}
            _delete_records(account, (*TABLES, *plugin_tables))
            account.delete_instance()
            # Inside the transaction: when the files can't be moved, the account stays.
            aside, exports_aside = _move_aside(settings, account, numbers, name, undo)
        # Only now: when the transaction can't be committed, they go back.
        undo.pop_all()
    (aside / MARK).unlink(missing_ok=True)
    if delete_files:
        for folder in filter(Path.exists, {aside, exports_aside}):
            shutil.rmtree(folder)
    return None if delete_files else aside


def _delete_records(account: Account, tables: Sequence[type[Base]]) -> None:
    """Referring tables first: orders hold on to their customers, categories to their parents (ON DELETE RESTRICT)."""
    Category.update(parent=None).where(Category.account == account).execute()
    for table in reversed(tables):
        if "account" in table._meta.fields:
            table.delete().where(table._meta.fields["account"] == account).execute()


def _move_aside(
    settings: Settings, account: Account, numbers: set[int], name: str, undo: contextlib.ExitStack
) -> tuple[Path, Path]:
    """accounts/NAME becomes accounts/.removed/NAME-<time>; what waits in the spool goes into its folder `spool`, and
    exports/NAME into its folder `exports`, or, from another file system, into exports/.removed.

    Returns both folders; `undo` moves back what was moved.
    """
    aside = settings.accounts / REMOVED / name
    aside.parent.mkdir(parents=True, exist_ok=True)
    root = account_root(settings, account.name)
    root.mkdir(exist_ok=True)
    (root / MARK).write_text(account.created_at.isoformat())
    undo.callback((root / MARK).unlink, missing_ok=True)
    _move(root, aside, undo)
    exports_aside = _move_exports(settings, account.name, aside, undo)
    spool = aside / SPOOL
    for source in sorted(settings.spool.iterdir()):
        if source.name.isdecimal() and int(source.name) in numbers:
            if not spool.exists():
                spool.mkdir()
                undo.callback(spool.rmdir)
            shutil.move(source, spool / source.name)
            undo.callback(shutil.move, spool / source.name, source)
    return aside, exports_aside


def put_back(settings: Settings) -> None:
    """Put files back that a removal had moved aside when it was killed before it was committed."""
    for mark in sorted((settings.accounts / REMOVED).glob(f"*/{MARK}")):
        account = Account.get_or_none(Account.name == mark.parent.name.rpartition("-")[0])
        if account is not None:
            with writing(account.id):
                # A removal that is going on has ended by now.
                still = Account.get_or_none(Account.id == account.id)
                if still is not None and mark.exists() and mark.read_text() == still.created_at.isoformat():
                    _put_back(settings, still.name, mark.parent)


def _put_back(settings: Settings, name: str, aside: Path) -> None:
    root, exports = account_root(settings, name), export_source(settings, name)
    if holds_files(root):
        log.warning("%s holds files of the account %s from before its removal was interrupted", aside, name)
        return
    log.warning("the removal of the account %s was interrupted; its files are put back", name)
    spool = aside / SPOOL
    for source in list(spool.iterdir()) if spool.is_dir() else ():
        shutil.move(source, settings.spool / source.name)
    for source in (aside / "exports", settings.exports / REMOVED / aside.name):
        _put_among(source, exports)
    left = aside / "exports"
    if os.path.lexists(left):
        apart = aside.with_name(f"{aside.name}-exports")
        left.rename(apart)
        log.warning("%s holds exports in whose places others were written since", apart)
    with contextlib.suppress(OSError):
        spool.rmdir()
    # Last, so that after a kill the next start finds the rest. What is there was made anew since: empty folders.
    shutil.rmtree(root, ignore_errors=True)
    aside.rename(root)
    (root / MARK).unlink()


def _put_among(source: Path, target: Path) -> None:
    """Move a file, a folder or a link to its former place; of a folder that was made anew there, what is in it. What
    has no free place stays."""
    with contextlib.suppress(OSError):
        target.rmdir()  # The mirror makes an empty one where there is none.
    if not os.path.lexists(target):
        if os.path.lexists(source):
            source.rename(target)
    elif source.is_dir() and target.is_dir() and not source.is_symlink() and not target.is_symlink():
        for each in list(source.iterdir()):
            _put_among(each, target / each.name)
        with contextlib.suppress(OSError):
            source.rmdir()


def _move(source: Path, target: Path, undo: contextlib.ExitStack) -> None:
    if source.exists():
        source.rename(target)
        undo.callback(target.rename, source)


def _move_exports(settings: Settings, account: str, aside: Path, undo: contextlib.ExitStack) -> Path:
    source = export_source(settings, account)
    try:
        _move(source, aside / "exports", undo)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        there = settings.exports / REMOVED / aside.name
        there.parent.mkdir(exist_ok=True)
        _move(source, there, undo)
        return there
    return aside
