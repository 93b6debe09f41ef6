"""What becomes of an account that is removed: its records go, its files move aside. Prints nothing."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Sequence
from pathlib import Path

from errors import ConflictError, NotFoundError
from layout import account_root, export_source
from models import TABLES, Account, Base, Category, ImportRun, Upload, now, transaction
from settings import Settings

REMOVED = ".removed"
"""Beside the folders of accounts. No account can have this name, and no partner sees it."""


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
    with transaction():
        # Another admin may have removed it while this one was asked; one that was made since may have its name and id.
        if not Account.select().where((Account.id == account.id) & (Account.created_at == account.created_at)).exists():
            raise NotFoundError(f"The account {account.name!r} was removed meanwhile; nothing was done")
        numbers = {upload.id for upload in Upload.select(Upload.id).where(Upload.account == account)}
        _delete_records(account, (*TABLES, *plugin_tables))
        account.delete_instance()
        # Inside the transaction: when the files can't be moved, the account stays.
        aside, exports_aside = _move_aside(settings, account.name, numbers, name)
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


def _move_aside(settings: Settings, account: str, numbers: set[int], name: str) -> tuple[Path, Path]:
    """accounts/NAME becomes accounts/.removed/NAME-<time>; what waits in the spool goes into its folder `spool`, and
    exports/NAME into its folder `exports`, or, from another file system, into exports/.removed.

    Returns both folders. What was moved is moved back when the next thing can't be.
    """
    aside = settings.accounts / REMOVED / name
    aside.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as undo:
        _move(account_root(settings, account), aside, undo)
        aside.mkdir(exist_ok=True)
        exports_aside = _move_exports(settings, account, aside, undo)
        for source in sorted(settings.spool.iterdir()):
            if source.name.isdecimal() and int(source.name) in numbers:
                (aside / "spool").mkdir(exist_ok=True)
                shutil.move(source, aside / "spool" / source.name)
        undo.pop_all()
    return aside, exports_aside


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
