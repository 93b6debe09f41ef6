"""Brings the database to the shape of this version, and keeps versions apart that need different ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peewee import Database

from errors import VersionError
from jobs.cards import read_cards
from models.migrate import are_all, migrate, pending
from settings import Settings

_TO_DO = "Stop each `ftpdock serve` and `ftpdock worker`, on all machines, run `ftpdock db migrate`, start them again"


def bring_up(settings: Settings, database: Database) -> list[str]:
    """Apply what migrations are pending; return the names of what was applied.

    Raises VersionError while a server or worker runs, which is of a version before and knows the former shape alone.
    """
    # Asking takes no lock, so that a listing never waits for a server that is writing.
    if not pending(database):
        return []
    if words := hindrance(settings, database):
        raise VersionError(words)
    return migrate(database)


def hindrance(settings: Settings, database: Database) -> str:
    """What runs on the shape of a version before and has to be stopped, or on another database; empty: nothing does."""
    # Who runs by now may be of this version, and has applied what was pending.
    if not (found := running(settings)) or not (names := pending(database)):
        return ""
    if are_all(names):
        return another(settings)
    return (f"The database waits for {', '.join(names)}, but what runs is of a version before: {', '.join(found)}. "
            f"{_TO_DO}")  # fmt: skip


def another(settings: Settings) -> str:
    """What runs on this home, so with another database than the present one, which is empty; empty: nothing does."""
    if not (found := running(settings)):
        return ""
    return (
        f"The database {settings.database_name} is empty, and what runs on this home has another one: "
        f"{', '.join(found)}. Call this with the setting `database` that it has, as in FTPDOCK_DATABASE"
    )


def refuse_pending(database: Database) -> None:
    """For what a server or worker starts. Raises VersionError if it is newer than its parent: it must not migrate."""
    if names := pending(database):
        raise VersionError(f"The database waits for {', '.join(names)}, and this program, which is newer than what "
                           f"started it, leaves it alone. {_TO_DO}")  # fmt: skip


def running(settings: Settings) -> list[str]:
    """The servers and workers of this home, on whatever machine, in words for an admin."""
    return [f"{kind} ({_who(settings.spool / f'{kind}s', card)})" for kind in ("server", "worker")
            for card in read_cards(settings.spool / f"{kind}s") if card["alive"]]  # fmt: skip


def _who(folder: Path, card: dict[str, Any]) -> str:
    """Of a card that this user can't open only its name is known."""
    return f"pid {card['pid']} on {card['host']}" if card["pid"] else f"who has {folder / card['name']}.lock"
