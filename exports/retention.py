"""Deletes what was kept long enough: files of imports and exports that are over and done with, and sent mails.

What is not finished stays, however old: files of an import that goes on, exports that nobody fetched or that are still
to be pushed to a target, and files of other programs in the export tree that nobody fetched.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from peewee import JOIN

import layout
from exports.old_exports import looking, old_exports, put_back
from models import AHEAD, Account, ImportRun, Mail, is_of_one_account
from settings import Settings

__all__ = ["Gone", "done", "is_due", "put_back", "sweep"]

log = logging.getLogger("ftpdock.exports")

EVERY = dt.timedelta(days=1)
AT_ONCE = 500
"""Files of which the database is asked at once, and mails."""
_NUMBERED = re.compile(r"\.(\d{6,18})(\.(report|rejected|ids))?\.csv$", re.ASCII)
"""See layout.numbered. No database gives a number of more digits, and SQLite can't be asked for it."""
_MAIL = re.compile(r"(test-[0-9a-f-]{36}|(\d{6,18})(-[0-9a-f]{8})?)\.eml", re.ASCII)
"""See layout.mail_file and mail_beside; a test mail has no number."""
_OVER = ("sent", "gathered", "dropped")
"""States in which a mail is done with."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Something that was deleted, or would be."""

    account: str
    """Its name; empty: an alert to the admin."""
    what: str
    """processed | failed | reports | exports | mails"""
    path: str
    """Below the account's folder (exports: below the export root); what a mail told of."""
    size: int


def sweep(
    settings: Settings, folders: Mapping[str, str], moment: dt.datetime, *, dry_run: bool = False,
    failed: set[str] | None = None
) -> Iterator[Gone]:  # fmt: skip
    """Delete, one by one, what the settings say is too old at `moment`. `folders`: entity to the name of its folder.

    In a dry run it is only told. The names of accounts of which not all could be deleted are added to `failed`.
    """
    failed = set() if failed is None else failed
    days = {layout.PROCESSED: settings.keep_processed_days, layout.FAILED: settings.keep_failed_days,
            layout.REPORTS: settings.keep_reports_days}  # fmt: skip
    for account in list(Account.select().order_by(Account.name)):
        for inner, kept in days.items():
            for folder in folders.values() if kept else ():
                before = moment - dt.timedelta(days=kept)
                yield from _guarded(account, _files(settings, account, folder, inner, before, dry_run), failed)
        if settings.keep_exports_days:
            before = moment - dt.timedelta(days=settings.keep_exports_days)
            yield from _guarded(account, _exports(settings, account, before, dry_run), failed)
    if settings.keep_mails_days:
        before = moment - dt.timedelta(days=settings.keep_mails_days)
        yield from _mails(settings, before, dry_run)
        yield from _other_mails(settings, before, dry_run)


def _guarded(account: Account, gone: Iterator[Gone], failed: set[str]) -> Iterator[Gone]:
    """What can't be gone on with must not keep anything else from being deleted; tomorrow it is tried again."""
    try:
        yield from gone
    except Exception as error:
        if not is_of_one_account(error):
            raise
        failed.add(account.name)
        log.warning("retention: not all that is too old of %s can be deleted: %s", account.name, error, exc_info=True)


def _exports(settings: Settings, account: Account, before: dt.datetime, dry_run: bool) -> Iterator[Gone]:
    for path, size in old_exports(settings, account, before, dry_run=dry_run):
        yield Gone(account.name, "exports", path, size)


def _files(
    settings: Settings, account: Account, folder: str, inner: str, before: dt.datetime, dry_run: bool
) -> Iterator[Gone]:
    """The files of imports in one folder, such as /Products/processed."""
    root = layout.account_root(settings, account.name) / folder / inner
    with looking(root), os.scandir(root) as entries:
        files = (each for each in entries if each.is_file(follow_symlinks=False))
        while batch := list(islice(files, AT_ONCE)):
            finished = _finished(account, [number for each in batch if (number := _number(each.name))])
            for entry in batch:
                try:
                    found = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                old = _age(_number(entry.name), finished, found.st_mtime) < before
                if old and (dry_run or _deleted(Path(entry.path))):
                    yield Gone(account.name, inner, f"{folder}/{inner}/{entry.name}", found.st_size)


def _deleted(path: Path) -> bool:
    """False: it can't be, which must not keep the rest from being."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("retention: %s can't be deleted: %s", path, error)
        return False
    return True


def _number(name: str) -> int | None:
    """The import that a file is of."""
    match = _NUMBERED.search(name)
    return int(match[1]) if match else None


def _finished(account: Account, numbers: list[int]) -> dict[int, dt.datetime]:
    """When these imports of the account were finished; the end of time if they are not."""
    mine = (ImportRun.account == account) & ImportRun.number.in_(numbers)
    rows = ImportRun.select(ImportRun.number, ImportRun.finished_at).where(mine).tuples()
    return {number: at or dt.datetime.max.replace(tzinfo=dt.UTC) for number, at in rows}


def _age(number: int | None, finished: Mapping[int, dt.datetime], changed: float) -> dt.datetime:
    """Since when a file is done with: what no import of the account explains, since it was changed."""
    return finished.get(number or 0) or dt.datetime.fromtimestamp(changed, dt.UTC)


def _mails(settings: Settings, before: dt.datetime, dry_run: bool) -> Iterator[Gone]:
    """Mails that were sent, and their .eml files. Those that a digest tells of go after it."""
    digests = Mail.alias()
    open_ = digests.select(digests.number).where(digests.state.not_in(_OVER))
    over = Mail.state.in_(_OVER) & (Mail.gathered_into.is_null() | Mail.gathered_into.not_in(open_))
    query = Mail.select(Mail.number, Mail.token, Mail.key, Account.name).join(Account, JOIN.LEFT_OUTER)
    query = query.where(over & (Mail.created_at < before)).order_by(Mail.number).limit(AT_ONCE)
    last = 0
    while mails := list(query.where(Mail.number > last).tuples()):
        last = mails[-1][0]
        files = {number: _mail_file(settings, number, token) for number, token, *_ in mails}
        sizes = {number: _size(file) for number, file in files.items()}
        if not dry_run:
            mails = [mail for mail in mails if _deleted(files[mail[0]])]
            Mail.delete().where(Mail.number.in_([number for number, *_ in mails])).execute()
        for number, _, key, account in mails:
            yield Gone(account or "", "mails", key, sizes[number])


def _mail_file(settings: Settings, number: int, token: str) -> Path:
    beside = layout.mail_beside(settings, f"{number:06}", token)
    return beside if beside.exists() else layout.mail_file(settings, f"{number:06}")


def _other_mails(settings: Settings, before: dt.datetime, dry_run: bool) -> Iterator[Gone]:
    """Files of mails that no row explains, since they were changed: of `mail test`, and those that a restored database
    does not know."""
    folder = layout.mail_file(settings, "").parent
    with looking(folder), os.scandir(folder) as entries:
        files = ((each, found) for each in entries if (found := _MAIL.fullmatch(each.name)))
        while batch := list(islice(files, AT_ONCE)):
            numbers = [int(found[2]) for _, found in batch if found[2]]
            known = {number for (number,) in Mail.select(Mail.number).where(Mail.number.in_(numbers)).tuples()}
            for entry, found in batch:
                if found[2] and int(found[2]) in known:
                    continue
                try:
                    state = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                old = dt.datetime.fromtimestamp(state.st_mtime, dt.UTC) < before
                if old and (dry_run or _deleted(Path(entry.path))):
                    yield Gone("", "mails", f"mail/{entry.name}", state.st_size)


def _size(path: Path) -> int:
    """0 where there is no such file, as of a mail that went by SMTP or is told in a digest."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def is_due(settings: Settings, moment: dt.datetime) -> bool:
    """Whether there is something to keep order in, and the last time is a day ago, or was by a clock that was ahead."""
    kept = (settings.keep_exports_days, settings.keep_processed_days, settings.keep_failed_days,
            settings.keep_reports_days, settings.keep_mails_days)  # fmt: skip
    return any(kept) and not -AHEAD <= moment - _last(settings) < EVERY


def _last(settings: Settings) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(_stamp(settings).read_text())
    except (FileNotFoundError, ValueError):
        return dt.datetime.min.replace(tzinfo=dt.UTC)


def done(settings: Settings, moment: dt.datetime) -> None:
    """Remember that it was done, for all nodes and for the next start."""
    aside = _stamp(settings).with_suffix(".part")
    aside.write_text(moment.isoformat())
    aside.replace(_stamp(settings))


def _stamp(settings: Settings) -> Path:
    return settings.spool / "retention"
