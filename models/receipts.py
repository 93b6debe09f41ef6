"""The statements of a login and of a receipt: few and short, and clients wait for them, so they are prepared."""

from __future__ import annotations

from typing import Any

from peewee import JOIN, ModelSelect, fn

from models.account import Account, EntitySettings, Login
from models.base import UTCField, now
from models.prepared import Prepared, Row, slot
from models.upload import ImportRun, Upload

_UTC = UTCField()


def login_row(number: int) -> Row | None:
    """All that rights are made of, as it stands in the tables; two equal rows give equal rights."""
    return _LOGIN.first(number=number)


def password(login: str) -> tuple[int, str] | None:
    """The number of a login and its password's hash."""
    row = _PASSWORD.first(name=login)
    return (row[0], row[1]) if row is not None else None


def schedule(account: int, entity: str) -> str:
    """The schedule of an entity, which is the account's if it has none of its own."""
    row = _SCHEDULE.first(account=account, entity=entity)
    return row[0] if row is not None else "immediate"


def waiting_numbers(account: int, entity: str, name: str) -> list[int]:
    """The waiting uploads of one name."""
    return [number for (number,) in _WAITING.rows(account=account, entity=entity, name=name)]


def replace_waiting(account: int, entity: str, name: str) -> list[int]:
    """Take the waiting uploads of one name out of the queue; returns their numbers."""
    numbers = waiting_numbers(account, entity, name)
    if numbers:
        _REPLACE.run(account=account, entity=entity, name=name)
    return numbers


def is_waiting(number: int) -> bool:
    return _STILL.first(number=number) is not None


def add_upload(**values: Any) -> int:
    """Insert an upload and, if it is picked up at once, its import; returns the number that both have."""
    values["received_at"] = _UTC.db_value(now())
    number = _UPLOAD.insert(**values)
    if values["state"] == "picked":
        _RUN.run(number=number, **values)
    return number


def _login() -> ModelSelect:
    mine = Login.select(Login, Account).join(Account).where(Login.id == slot("number"))
    # Who logged in when is no right.
    columns = [each for each in Login._meta.sorted_fields if each is not Login.last_login_at]
    return mine.select(*columns, *Account._meta.sorted_fields).tuples()


def _schedule() -> ModelSelect:
    own = EntitySettings.entity == slot("entity")
    query = Account.select(fn.COALESCE(EntitySettings.schedule, Account.schedule))
    query = query.join(EntitySettings, JOIN.LEFT_OUTER, on=(EntitySettings.account == Account.id) & own)
    return query.where(Account.id == slot("account"))


def _mine() -> Any:
    mine = (Upload.account == slot("account")) & (Upload.entity == slot("entity")) & (Upload.name == slot("name"))
    return mine & (Upload.state == "waiting")


_COLUMNS = ("account", "entity", "name", "size", "sha256", "login", "remote_ip", "state", "received_at")
_LOGIN = Prepared(_login)
_PASSWORD = Prepared(lambda: Login.select(Login.id, Login.password_hash).where(Login.name == slot("name")).tuples())
_SCHEDULE = Prepared(_schedule)
_WAITING = Prepared(lambda: Upload.select(Upload.id).where(_mine()))
_REPLACE = Prepared(lambda: Upload.update(state="replaced").where(_mine()))
_STILL = Prepared(lambda: Upload.select(Upload.id).where(Upload.id == slot("number"), Upload.state == "waiting"))
_UPLOAD = Prepared(lambda: Upload.insert({name: slot(name) for name in _COLUMNS}))
_RUN = Prepared(lambda: ImportRun.insert(number=slot("number"), account=slot("account"), entity=slot("entity"),
                                         file=slot("name"), received_at=slot("received_at")))  # fmt: skip
