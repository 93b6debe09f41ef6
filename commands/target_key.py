"""Whether a password that a command encrypts can be decrypted by the server: asked before anything else is."""

from __future__ import annotations

from typing import Any

import click
from peewee import PeeweeException

from commands.common import Context
from errors import FtpdockError, SettingsError


def check_key(context: Context, number: int | None, key_lost: bool) -> None:
    """Raise SettingsError if the key at hand is not that of the servers that run, or not that of the stored passwords.

    `number` is the target whose password is to be replaced.
    """
    from exports.push import key

    check_servers(context)
    if not key_lost:
        key.refuse_another(context.settings, number)


def tell_making(context: Context) -> None:
    """That a key is made, if nobody could tell that it is the one which the server will have."""
    from exports.push import key

    if not key.is_there(context.settings) and not _cards(context):
        path = key.key_path(context.settings)
        click.echo(f"No server runs that could tell where it has its key for passwords from: {path} is made for this "
                   "one. If the server is to have FTPDOCK_SECRET_KEY, give the password again, with that and "
                   "--key-lost", err=True)  # fmt: skip


def check_servers(context: Context) -> None:
    """Raise SettingsError if a server runs that has another key."""
    from exports.push import key

    for card in _cards(context):
        if not key.is_that_of(context.settings, card["key"]["proof"]):
            raise SettingsError(_told(context, card))


def _cards(context: Context) -> list[dict[str, Any]]:
    """Of running servers; one of a version before tells nothing of its key."""
    from jobs.cards import read_cards

    cards = read_cards(context.settings.spool / "servers")
    return [card for card in cards if card["alive"] and isinstance(card.get("key"), dict)]


def _told(context: Context, card: dict[str, Any]) -> str:
    from exports.push import key

    here = f"another one, from {key.where(context.settings)}" if key.is_there(context.settings) else "none"
    run = (
        "run it with the FTPDOCK_SECRET_KEY of the server" if card["key"]["proof"] else "run it without any of its own"
    )
    return (f"The server (pid {card['pid']} on {card['host']}) has its key for passwords of targets from "
            f"{card['key']['from']}, and this command has {here}: neither could decrypt what the other one encrypts. "
            f"Give it the same key: {run}, or start the server again if its key was changed since")  # fmt: skip


def tell_lost(context: Context) -> None:
    """After a password was stored though the key of others is lost: which these are."""
    from exports.push import key

    if numbers := key.lost(context.settings):
        click.echo(f"Lost with their key: the {key.which(numbers)}. Give each anew: {key.ANEW}", err=True)


def examine(context: Context) -> str:
    """What the doctor says of the key. Raises FtpdockError with what is wrong."""
    from exports.push import key

    there = key.is_there(context.settings)
    if there:
        key.cipher(context.settings)
    check_servers(context)
    tried = _tried(context)
    if wrong := [number for number, opened in tried.items() if not opened]:
        raise SettingsError(key.told(context.settings, wrong))
    if tried:
        return f"can be used: it decrypts the {key.which(list(tried))}"
    return "can be used" if there else "none yet: made for the first target that has a password"


def _tried(context: Context) -> dict[int, bool]:
    """Number of each target with a password to whether it can be decrypted; none while the database can't be read,
    which the doctor tells by itself."""
    import models
    from exports.push import key
    from models.migrate import pending

    path = context.settings.database_path
    try:
        # To open it would make it.
        if path is not None and not path.exists():
            return {}
        database = models.bind(context.settings.database_url)
        if pending(database):
            return {}
        with database.connection_context():
            return key.tried(context.settings)
    except (OSError, PeeweeException, FtpdockError):
        return {}
