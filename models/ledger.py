"""What becomes of exported files: mirrored, collected, removed. Each step is one transaction, on either engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peewee import ModelSelect

from models.base import is_postgres, now, transaction
from models.export import Export, ExportFile
from models.prepared import Prepared, slot

_STEPS = (100, 1_000, 1_000_000, 10_000_000, 1_000_000_000, 2_000_000_000)
"""Nanoseconds in which times are kept by copies: those of SMB and NTFS, of programs, of exFAT, tar and FAT."""
_FINE = 1_000_000
"""A time that is no multiple of it was kept whole."""


@dataclass(frozen=True, slots=True)
class Version:
    """What tells one version of a file from the next; a hard link and a true copy have that of their source."""

    size: int
    mtime_ns: int

    def is_copy_of(self, other: Version) -> bool:
        """Whether it is the other version, or a copy of it on which only the end of its time was lost.

        What has no end to be lost is told by the whole time: a disk that knows whole seconds only may hold several
        versions of one second or two.
        """
        if self.size != other.size or self.mtime_ns == other.mtime_ns:
            return self.size == other.size
        time = other.mtime_ns
        return time % _FINE != 0 and any(self.mtime_ns == time - time % step for step in _STEPS)


@dataclass(frozen=True, slots=True)
class By:
    """Who did something to a file."""

    login: str
    address: str = ""


def mark_collected(account: int, path: str, version: Version, by: By) -> bool:
    """A client fetched the whole file at `path` (below the export root). False: another version lies there by now.

    Fetching again changes nothing: the first time counts. Nor is anything noted of a file that was deleted meanwhile,
    or that the ledger does not know.
    """
    # Looked at first without a lock: what is fetched again and again need not wait for whoever is writing.
    row = _LEDGER.first(account=account, path=path)
    if row is None or row[0] == "removed":
        return True
    booked = Version(row[2], row[3])
    if not version.is_copy_of(booked):
        return False
    if row[0] not in _THERE:
        return True
    collect = _collect_alone if row[1] is None else _collect_of_export
    # What is not marked was changed right behind the look.
    return collect(account, path, booked, by) or mark_collected(account, path, version, by)


def _collect_alone(account: int, path: str, version: Version, by: By) -> bool:
    """A file of no order or customer: nothing else changes with it, so that one statement will do."""
    when = ExportFile.collected_at.db_value(now())
    changed = _COLLECT.run(account=account, path=path, size=version.size, mtime_ns=version.mtime_ns, when=when,
                           login=by.login, address=by.address)  # fmt: skip
    return bool(changed.rowcount)


def _collect_of_export(account: int, path: str, version: Version, by: By) -> bool:
    with transaction():
        file = _hold(account, path)
        if file is None or file.state not in _THERE or _version(file) != version:
            return False
        file.state, file.collected_at = "collected", now()
        file.collected_by, file.collected_from = by.login, by.address
        file.save()
        if file.export_id is not None:
            settle(file.export_id)
    return True


def mark_removed(account: int, path: str, by: By | None, version: Version | None = None) -> None:
    """A file is gone from the partner's folder, or about to be: it does not come back unless its source changes.

    `by` is None for a file that was found missing. `version` is what was deleted: if the ledger knows a newer one,
    that one is on its way into the folder and stays.
    """
    with transaction():
        file = _hold(account, path)
        if file is None:
            if version is not None:
                ExportFile.create(account=account, path=path, size=version.size, mtime_ns=version.mtime_ns,
                                  state="removed", removed_at=now(), removed_by=by and by.login)  # fmt: skip
            return
        if file.state == "removed" or (version is not None and not version.is_copy_of(_version(file))):
            return
        file.state, file.removed_at, file.removed_by = "removed", now(), by and by.login
        file.save()
        if file.export_id is not None:
            settle(file.export_id)


_THERE = ("placing", "mirrored")
"""States of a file that lies in the partner's folder and was not fetched."""
_AT = (ExportFile.account == slot("account")) & (ExportFile.path == slot("path"))
_LEDGER = Prepared(lambda: ExportFile.select(ExportFile.state, ExportFile.export, ExportFile.size, ExportFile.mtime_ns)
                   .where(_AT).tuples())  # fmt: skip
_COLLECT = Prepared(lambda: ExportFile.update(state="collected", collected_at=slot("when"),
                                              collected_by=slot("login"), collected_from=slot("address"))
                    .where(_AT, ExportFile.state.in_(_THERE), ExportFile.export.is_null(),
                           ExportFile.size == slot("size"), ExportFile.mtime_ns == slot("mtime_ns")))  # fmt: skip


def _version(file: Any) -> Version:
    return Version(file.size, file.mtime_ns)


def _hold(account: int, path: str) -> Any:
    """The file at `path`, with its export locked first: two sessions may fetch the two files of one order.

    None if the ledger has none.
    """
    mine = (ExportFile.account == account) & (ExportFile.path == path)
    found = ExportFile.get_or_none(mine)
    if found is None:
        return None
    if found.export_id is not None:
        _locked(Export.select().where(Export.number == found.export_id)).first()
    return _locked(ExportFile.select().where(mine)).first()


def _locked(query: ModelSelect) -> ModelSelect:
    """SQLite locks the whole database in `transaction`."""
    return query.for_update() if is_postgres() else query


def settle(export: int) -> None:
    """Bring an export's state in line with those of its files. Called in the transaction that changed one,
    with the export locked."""
    files = list(ExportFile.select().where(ExportFile.export == export))
    row = Export.get_by_id(export)
    if not files or row.state in ("waiting", "failed"):
        return
    row.state = "ready"
    if all(file.state == "removed" for file in files):
        row.state = "removed"
        last = max(files, key=lambda file: file.removed_at)
        row.removed_at, row.removed_by = last.removed_at, last.removed_by
    if all(file.collected_at is not None for file in files):
        if row.state == "ready":
            row.state = "collected"
        last = max(files, key=lambda file: file.collected_at)
        row.collected_at, row.collected_by = last.collected_at, last.collected_by
        row.collected_from = last.collected_from
    row.save()
