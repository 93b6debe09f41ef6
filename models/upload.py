"""What arrived (upload) and what was made of it (import_run). Both share one number, the one the partner sees."""

from __future__ import annotations

from typing import Any

from peewee import (
    BigIntegerField,
    BooleanField,
    CharField,
    ForeignKeyField,
    IntegerField,
    JSONField,
    TextField,
)

from models.account import Account
from models.base import Base, NumberField, UTCField, now


class Upload(Base):
    """A receipt: one whole file. `id` is the import number.

    state: waiting (in the entity folder) | picked (an import_run exists) | replaced (by a newer file of that name)
    | deleted (by the partner before it was picked up).
    origin: ftp | command (`ftpdock import`) | retry | validate (a dry run).
    """

    id = NumberField()
    account = ForeignKeyField(Account, backref="uploads", on_delete="CASCADE")
    entity = CharField(max_length=63)
    name = CharField(max_length=255)
    size = BigIntegerField()
    sha256 = CharField(max_length=64, default="")
    login = CharField(max_length=63, default="")
    remote_ip = CharField(max_length=45, default="")
    origin = CharField(max_length=8, default="ftp")
    state = CharField(max_length=8, default="waiting")
    received_at = UTCField(default=now)

    class Meta:
        indexes = ((("account", "entity", "state"), False), (("state",), False))


class ImportRun(Base):
    """One run over one upload.

    status: waiting | running | completed | completed_with_errors | failed.
    `position` counts the records done and `offsets` the bytes of each report file that belong to them: both change in
    the transaction of the chunk, which is what lets a killed run go on. `closing` is set once nothing but moving the
    files is left. `folder` is the part of the spool folder that the offsets speak of: each owner writes into one of
    its own. `total` is the number of rows in all, once the file was scanned. `failures` counts errors of ours;
    `strikes` the deaths of workers at the position `struck_at` (jobs/poison.py).
    """

    number = BigIntegerField(primary_key=True)
    account = ForeignKeyField(Account, backref="import_runs", on_delete="CASCADE")
    entity = CharField(max_length=63)
    file = CharField(max_length=255)
    dry_run = BooleanField(default=False)
    pickup = TextField(null=True)
    """What was picked up together shares it; NULL: a pick-up of its own."""
    status = CharField(max_length=24, default="waiting")
    closing = BooleanField(default=False)
    code = CharField(max_length=32, null=True)
    error = TextField(default="")
    rows = IntegerField(default=0)
    created = IntegerField(default=0)
    updated = IntegerField(default=0)
    unchanged = IntegerField(default=0)
    rejected = IntegerField(default=0)
    warnings = IntegerField(default=0)
    position = IntegerField(default=0)
    offsets = JSONField(default=dict)
    folder = CharField(max_length=16, default="")
    total = IntegerField(null=True)
    failures = IntegerField(default=0)
    strikes = IntegerField(default=0)
    struck_at = IntegerField(null=True)
    attempts = IntegerField(default=0)
    lease_owner = CharField(max_length=64, null=True)
    lease_until = UTCField(null=True)
    received_at = UTCField(default=now)
    started_at = UTCField(null=True)
    finished_at = UTCField(null=True)

    class Meta:
        indexes = (
            (("status",), False),
            (("account", "entity", "status"), False),
            (("account", "started_at"), False),
        )

    @classmethod
    def begin(cls, upload: Upload, **more: object) -> ImportRun:
        """Queue the import of an upload whose bytes lie in the spool; `more` are attributes of the run.

        Called in the transaction that makes the upload `picked`.
        """
        made: ImportRun = cls.create(number=upload.id, account=upload.account_id, entity=upload.entity,
                                     file=upload.name, received_at=upload.received_at, **more)  # fmt: skip
        return made

    @classmethod
    def is_idle(cls) -> Any:
        """The condition for runs that were begun and that nobody has in hand now: no lease of theirs lasts."""
        return (cls.status == "running") & (cls.lease_until.is_null() | (cls.lease_until <= now()))

    @property
    def idle(self) -> bool:
        """As `is_idle`, as it was when the run was read."""
        return self.status == "running" and (self.lease_until is None or self.lease_until <= now())

    @property
    def shown(self) -> str:
        """The status as all are told it: a run that nobody has in hand waits."""
        return "waiting" if self.idle else str(self.status)

    @property
    def imported(self) -> int:
        """Rows that are in: created, updated or unchanged. Of a dry run none, though it counts what would be."""
        return 0 if self.dry_run else int(self.created + self.updated + self.unchanged)


ImportRun.add_index(ImportRun.finished_at, name="import_run_dry", where=ImportRun.dry_run)
