"""`ftpdock doctor`: what would keep the server from working, found before a partner finds it."""

from __future__ import annotations

import datetime as dt
import errno
import os
import shutil
import socket
from collections.abc import Callable
from typing import Any

import click

from commands.common import Command, Context, iso, json_option, pass_context, print_objects
from errors import FtpdockError
from layout import open_home

NEAR_END_DAYS = 14
"""A certificate that ends sooner is a problem."""


@click.command(cls=Command)
@json_option
@pass_context
def doctor(context: Context, as_json: bool) -> None:
    """Find what would keep the server from working.

    Looks at the settings, home, database, certificate, port, disk and plugins and changes nothing. Exit status 1 when
    there is a problem.
    """
    results = [_result(name, check, context) for name, check in CHECKS.items()]
    print_objects(results, ("result", "check", "detail"), as_json)
    if any(result["result"] != "ok" for result in results):
        click.get_current_context().exit(1)


def _result(name: str, check: Callable[[Context], str], context: Context) -> dict[str, Any]:
    try:
        return {"result": "ok", "check": name, "detail": check(context)}
    except Exception as problem:
        return {"result": "problem", "check": name, "detail": str(problem) or type(problem).__name__}


def _settings(context: Context) -> str:
    file = context.settings.home / "ftpdock.toml"
    return f"{file} is read" if file.exists() else f"defaults; there is no {file}"


def _home(context: Context) -> str:
    home = context.settings.home
    if not home.is_dir():
        raise FtpdockError(f"{home} does not exist: `ftpdock serve` makes it")
    if problem := open_home(home):
        raise FtpdockError(problem)
    for folder in (home, *(each for each in (context.settings.accounts, context.settings.spool) if each.exists())):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise FtpdockError(f"{folder} is not writable for this user: run ftpdock as the user who owns it")
    return f"{home} is writable"


def _database(context: Context) -> str:
    import models
    from models.migrate import pending

    path = context.settings.database_path
    # To open it would make it.
    if path is not None and not path.exists():
        raise FtpdockError(f"there is no {path} yet: `ftpdock serve` or `ftpdock db migrate` makes it")
    missing = pending(models.bind(context.settings.database_url))
    if missing:
        raise FtpdockError(f"migrations are pending ({', '.join(missing)}): run `ftpdock db migrate`")
    _check_time_zones()
    return "reachable and up to date"


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
    free = shutil.disk_usage(context.settings.home).free
    needed = context.settings.min_free_bytes
    if free < needed:
        raise FtpdockError(f"{free:,} bytes are free, uploads are refused below {needed:,} (`min_free_bytes`)")
    return f"{free / 2**30:.1f} GiB free"


def _plugins(context: Context) -> str:
    entities = len(context.registry.schemas)
    named = ", ".join(context.settings.plugins) or "none named"
    return f"{named}; {entities} entities"


def _certificate(context: Context) -> str:
    import certs

    path = context.settings.certificate_path
    if not path.exists():
        raise FtpdockError(f"there is no {path}: `ftpdock serve` makes one unless the settings name another")
    try:
        certs.check_usable(path, context.settings.private_key_path)
    except (OSError, certs.CertificateError) as error:
        raise FtpdockError(f"{path} and {context.settings.private_key_path} can't be used together: {error}") from error
    details, now = certs.show(path), dt.datetime.now(dt.UTC)
    if details.not_before > now:
        raise FtpdockError(f"it begins at {iso(details.not_before)} only, and clients refuse it until then: renew it, "
                           "or set this machine's clock if that is wrong")  # fmt: skip
    end = details.not_after
    days = (end - now).days
    if days < NEAR_END_DAYS:
        raise FtpdockError(f"it ends in {days} days, at {iso(end)}: renew it (`ftpdock cert make` or `cert install`)")
    return f"good until {iso(end)}"


CHECKS: dict[str, Callable[[Context], str]] = {
    "settings": _settings,
    "home": _home,
    "database": _database,
    "certificate": _certificate,
    "port": _port,
    "disk": _disk,
    "plugins": _plugins,
}
"""Each returns what it found, or raises with what is wrong and what to do."""
