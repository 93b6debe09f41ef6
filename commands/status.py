"""`ftpdock status`: the server, its workers and what waits, at one look."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from typing import Any

import click

from commands.common import (
    Command,
    Context,
    cell,
    iso,
    json_option,
    pass_context,
    print_json,
    print_object,
    print_table,
)

NODE = ("pid", "host", "address", "since")
"""What is told of a server."""
LAST = 5
"""How many of the last finished imports are told."""


@click.command(cls=Command)
@json_option
@pass_context
def status(context: Context, as_json: bool) -> None:
    """Show server, workers, queue, mail and disk."""
    context.connect()
    shown = _status(context)
    if as_json:
        print_json(shown)
        return
    servers, workers, last = shown.pop("servers"), shown.pop("workers"), shown.pop("last_imports")
    print_object(dict(_in_words(shown)), as_json)
    for title, objects in (("Servers", servers), ("Workers", workers), ("Last imports", last)):
        if objects:
            click.echo(f"\n{title}")
            print_table([key.replace("_", " ") for key in objects[0]],
                        [[cell(value) for value in each.values()] for each in objects])  # fmt: skip


def _in_words(shown: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What people read in place of the objects and units that programs do."""
    for name, value in shown.items():
        if name == "server":
            running = value.pop("running")
            yield name, f"running, {_listed(value)}" if running else "not running"
        elif name == "disk":
            yield name, f"{value['free_bytes'] / 2**30:.1f} GiB free"
        else:
            yield (name, _listed(value)) if isinstance(value, dict) else _named(name, value)


def _listed(part: dict[str, Any]) -> str:
    """waiting 1, failed 0, oldest waiting 4 s"""
    return ", ".join(" ".join(_named(name, value)) for name, value in part.items())


def _named(name: str, value: Any) -> tuple[str, str]:
    unit = " s" if name.endswith("_seconds") else ""
    return name.removesuffix("_seconds").replace("_", " "), f"{cell(value)}{unit}"


def _status(context: Context) -> dict[str, Any]:
    from exports.backlog import backlog
    from jobs import mail
    from models.target import backlog as deliveries

    mails = mail.backlog()
    by_status = _by_status()
    servers = _servers(context)
    return {
        "home": str(context.settings.home),
        "database": context.settings.database_name,
        "server": _server(servers),
        "servers": servers,
        "workers": _workers(context),
        "queue": {"waiting": by_status.get("waiting", 0), "running": by_status.get("running", 0),
                  "scheduled": _scheduled()},
        "oldest_waiting_seconds": _oldest(),
        "mail_waiting": mails["waiting"],
        "mail_failed": mails["failed"],
        "imports_by_status": by_status,
        "exports": backlog(),
        "deliveries": deliveries(),
        "last_imports": _last(),
        "disk": {"free_bytes": shutil.disk_usage(context.settings.home).free},
    }  # fmt: skip


def _server(servers: list[dict[str, Any]]) -> dict[str, Any]:
    """Of several nodes on one home, the one that has run longest."""
    first = next((each for each in servers if each["alive"] and each["pid"]), None)
    return {"running": first is not None, **{name: first[name] if first else None for name in NODE}}


def _servers(context: Context) -> list[dict[str, Any]]:
    """All nodes on the home, and those that were killed since one was started last."""
    from jobs.cards import read_cards

    return [{name: card.get(name) for name in (*NODE, "alive")}
            for card in read_cards(context.settings.spool / "servers")]  # fmt: skip


def _workers(context: Context) -> list[dict[str, Any]]:
    from jobs.cards import read_cards
    from models import ImportRun

    running = (ImportRun.status == "running") & ~ImportRun.is_idle()
    at_hand = dict(ImportRun.select(ImportRun.lease_owner, ImportRun.number).where(running).tuples())
    return [
        {"owner": card["name"], "pid": card["pid"], "host": card["host"], "since": card["since"],
         "alive": card["alive"], "import": at_hand.get(card["name"])}
        for card in read_cards(context.settings.spool / "workers")
    ]  # fmt: skip


def _by_status() -> dict[str, int]:
    """Every status with its number of imports, dry runs left out. Begun ones that nobody has in hand wait."""
    from peewee import fn

    from commands.imports import STATUSES
    from models import ImportRun

    files = ~ImportRun.dry_run
    query = ImportRun.select(ImportRun.status, fn.COUNT(ImportRun.number)).where(files)
    found = dict(query.group_by(ImportRun.status).tuples())
    idle = ImportRun.select().where(files & ImportRun.is_idle()).count()
    return {name: max(0, found.get(name, 0) + {"waiting": idle, "running": -idle}.get(name, 0)) for name in STATUSES}


def _scheduled() -> int:
    """Uploads that wait in their folder for the pick-up of their schedule."""
    from models import Upload

    count: int = Upload.select().where(Upload.state == "waiting").count()
    return count


def _oldest() -> int:
    """Age of the oldest import that waits in the queue, in seconds; 0 when none does."""
    from models import ImportRun, now

    waits = (ImportRun.status == "waiting") | ImportRun.is_idle()
    waiting = ImportRun.select(ImportRun.received_at).where(waits & ~ImportRun.dry_run)
    first = waiting.order_by(ImportRun.received_at).first()
    return 0 if first is None else max(0, int((now() - first.received_at) / dt.timedelta(seconds=1)))


def _last() -> list[dict[str, Any]]:
    from models import Account, ImportRun

    query = ImportRun.select(ImportRun, Account).join(Account)
    ended = query.where(ImportRun.finished_at.is_null(False) & ~ImportRun.dry_run)
    return [{"number": run.number, "account": run.account.name, "file": run.file, "status": run.status,
             "rows": run.rows, "rejected": run.rejected, "finished_at": iso(run.finished_at)}
            for run in ended.order_by(ImportRun.number.desc()).limit(LAST)]  # fmt: skip
