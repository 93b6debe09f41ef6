"""What has to be done for each pending order or customer, by its record, the ledger and what lies in the tree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from peewee import fn

from exports import files as csv_files
from exports.files import CustomerRecord, Files, OrderRecord, Style, Unexportable
from exports.folders import read_folder, times
from exports.pending import Pending
from exports.records import read_customers, read_orders
from layout import export_source
from models import Account, Export, ExportFile, snapshot
from schemas.customer import CustomerSchema
from schemas.order import OrderSchema
from settings import Settings

REPLAY = "replay "
"""Begins the digest of an export that is to be put back; behind it stands when that was asked for (ns)."""
CONFIRMED, GONE_ON = "confirmed", ("shipped", "invoiced")
"""The status with which an order becomes an export, and those that it may have by the time it is read."""
FOLDERS = {"order": OrderSchema.folder, "customer": CustomerSchema.folder}

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Record = OrderRecord | CustomerRecord | Unexportable


@dataclass(slots=True)
class Job:
    """One order or customer on its way through a turn."""

    pending: Pending
    account: str
    """The account's name."""
    path: str
    """Below the export root."""
    target: Path
    former: Export | None = None
    """What the ledger says."""
    former_ns: int = 0
    """The latest time of a file that the ledger knows."""
    files: Files = field(default_factory=dict)
    digest: str = ""
    write: bool = False
    """Its folder has to be written."""
    record: bool = False
    """The ledger has to be written."""
    refusal: str = ""
    """Why it can't be exported before something is changed."""
    staged: Path | None = None

    @property
    def replay_ns(self) -> int | None:
        """When it was asked to be put back; None if it was not."""
        digest = self.former.digest if self.former else ""
        return int(digest.removeprefix(REPLAY)) if digest.startswith(REPLAY) else None

    @property
    def names(self) -> tuple[str, ...]:
        """Of our files in its folder."""
        return csv_files.names(self.pending.kind, self.pending.system_id)

    @property
    def later_than(self) -> int:
        """What a new version's time (ns) has to exceed, so that it is told from every former one."""
        return max(*times(self.target, self.names), self.former_ns, self.replay_ns or 0)

    @property
    def revision(self) -> int:
        """Of what will lie in the tree."""
        if self.former is None:
            return 1
        same = not self.write and self.digest == self.former.digest and self.former.revision > 0
        return self.former.revision + (0 if same else 1)


def is_uuid(system_id: str) -> bool:
    """Whether it is a UUID as we write them: lower case, with dashes."""
    return _UUID.fullmatch(system_id) is not None


def path_of(kind: str, system_id: str) -> str:
    """Orders/order_<UUID>; what is no UUID is quoted into something that is one plain name on any disk."""
    name = system_id if is_uuid(system_id) else quote(system_id[:60], safe="", errors="replace")
    return f"{FOLDERS[kind]}/{kind}_{name}"


def plan(settings: Settings, pending: Sequence[Pending]) -> list[Job]:
    """A job for each, in the same order. Records and ledger are read as of one moment."""
    with snapshot():
        accounts = {row.id: row for row in Account.select().where(Account.id.in_({each.account for each in pending}))}
        records: dict[tuple[str, str], Record] = {}
        for kind, read in (("order", read_orders), ("customer", read_customers)):
            wanted = [each.system_id for each in pending if each.kind == kind and is_uuid(each.system_id)]
            records |= {(kind, key): record for key, record in read(wanted).items()}
        jobs = [_job(settings, each, accounts[each.account].name) for each in pending if each.account in accounts]
        _look_up(jobs)
    for job in jobs:
        _decide(job, records.get((job.pending.kind, job.pending.system_id)), Style.of(accounts[job.pending.account]))
    return jobs


def _job(settings: Settings, pending: Pending, account: str) -> Job:
    path = path_of(pending.kind, pending.system_id)
    return Job(pending, account, path, export_source(settings, account) / path)


def _look_up(jobs: Sequence[Job]) -> None:
    """Fill in what the ledger says."""
    mine = Export.path.in_([job.path for job in jobs]) & Export.account.in_({job.pending.account for job in jobs})
    rows = {(row.account_id, row.path): row for row in Export.select().where(mine)}
    numbers = [row.number for row in rows.values()]
    times = ExportFile.select(ExportFile.export, fn.MAX(ExportFile.mtime_ns)).where(ExportFile.export.in_(numbers))
    latest = dict(times.group_by(ExportFile.export).tuples())
    for job in jobs:
        job.former = rows.get((job.pending.account, job.path))
        job.former_ns = latest.get(job.former.number, 0) if job.former else 0


def _decide(job: Job, record: Record | None, style: Style) -> None:
    try:
        files = _files(job, record, style)
    except Unexportable as error:
        job.refusal = str(error)
        return
    if files is not None:
        job.files, job.digest = files, csv_files.digest(files)
        _compare(job)


def _files(job: Job, record: Record | None, style: Style) -> Files | None:
    """What is to lie in the folder; None: nothing is to be exported (any more). Raises Unexportable."""
    if not is_uuid(job.pending.system_id):
        raise Unexportable(f"The {job.pending.kind}'s system_id is {job.pending.system_id[:60]!r}: expected a UUID in "
                           "lower case with dashes, such as 0192f3a0-5b6c-7d8e-9f00-112233445566")  # fmt: skip
    if isinstance(record, Unexportable):
        raise record
    if isinstance(record, OrderRecord) and _is(record.order, job, status=CONFIRMED):
        return csv_files.order_files(record, style)
    if isinstance(record, OrderRecord) and job.replay_ns is None and _has_gone_on(record, job):
        return None if _is_known(record, job, style) else csv_files.order_files(record, style)
    if isinstance(record, CustomerRecord) and _is(record.customer, job):
        return csv_files.customer_files(record, style)
    return _files_again(job, record, style) if job.replay_ns is not None else None


def _has_gone_on(record: OrderRecord, job: Job) -> bool:
    """Whether the business has gone on with an order since it was committed as confirmed: to the partner it is due."""
    return any(_is(record.order, job, status=each) for each in GONE_ON)


def _is_known(record: OrderRecord, job: Job, style: Style) -> bool:
    """Whether the partner has it as it was while it was confirmed: that it was shipped since is no news to him."""
    if job.former is None or job.former.state == "failed":
        return False
    confirmed = replace(record, order={**record.order, "status": CONFIRMED})
    return job.former.digest == csv_files.digest(csv_files.order_files(confirmed, style))


def _is(record: csv_files.Record, job: Job, **values: str) -> bool:
    return record["account"] == job.pending.account and all(record[name] == each for name, each in values.items())


def _files_again(job: Job, record: Record | None, style: Style) -> Files:
    """What is to be put back of an order that is confirmed no longer, or of a record that is gone: as it was exported.

    Raises Unexportable.
    """
    kept = read_folder(job.target, job.names)
    if kept:
        return kept
    if isinstance(record, OrderRecord) and _is(record.order, job):
        return csv_files.order_files(record, style)
    raise Unexportable(f"The {job.pending.kind} was deleted, and {job.target} with its files, too: nothing can be put "
                       "back")  # fmt: skip


def _compare(job: Job) -> None:
    """Decide whether folder and ledger have to be written."""
    there = read_folder(job.target, job.names)
    if job.replay_ns is not None:
        job.record, job.write = True, there != job.files or min(times(job.target, job.names)) <= job.replay_ns
        return
    former = job.former
    if there is None and former and former.digest == job.digest and former.state in ("collected", "removed"):
        return  # The partner has had it, and it was tidied away.
    job.write = there != job.files
    job.record = job.write or former is None or former.digest != job.digest or former.state == "failed"
