"""What admins do to accounts and logins: database and folders together, nothing half done. Prints nothing.

Entities are given as names in the singular; an empty sequence stands for all of them. The database is connected.
"""

from __future__ import annotations

import contextlib
import difflib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from peewee import IntegrityError, PeeweeException

import jobs.schedules as ticks
import passwords
from account_checks import (
    check_company,
    check_date_format,
    check_delimiter,
    check_email,
    check_name,
    check_network,
    check_password,
    check_time_zone,
)
from errors import ConflictError, FtpdockError, NotFoundError
from imports.templates import write_templates
from layout import TEMPLATES, account_root, export_source, holds_files, make_account_folders
from models import Account, EntitySettings, Login, database, is_postgres, now, refuse_removed, transaction, writing
from models.schedule import EXPORT
from schedules import IMMEDIATE, OFF, check_schedule, describe
from schemas import Formats, TemplateSchema
from settings import Settings
from ticks import plan_one

Schemas = Sequence[type[TemplateSchema]]

_CHECKS = {
    "company": check_company,
    "time_zone": check_time_zone,
    "date_format": check_date_format,
    "export_delimiter": check_delimiter,
}
_SHOWN_IN_TEMPLATES = {"entities", "date_format", "decimal_separator", "time_zone"}


def find(name: str) -> Account:
    """Raises NotFoundError."""
    account = Account.get_or_none(Account.name == name)
    if account is None:
        raise NotFoundError(f"There is no account {name!r}{_hint(name, Account)}")
    return account


def find_login(name: str) -> Login:
    """Raises NotFoundError."""
    login = Login.get_or_none(Login.name == name)
    if login is None:
        raise NotFoundError(f"There is no login {name!r}{_hint(name, Login)}")
    return login


def _hint(name: str, model: type[Account] | type[Login]) -> str:
    near = difflib.get_close_matches(name.lower(), [row.name for row in model.select(model.name)], 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def schemas_of(account: Account, schemas: Schemas) -> list[type[TemplateSchema]]:
    """The templates that this account uses, in the order of `schemas`."""
    return [schema for schema in schemas if account.entities is None or schema.entity in account.entities]


def formats_of(account: Account) -> Formats:
    return Formats(account.date_format, account.decimal_separator)


def refuse_taken(name: str) -> None:
    """Raises ConflictError when `account add` could not use the name."""
    if Account.get_or_none(Account.name == name):
        raise ConflictError(f"There is already an account {name!r}")
    refuse_taken_login(name)


def refuse_taken_login(name: str) -> None:
    login = Login.get_or_none(Login.name == name)
    if login:
        raise ConflictError(f"There is already a login {name!r}; it opens the account {login.account.name!r}")


def add(
    settings: Settings,
    schemas: Schemas,
    name: str,
    password: str,
    *,
    company: str = "",
    emails: Sequence[str] = (),
    entities: Sequence[str] = (),
    **exports: Any,
) -> Account:
    """Make an account, its folders and a login of the same name. Raises FtpdockError; then nothing is left.

    `exports` are columns that `change` takes: export_imported, export_bom, export_delimiter.
    """
    refuse_taken(check_name(name))
    values = {
        "name": name,
        "company": check_company(company),
        "emails": [check_email(each) for each in emails],
        "entities": list(entities) or None,
        **{column: _checked(column, value) for column, value in exports.items()},
    }
    password_hash = passwords.hash_password(check_password(password))
    # Around the transaction: its COMMIT may fail, too.
    with _taken_means_conflict(name), _removed_on_failure(settings, name) as making, transaction():
        account = Account.create(**values)
        Login.create(account=account, name=name, password_hash=password_hash)
        _refuse_files_of_another(export_source(settings, name))
        making()
        make_folders(settings, schemas, account)
    return account


@contextlib.contextmanager
def _taken_means_conflict(name: str) -> Iterator[None]:
    """Two commands may ask for one name at the same moment: the database lets one have it."""
    try:
        yield
    except IntegrityError as error:
        raise ConflictError(f"The name {name!r} is taken") from error


def _refuse_files_of_another(root: Path) -> None:
    if holds_files(root):
        raise ConflictError(f"{root} holds files of an earlier account of this name: move the folder away first")


@contextlib.contextmanager
def _removed_on_failure(settings: Settings, name: str) -> Iterator[Callable[[], None]]:
    """Take the account's folder away when making it fails. What is yielded is to be called before it is made."""
    root, made = account_root(settings, name), False

    def making() -> None:
        nonlocal made
        _refuse_files_of_another(root)
        made = not root.exists()

    try:
        yield making
    except BaseException:
        if made:
            with contextlib.suppress(PeeweeException):
                _take_folder_away(root, name)
        raise


def _take_folder_away(root: Path, name: str) -> None:
    """Unless there is such an account: one that another command has made since, or this one, of which a Postgres that
    went away in the middle of COMMIT said nothing. Raises PeeweeException, then it stays."""
    if is_postgres() and database.connection().closed:
        return
    with transaction():
        if not Account.select().where(Account.name == name).exists():
            shutil.rmtree(root, ignore_errors=True)


def make_folders(settings: Settings, schemas: Schemas, account: Account) -> None:
    """Make the account's folders where they are missing and write its templates anew."""
    used = schemas_of(account, schemas)
    root = make_account_folders(settings, account.name, [schema.folder for schema in used])
    pickups = {
        entity: describe(schedule, account.time_zone) for entity, schedule in schedules_of(account, used).items()
    }
    write_templates(root / TEMPLATES, used, formats_of(account), pickups, settings.export_folder)


def change(settings: Settings, schemas: Schemas, account: Account, **changes: Any) -> None:
    """Set columns of the account: company, emails, entities, time_zone, date_format, decimal_separator, column_order,
    digest, export_imported, export_bom, export_delimiter, disabled. Templates follow. Raises FtpdockError."""
    for column, value in changes.items():
        setattr(account, column, _checked(column, value))
    with writing(account.id):
        refuse_removed(account)
        _save(account, changes)
        if "time_zone" in changes:
            ticks.plan(account, [schema.entity for schema in schemas], now())
            for entity, schedule in export_schedules_of(account).items():
                plan_one(account, EXPORT + entity, schedule, now())
        if _SHOWN_IN_TEMPLATES & changes.keys():
            make_folders(settings, schemas, account)


def _save(row: Account | Login, columns: Iterable[str]) -> None:
    """Write these columns alone: the server and other admins may have changed the rest since the row was read."""
    only = list(columns)
    if only:
        row.save(only=only)


def _checked(column: str, value: Any) -> Any:
    if column == "emails":
        return [check_email(each) for each in value]
    if column == "entities":
        return list(value) or None
    return _CHECKS[column](value) if column in _CHECKS else value


def schedules_of(account: Account, schemas: Schemas) -> dict[str, str]:
    """Entity to the schedule that holds for it, in the order of `schemas`."""
    exceptions = ticks.exceptions(account)
    return {schema.entity: exceptions.get(schema.entity, account.schedule) for schema in schemas}


def set_schedule(
    settings: Settings, schemas: Schemas, account: Account, entity: str | None, schedule: str | None
) -> None:
    """Decide when uploads of `entity` are picked up, or (None) of all that have no schedule of their own.

    The schedule None takes an entity's own one away. /Templates follow; what waits is left to the caller, or to the
    next turn of a worker. Raises FtpdockError.
    """
    stored = check_schedule(schedule) if schedule is not None else None
    with writing(account.id):
        refuse_removed(account)
        if entity is None:
            account.schedule = stored or IMMEDIATE
            _save(account, ["schedule"])
        else:
            row, _ = EntitySettings.get_or_create(account=account, entity=entity)
            row.schedule = stored
            row.save(only=["schedule"])
        ticks.plan(account, [schema.entity for schema in schemas], now())
        make_folders(settings, schemas, account)


def has_schedule(account: Account, entity: str) -> bool:
    """Whether a schedule of its own is stored for the entity, of imports or of exports."""
    mine = (EntitySettings.account == account) & (EntitySettings.entity == entity)
    stored = EntitySettings.schedule.is_null(False) | EntitySettings.export_schedule.is_null(False)
    return bool(EntitySettings.select().where(mine & stored).exists())


def export_schedules_of(account: Account) -> dict[str, str]:
    """Entity to the schedule by which all of its records are exported; those without one are left out."""
    mine = (EntitySettings.account == account) & EntitySettings.export_schedule.is_null(False)
    return {row.entity: row.export_schedule for row in EntitySettings.select().where(mine)}


def set_export_schedule(account: Account, entities: Sequence[str], schedule: str) -> None:
    """Decide when all records of each of `entities` are exported; `off`: only when asked for. Raises FtpdockError."""
    stored = check_schedule(schedule)
    if stored == IMMEDIATE:
        raise FtpdockError('An export has no immediate: write "every 1d" (m, h or d), five cron fields, or off')
    with writing(account.id):
        refuse_removed(account)
        for entity in entities:
            row, _ = EntitySettings.get_or_create(account=account, entity=entity)
            row.export_schedule = None if stored == OFF else stored
            row.save(only=["export_schedule"])
            plan_one(account, EXPORT + entity, stored, now())


def set_on_error(account: Account, entities: Sequence[str], on_error: str) -> None:
    """Decide for each of `entities` (none: not one) what a rejected row does: `continue` or `abort`.

    Raises FtpdockError for one that the account has not.
    """
    refuse_foreign(account, entities)
    with transaction():
        refuse_removed(account)
        for entity in entities:
            row, _ = EntitySettings.get_or_create(account=account, entity=entity)
            row.on_error = on_error
            row.save(only=["on_error"])


def add_login(
    account: Account,
    name: str,
    password: str,
    *,
    entities: Sequence[str] = (),
    networks: Sequence[str] = (),
    client_certificates: Sequence[str] = (),
) -> Login:
    """Make another login of `account`. Raises FtpdockError. Certificates are given as certs.fingerprints() has them."""
    refuse_taken_login(check_name(name))
    values = {
        "entities": _subset(account, entities),
        "networks": [check_network(each) for each in networks],
        "client_certificates": list(client_certificates) or None,
        "password_hash": passwords.hash_password(check_password(password)),
    }
    with _taken_means_conflict(name), writing(account.id):
        refuse_removed(account)
        return Login.create(account=account, name=name, **values)


def change_login(login: Login, **changes: Any) -> None:
    """Set columns of the login: entities, networks, client_certificates, require_close_notify, disabled, password.
    Raises FtpdockError."""
    if "entities" in changes:
        changes["entities"] = _subset(login.account, changes["entities"])
    if "networks" in changes:
        changes["networks"] = [check_network(each) for each in changes["networks"]]
    if "client_certificates" in changes:
        changes["client_certificates"] = list(changes["client_certificates"]) or None
    if "password" in changes:
        changes["password_hash"] = passwords.hash_password(check_password(changes.pop("password")))
    for column, value in changes.items():
        setattr(login, column, value)
    with transaction():
        refuse_removed(login)
        _save(login, changes)


def remove_login(login: Login) -> None:
    """Remove a login. Raises NotFoundError if somebody else has done so since it was looked up."""
    with transaction():
        refuse_removed(login)
        login.delete_instance()


def _subset(account: Account, entities: Sequence[str]) -> list[str] | None:
    refuse_foreign(account, entities)
    return list(entities) or None


def refuse_foreign(account: Account, entities: Sequence[str]) -> None:
    """Raises FtpdockError when the account may not send all of these entities."""
    foreign = [each for each in entities if account.entities is not None and each not in account.entities]
    if foreign:
        raise FtpdockError(
            f"The account {account.name!r} has no {', '.join(foreign)}: it has {', '.join(account.entities)}"
        )
