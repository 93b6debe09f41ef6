"""Exports: what is to be written (the outbox, filled by triggers), what was written, and what became of each file."""

from __future__ import annotations

import re

from peewee import BigAutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField, TextField

from models.account import Account
from models.base import Base, NumberField, UTCField, now

PATH = 1000
"""Characters of a path below the export root."""
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_UNIT = re.compile(f"(Orders/order|Customers/customer)_{UUID}")


def is_unit(path: str) -> bool:
    """Whether `path`, below the export root, is a folder that appears whole and is exchanged: an order, a customer."""
    return _UNIT.fullmatch(path) is not None


class Outbox(Base):
    """Something that is to be exported. Rows of orders and customers come from triggers (migration 0005), in the
    transaction of whatever program wrote the record; one order may have several, one for each line that was written.
    Rows of kind `full` come from `export`, a schedule or SITE EXPORT.
    """

    number = NumberField()
    account = ForeignKeyField(Account, on_delete="CASCADE")
    kind = CharField(max_length=8)
    """order | customer | full"""
    system_id = CharField(max_length=36, null=True)
    """Of the order or customer; NULL for `full`."""
    entity = CharField(max_length=63)
    created_at = UTCField(default=now)
    attempts = IntegerField(default=0)
    error = TextField(default="")
    due_at = UTCField(null=True)
    """Not before then, after a failure; NULL: at once."""

    class Meta:
        indexes = ((("kind", "system_id"), False),)


class EchoGuard(Base):
    """Holds a row only within the transaction of an import: the triggers then leave the outbox alone.

    The row is deleted before the commit, so no other transaction ever sees it, on either engine.
    """

    id = BigAutoField()


class Export(Base):
    """One exported order or customer (a folder), or one full export (a file).

    state: waiting (not yet in the partner's folder) | ready | collected (each of its files was fetched whole)
    | removed (each of its files was deleted, fetched or not) | failed (given up; `error` says why).
    """

    number = NumberField()
    account = ForeignKeyField(Account, backref="exports", on_delete="CASCADE")
    kind = CharField(max_length=8)
    system_id = CharField(max_length=36, null=True)
    entity = CharField(max_length=63)
    path = CharField(max_length=PATH)
    """Below the export root: Orders/order_<UUID> or Products/PRODUCT_23_11_2026.csv."""
    state = CharField(max_length=9, default="waiting")
    revision = IntegerField(default=1)
    digest = CharField(max_length=64, default="")
    """SHA-256 of what was written, so that a change which changes no file makes no revision."""
    created_at = UTCField(default=now)
    """When the record was committed, or the full export asked for."""
    ready_at = UTCField(null=True)
    """When this revision lay in the partner's folder."""
    collected_at = UTCField(null=True)
    collected_by = CharField(max_length=63, null=True)
    """The login that fetched the last of its files."""
    collected_from = CharField(max_length=64, null=True)
    removed_at = UTCField(null=True)
    removed_by = CharField(max_length=63, null=True)
    """The login that deleted the last of its files; `retention` if we did; NULL if it was found missing."""
    error = TextField(default="")

    class Meta:
        indexes = (
            (("account", "path"), True),
            (("account", "state"), False),
            (("kind", "system_id"), False),
        )


class ExportFile(Base):
    """The ledger of the mirror: one file of the export tree, whoever put it there.

    `size` and `mtime_ns` are those of the source and of its copy in the partner's folder: they tell one version of a
    file from the next. What has state `removed` does not come back unless its source changes.
    """

    number = NumberField()
    account = ForeignKeyField(Account, on_delete="CASCADE")
    export = ForeignKeyField(Export, backref="files", on_delete="CASCADE", null=True)
    """NULL: another program put it there."""
    path = CharField(max_length=PATH)
    """Below the export root."""
    size = BigIntegerField()
    mtime_ns = BigIntegerField()
    state = CharField(max_length=9, default="mirrored")
    """placing (recorded before it appears, so that nobody fetches what the ledger does not know) | mirrored
    | collected | removed"""
    mirrored_at = UTCField(default=now)
    collected_at = UTCField(null=True)
    collected_by = CharField(max_length=63, null=True)
    collected_from = CharField(max_length=64, null=True)
    removed_at = UTCField(null=True)
    removed_by = CharField(max_length=63, null=True)

    class Meta:
        indexes = ((("account", "path"), True),)


# What a look of the mirror asks for, without going through what is over and done with.
ExportFile.add_index(ExportFile.account, ExportFile.path, where=ExportFile.export.is_null(), name="export_file_alone")
ExportFile.add_index(
    ExportFile.account, ExportFile.removed_at, where=ExportFile.removed_at.is_null(False), name="export_file_removed"
)
