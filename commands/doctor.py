"""`ftpdock doctor`: what would keep the server from working, found before a partner finds it."""

from __future__ import annotations

import datetime as dt
import errno
import socket
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.common import Command, Context, iso, json_option, pass_context, print_objects
from errors import FtpdockError
from layout import barred, barred_home, open_home, refuse_export_folder
from owners import barred_account, foreign_home, open_secrets

if TYPE_CHECKING:
    from schemas import TemplateSchema
    from settings import Settings

Check = Callable[[Context], str]

NEAR_END_DAYS = 14
"""A certificate that ends sooner is a problem."""


@click.command(cls=Command)
@json_option
@pass_context
def doctor(context: Context, as_json: bool) -> None:
    """Find what would keep the server from working.

    Looks at the settings, home, database, certificate, port, disk, plugins, queue, mail and the key for passwords of
    targets, and changes nothing. Exit status 1 when there is a problem.
    """
    results = [_result(name, check, context) for name, check in _checks(context).items()]
    print_objects(results, ("result", "check", "detail"), as_json)
    if any(result["result"] != "ok" for result in results):
        click.get_current_context().exit(1)


def _checks(context: Context) -> Mapping[str, Check]:
    """Without settings nothing else can be looked at, and what is wrong with them is told once."""
    read = _result("settings", lambda it: str(it.settings.home), context)["result"] == "ok"
    return CHECKS if read else CHECKS | dict.fromkeys(list(CHECKS)[1:], _not_looked_at)


def _not_looked_at(_: Context) -> str:
    raise FtpdockError("not looked at: mend the settings first")


def _result(name: str, check: Check, context: Context) -> dict[str, Any]:
    try:
        return {"result": "ok", "check": name, "detail": check(context)}
    except Exception as problem:
        # Databases tell things in several lines.
        words = " ".join(map(str.strip, str(problem).splitlines()))
        return {"result": "problem", "check": name, "detail": words or type(problem).__name__}


def _settings(context: Context) -> str:
    file = context.settings.home / "ftpdock.toml"
    refuse_export_folder(context.settings, _folders(context))
    # What is open depends on who asks, and that has to be whom the server runs as.
    if not foreign_home(context.settings):
        _raise("; ".join(open_secrets(context.settings)))
    return f"{file} is read" if file.exists() else f"defaults; there is no {file}"


def _schemas(context: Context) -> Sequence[type[TemplateSchema]]:
    """Those of ftpdock alone while the plugins can't be loaded, which their line tells."""
    from schemas import SCHEMAS

    try:
        return context.schemas
    except Exception:
        return SCHEMAS


def _folders(context: Context) -> list[str]:
    return [schema.folder for schema in _schemas(context)]


def _plugin_tables(context: Context) -> list[str]:
    """None while the plugins can't be loaded, which their line tells."""
    try:
        return [table._meta.table_name for table in context.registry.plugin_tables]
    except Exception:
        return []


def _home(context: Context) -> str:
    home = context.settings.home
    _raise(foreign_home(context.settings) or barred_home(context.settings))
    if not home.exists():
        return _made_first(home)
    _raise(barred_account(context.settings, _folders(context)) or open_home(home))
    return f"{home} is writable"


def _raise(problem: str) -> None:
    if problem:
        raise FtpdockError(problem)


def _made_first(path: Path) -> str:
    """Of what is missing and no problem."""
    return f"there is no {path} yet: made by the first `ftpdock serve`"


def _database(context: Context) -> str:
    return f"{_found(context)}{_former(context.settings)}"


def _former(settings: Settings) -> str:
    """What is to be said of the database that the home has for who names none, as one that was copied elsewhere."""
    file, path = settings.home / "ftpdock.db", settings.database_path
    if not file.exists() or (path is not None and path.exists() and path.samefile(file)):
        return ""
    return (f"; {file} is not it, and whoever is started without {settings.where('database')} works with that one: "
            f"rename it to {file.name}.former")  # fmt: skip


def _found(context: Context) -> str:
    import models
    from belonging import refuse_strange_files, refuse_strange_home
    from models.migrate import NAMES, are_all, pending
    from models.rights import unchangeable, unfit, unusable
    from upgrade import another, hindrance

    path = context.settings.database_path
    if path is not None:
        _raise(barred(path.parent))
        # To open it would make it.
        if not path.exists():
            _raise(another(context.settings))
            refuse_strange_files(context.settings)
            return _made_first(_can_be_made(path, context))
        if _is_busy(path):
            return "another program has been writing into it for a second: not looked at any further"
    plugins = _plugin_tables(context)
    database = models.bind(context.settings.database_url)
    with database.connection_context():
        _raise(unfit(database) or unusable(database, NAMES + plugins))
    if missing := pending(database):
        _raise(hindrance(context.settings, database))
    with database.connection_context():
        if missing:
            _raise(unchangeable(database, NAMES))
        if are_all(missing):
            refuse_strange_files(context.settings)
            return "empty: its tables are made by the first `ftpdock serve`"
        if missing:
            raise FtpdockError(f"migrations are pending ({', '.join(missing)}): run `ftpdock db migrate`")
        refuse_strange_home(context.settings)
        if set(plugins) - set(database.get_tables()):
            _raise(unchangeable(database, NAMES))
    _check_time_zones()
    return "reachable, writable and up to date"


def _can_be_made(path: Path, context: Context) -> Path:
    """SQLite makes files, no folders."""
    if not path.parent.exists() and path.parent != context.settings.home:
        raise FtpdockError(f"there is no folder {path.parent} for {path.name}: make it, or mend "
                           f"{context.settings.where('database')}")  # fmt: skip
    return path


def _is_busy(path: Path) -> bool:
    from models.sqlite import takes_writes

    try:
        return not takes_writes(path)
    except sqlite3.Error as error:
        raise FtpdockError(f"{path} can't be written ({error}): expected a database of SQLite that this user may "
                           "write, and so its folder and the files -wal and -shm beside it") from error  # fmt: skip


def _check_time_zones() -> None:
    """What was a zone when the account got it may be none on this machine, or by now. Raises FtpdockError."""
    from peewee import fn

    import models
    from account_checks import check_time_zone

    account = models.Account
    unknown = []
    with models.database.connection_context():
        for zone, name in account.select(account.time_zone, fn.MIN(account.name)).group_by(account.time_zone).tuples():
            try:
                check_time_zone(zone)
            except FtpdockError:
                unknown.append(f"{zone!r} (as {name} has)")
    if unknown:
        raise FtpdockError(
            f"this machine knows no time zone {' or '.join(unknown[:5])}{' and others' if unknown[5:] else ''}: "
            "schedules of such accounts stand still. Install the system's time zones (tzdata), or set others by "
            "`ftpdock account set NAME --timezone ZONE`"
        )


def _port(context: Context) -> str:
    host, port = context.settings.host, context.settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise FtpdockError(f"can't listen on {host}:{port}: {error.strerror}") from error
            return _greeting(context)
    return f"{host}:{port} is free"


def _greeting(context: Context) -> str:
    """Fine when it is ftpdock that has the port: the doctor may be asked while the server runs."""
    host, port = context.settings.host, context.settings.port
    near = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    with socket.create_connection((near, port), timeout=5) as connection:
        greeting = connection.recv(1024).decode("utf-8", "replace")
    if context.settings.banner not in greeting:
        raise FtpdockError(f"another program listens on port {port}: stop it, or set another `port`")
    return f"the server is running on {host}:{port}"


def _disk(context: Context) -> str:
    from room import LEAST_BYTES, LEAST_FILES, rooms

    home, *others = rooms(context.settings)
    if home.bytes < (needed := context.settings.min_free_bytes):
        raise FtpdockError(f"{home.bytes:,} bytes are free, uploads are refused below {needed:,} (`min_free_bytes`)")
    for each in (home, *others):
        if each.bytes < LEAST_BYTES:
            raise FtpdockError(f"{each.bytes:,} bytes are free on the disk with {each.path}, expected at least "
                               f"{LEAST_BYTES:,}: make room")  # fmt: skip
        if each.few_files():
            raise FtpdockError(f"the file system with {each.path} takes {each.files:,} more files (inodes), expected "
                               f"at least {LEAST_FILES:,}: delete some, however small")  # fmt: skip
    also = (f", {each.bytes / 2**30:.1f} GiB on the one with {each.path}" for each in others)
    return f"{home.bytes / 2**30:.1f} GiB free{''.join(also)}"


def _plugins(context: Context) -> str:
    entities = len(context.registry.schemas)
    named = ", ".join(context.settings.plugins) or "none named"
    return f"{named}; {entities} entities"


def _certificate(context: Context) -> str:
    import certs

    settings = context.settings
    path, key, remedy = settings.certificate_path, settings.private_key_path, certs.remedy(settings)
    if missing := certs.missing(settings):
        if settings.certificate or settings.private_key:
            raise FtpdockError(f"there is no {missing}: {remedy}")
        _raise(barred(missing.parent))
        return _made_first(missing)
    try:
        certs.check_usable(path, key)
    except (OSError, certs.CertificateError) as error:
        raise FtpdockError(f"{path} and {key} can't be used together: {error}; {remedy}") from error
    details, now = certs.show(path), dt.datetime.now(dt.UTC)
    if words := certs.refusal(details, now):
        raise FtpdockError(words)
    end = details.not_after
    days = (end - now).days
    if days < NEAR_END_DAYS:
        raise FtpdockError(f"it ends in {days} days, at {iso(end)}: {certs.RENEWAL}")
    return f"good until {iso(end)}"


def _queue(context: Context) -> str:
    from jobs.bell import queue_file, reach

    settings = context.settings
    if settings.queue == "sqlite":
        file = queue_file(settings)
        if not file.exists():
            return f"there is no {file} yet: made when it is needed"
        _is_busy(file)
        return f"{file} is writable"
    kind = settings.queue.partition(":")[0]
    try:
        reach(settings.queue)
    except Exception as error:
        raise FtpdockError(f"{kind} can't be reached ({error}): start it, or mend {settings.where('queue')}; until "
                           "then workers look by themselves, once a second") from error  # fmt: skip
    return f"{kind} answers"


def _mail(context: Context) -> str:
    from jobs.mail_smtp import check_files, where

    settings = context.settings
    if not settings.smtp_host:
        return f"no smtp_host is set: mails become files in {settings.home / 'mail'}"
    check_files(settings)
    return f"goes to {where(settings)}; `ftpdock mail test ADDRESS` tries that"


def _secret_key(context: Context) -> str:
    from commands.target_key import examine

    return examine(context)


CHECKS: dict[str, Check] = {
    "settings": _settings,
    "home": _home,
    "database": _database,
    "certificate": _certificate,
    "port": _port,
    "disk": _disk,
    "plugins": _plugins,
    "queue": _queue,
    "mail": _mail,
    "secret_key": _secret_key,
}
"""Each returns what it found, or raises with what is wrong and what to do."""
