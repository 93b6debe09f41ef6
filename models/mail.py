"""What has to be told by mail. A row is made with what it tells of; jobs/ renders and sends it later."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CharField, ForeignKeyField, IntegerField, JSONField, TextField

from models.account import Account
from models.base import Base, NumberField, UTCField, new_system_id, now
from models.upload import ImportRun


class Mail(Base):
    """A mail about one import (`run` and `account` are set) or an alert to the admin (`data` says of what).

    state: waiting | sent | failed (refused for good) | gathered (told by the mail `gathered_into`, a digest)
    | dropped (nobody was left to be told).
    """

    number = NumberField()
    account = ForeignKeyField(Account, backref="mails", on_delete="CASCADE", null=True)
    run = ForeignKeyField(ImportRun, backref="mails", on_delete="CASCADE", null=True)
    pickup = TextField(null=True)
    """Set when the account wants one digest of all imports of a pick-up."""
    gathered_into = BigIntegerField(null=True)
    key = CharField(max_length=200, unique=True)
    """What is told, so that nothing is told twice: import-42, disk-node-2024-09-18."""
    token = CharField(max_length=36, default=new_system_id)
    """The part of the Message-ID that stays through all attempts."""
    data = JSONField(default=dict)
    state = CharField(max_length=8, default="waiting")
    attempts = IntegerField(default=0)
    delivered = JSONField(default=list)
    """Addresses for which a server took the mail."""
    refused = JSONField(default=dict)
    """Address to the words with which a server refused it for good."""
    error = TextField(default="")
    """What went wrong last."""
    created_at = UTCField(default=now)
    retries_from = UTCField(default=now)
    """When the days began for which it is tried."""
    due_at = UTCField(default=now)
    sent_at = UTCField(null=True)
    lease_owner = CharField(max_length=64, null=True)
    lease_until = UTCField(null=True)

    class Meta:
        indexes = ((("state", "due_at"), False),)

    @classmethod
    def about_import(cls, run: ImportRun) -> None:
        """Queue the mail about an import, if the account has an address. Called in the transaction that closes it."""
        account = run.account
        if run.dry_run or not account.emails:
            return
        cls._once(key=f"import-{run.number}", account=account, run=run, pickup=run.pickup if account.digest else None)

    @classmethod
    def alert(cls, key: str, **data: Any) -> None:
        """Queue an alert to the admin, once for each `key`; `data` is what the template shows."""
        cls._once(key=key, data=data)

    @classmethod
    def _once(cls, **values: Any) -> None:
        cls.insert(**values).on_conflict_ignore().execute()


Mail.add_index(Mail.gathered_into, name="mail_gathered_into", where=Mail.gathered_into.is_null(False))
