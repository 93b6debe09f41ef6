"""Accounts (partner organisations), their logins, and what they set per entity."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from peewee import AutoField, BooleanField, CharField, ForeignKeyField, JSONField, TextField

from errors import NotFoundError
from models.base import Base, UTCField, database, is_postgres, now, transaction
from models.prepared import Prepared, slot


class Account(Base):
    id = AutoField()
    name = CharField(max_length=63, unique=True)
    company = CharField(max_length=200, default="")
    emails = JSONField(default=list)
    entities = JSONField(null=True)
    """A list of entity names, or NULL for all of them."""
    time_zone = CharField(max_length=64, default="UTC")
    date_format = CharField(max_length=32, default="YYYY-MM-DD")
    decimal_separator = CharField(max_length=1, default=".")
    column_order = CharField(max_length=8, default="strict")
    schedule = CharField(max_length=64, default="immediate")
    """When uploads are picked up (schedules.py), unless EntitySettings has an exception."""
    digest = BooleanField(default=False)
    """One mail for all imports that were picked up together, in place of one for each."""
    export_imported = BooleanField(default=False)
    """Export orders and customers that came in by import, too."""
    export_bom = BooleanField(default=False)
    export_delimiter = CharField(max_length=1, default=",")
    disabled = BooleanField(default=False)
    created_at = UTCField(default=now)


class Login(Base):
    id = AutoField()
    account = ForeignKeyField(Account, backref="logins", on_delete="CASCADE")
    name = CharField(max_length=63, unique=True)
    password_hash = TextField()
    entities = JSONField(null=True)
    """A subset of the account's entities, or NULL for all of them."""
    networks = JSONField(default=list)
    """CIDR networks that this login may come from; an empty list allows every address."""
    client_certificates = JSONField(null=True)
    """SHA-256 fingerprints (AB:CD:...) of client certificates, of which the login needs one; NULL: it needs none."""
    require_close_notify = BooleanField(default=True)
    disabled = BooleanField(default=False)
    created_at = UTCField(default=now)
    last_login_at = UTCField(null=True)


class EntitySettings(Base):
    """What an account decided for one entity; no row means the defaults."""

    id = AutoField()
    account = ForeignKeyField(Account, backref="entity_settings", on_delete="CASCADE")
    entity = CharField(max_length=63)
    on_error = CharField(max_length=8, default="continue")
    """continue: good rows go on; abort: a file counts as a whole or not at all."""
    schedule = CharField(max_length=64, null=True)
    """immediate: a file is an import from its receipt on; else it waits in the entity folder. NULL: the account's."""
    export_schedule = CharField(max_length=64, null=True)
    """When all records are exported; NULL: when asked for only."""

    class Meta:
        indexes = ((("account", "entity"), True),)

    @classmethod
    def of(cls, account: int, entity: str) -> EntitySettings:
        """What holds for an entity: where nothing is set, the defaults and the account's schedule. Not to be saved."""
        found = cls.get_or_none((cls.account == account) & (cls.entity == entity)) or cls(
            account=account, entity=entity
        )
        if found.schedule is None:
            found.schedule = Account.select(Account.schedule).where(Account.id == account).scalar()
        return found


def refuse_removed(row: Account | Login) -> None:
    """Raises NotFoundError if an account or login that was looked up is gone. Called in the transaction that writes.

    SQLite gives the id of one that was removed to the next, which would get what was meant for the former.
    """
    kind = type(row)
    if not kind.select().where((kind.id == row.id) & (kind.created_at == row.created_at)).exists():
        raise NotFoundError(f"The {kind.__name__.lower()} {row.name!r} was removed meanwhile; nothing was done")


@contextlib.contextmanager
def writing(account_id: int, patience: int = 0) -> Iterator[None]:
    """One transaction in which no other receipt, removal, renaming or pick-up of the account takes place.

    On Postgres one of these may stand still: `patience` is how many seconds each lock is waited for (0: as long as it
    takes). Raises OperationalError.
    """
    with transaction():
        if is_postgres():
            if patience:
                database.execute_sql(f"SET LOCAL lock_timeout = {patience * 1000}")
            # NO KEY: neither does an import wait that inserts records with this account's key, nor we for it.
            _LOCK.run(account=account_id)
        yield


_LOCK = Prepared(
    lambda: Account.select(Account.id).where(Account.id == slot("account")).for_update("FOR NO KEY UPDATE")
)
