"""What `target add` and `target set` are given, and what they ask for besides."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from commands.common import Context, chosen, read_password
from commands.target_key import check_key, tell_making
from errors import FtpdockError

if TYPE_CHECKING:
    from exports.push.url import Place
    from models import Target


def given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, as exports.push.targets takes them."""
    values = chosen(**options)
    variable = values.pop("password_env", None)
    from_stdin = values.pop("password_stdin", False)
    if variable and from_stdin:
        raise click.UsageError("--password-stdin and --password-env exclude each other.")
    if variable:
        values["secret_env"] = variable
    if from_stdin:
        values["secret"] = read_password("", from_stdin=True)[0]
    return values


def ask_for_new(context: Context, place: Place, values: dict[str, Any], key_lost: bool) -> None:
    """Fill up what a new target needs."""
    asks = place.scheme in ("ftps", "sftp") and not values.keys() & {"secret", "secret_env", "key_file"}
    if asks or values.get("secret"):
        check_key(context, None, key_lost)
    if place.scheme == "sftp" and "host_key" not in values:
        values["host_key"] = _host_key(place)
    if asks:
        values["secret"] = _password(values.get("username") or place.username, place.host)
    _tell_making(context, values)


def ask_for_change(context: Context, target: Target, values: dict[str, Any], key_lost: bool) -> None:
    """Fill up what the change needs. Raises FtpdockError for one that can't be made, before anything is asked."""
    from exports.push import moving
    from exports.push.url import read_url

    place: Place | None = values.get("place")
    if place:
        moving.check_move(target, values)
    asks = moving.needs_password(target, values)
    if asks or values.get("secret"):
        check_key(context, target.number, key_lost)
    if place and moving.needs_host_key(target, values):
        values["host_key"] = _host_key(place)
    if asks:
        username = values.get("username") or (place and place.username) or target.username
        values["secret"] = _password(username, (place or read_url(target.url)).host)
    _tell_making(context, values)


def _tell_making(context: Context, values: dict[str, Any]) -> None:
    if values.get("secret"):
        tell_making(context)


def _password(username: str, host: str) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("Give the password by --password-stdin or --password-env (for sftp, or a --key-file).")
    password: str = click.prompt(f"Password of {username} at {host}", hide_input=True)
    return password


def _host_key(place: Place) -> str:
    """The key that the server shows, once a person has compared it."""
    from exports.push.targets import server_key

    found = server_key(place)
    if not sys.stdin.isatty():
        raise FtpdockError(
            f"{place.host}:{place.port} shows the host key {found}. Compare it with what the partner says, then give "
            f"--host-key {found}"
        )
    click.echo(f"{place.host}:{place.port} shows the host key {found}")
    click.confirm("Is it the one that the partner named?", abort=True)
    return found
