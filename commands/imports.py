"""`ftpdock imports`: what arrived, what became of it, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

import accounts
from commands.common import (
    NUMBER,
    Context,
    EntityType,
    Group,
    account_option,
    cell,
    folders,
    iso,
    json_option,
    pass_context,
    print_object,
    print_objects,
    print_table,
)
from commands.running import queued
from commands.watch import watch
from errors import ConflictError, FtpdockError, NotFoundError

STATUSES = ("waiting", "running", "completed", "completed_with_errors", "failed")
COUNTS = ("rows", "created", "updated", "unchanged", "rejected", "warnings")
LISTED = ("number", "account", "file", "status", "rows", "created", "updated", "unchanged", "rejected", "code",
          "received_at")  # fmt: skip
IDLE = "it was begun, and no worker has it in hand now: `ftpdock status` and logs/ in the home say why"
ENDED = {"replaced": "replaced by another upload of that name", "deleted": "deleted by the partner"}
"""States of uploads of which no import came."""
PAGE = 500
"""Imports that are read at once."""


@click.group(cls=Group)
def imports() -> None:
    """What arrived, what became of it, and why."""


imports.add_command(watch)


@imports.command("list")
@account_option()
@click.option("--entity", type=EntityType(), help="Only this entity.")
@click.option("--status", type=click.Choice(STATUSES), help="Only imports in this state.")
@click.option("--limit", type=NUMBER, metavar="N", help="Only the newest N.")
@json_option
@pass_context
def list_imports(
    context: Context, account: str | None, entity: str | None, status: str | None, limit: int | None, as_json: bool
) -> None:
    """List imports, oldest first."""
    from models import Upload

    context.connect()
    query = _uploads()
    if account:
        query = query.where(Upload.account == accounts.find(account))
    if entity:
        query = query.where(Upload.entity == entity)
    if status:
        query = query.where(_shown_as(status))
    found = reversed(list(query.order_by(Upload.id.desc()).limit(limit))) if limit else _all(query)
    print_objects(map(_object, found), LISTED, as_json, "No imports.")


@imports.command()
@click.argument("number", type=NUMBER)
@json_option
@pass_context
def show(context: Context, number: int, as_json: bool) -> None:
    """Show import NUMBER with everything its report says."""
    context.connect()
    upload = _find(number)
    shown = _object(upload) | {"messages": _messages(context, upload)}
    if as_json:
        print_object(shown, as_json)
        return
    messages = shown.pop("messages")
    print_object(shown, as_json)
    if messages:
        click.echo()
        print_table(("line", "column", "value", "code", "message"),
                    [[cell(value) for value in each.values()] for each in messages])  # fmt: skip


@imports.command()
@click.argument("number", type=NUMBER)
@pass_context
def retry(context: Context, number: int) -> None:
    """Import the file of NUMBER again, as a new import."""
    import layout
    from jobs.pickup import queue_file

    context.connect()
    upload = _find(number)
    if upload.run is None or upload.run.status not in ("completed", "completed_with_errors", "failed"):
        raise ConflictError(f"Import {number} is not finished: it needs no retry")
    folder = layout.account_root(context.settings, upload.account.name) / _folder(context, upload.entity)
    kept = [folder / inner / layout.numbered(upload.name, number) for inner in (layout.FAILED, layout.PROCESSED)]
    source = next((path for path in kept if path.exists()), None)
    if source is None:
        raise NotFoundError(f"The file of import {number} is gone: neither {kept[0]} nor {kept[1]} is there")
    made = queue_file(context.settings, upload.account, upload.entity, source, upload.name, origin="retry")
    click.echo(queued(context, [made.number]))


@imports.command()
@click.argument("account")
@click.argument("entity", type=EntityType(), required=False)
@pass_context
def run(context: Context, account: str, entity: str | None) -> None:
    """Pick up now what waits of ACCOUNT (of ENTITY alone, if given), whatever its schedule."""
    from jobs.pickup import pick_up_now

    context.connect()
    taken = pick_up_now(context.settings, folders(context), accounts.find(account), [entity] if entity else None)
    click.echo(queued(context, taken) if taken else "Nothing waits.")


def _uploads() -> Any:
    from peewee import JOIN

    from models import Account, ImportRun, Upload

    runs = ImportRun.number == Upload.id
    query = Upload.select(Upload, ImportRun, Account).join(ImportRun, JOIN.LEFT_OUTER, on=runs, attr="run")
    # By the states that it is not in: by those that it is in, SQLite would sort all of them for each page of a listing.
    return query.switch(Upload).join(Account).where(
        (Upload.origin != "validate") & Upload.state.not_in(tuple(ENDED)) &
        (ImportRun.number.is_null() | (ImportRun.dry_run == False))  # noqa: E712
    )  # fmt: skip


def _all(query: Any) -> Iterator[Any]:
    """Page by page: there may be more than fit into memory."""
    from models import Upload

    last = 0
    while page := list(query.where(Upload.id > last).order_by(Upload.id).limit(PAGE)):
        last = page[-1].id
        yield from page


def _find(number: int) -> Any:
    from models import Upload

    found = _uploads().where(Upload.id == number).first()
    if found is None:
        raise NotFoundError(_why_none(number))
    if not hasattr(found, "run"):
        found.run = None
    return found


def _why_none(number: int) -> str:
    """Of what the partner got a number for, and no import, it says what became of it."""
    from models import Upload

    upload = Upload.get_or_none(Upload.id == number)
    what = ENDED.get(upload.state) if upload else None
    if what is None:
        return f"There is no import {number}: `ftpdock imports list` shows them"
    return f"Import {number} ({upload.name} of {upload.account.name}) was {what} before it began"


def _shown_as(status: str) -> Any:
    """The condition for what `_object` shows in this state."""
    from models import ImportRun

    if status == "waiting":
        return (ImportRun.status == status) | ImportRun.number.is_null() | ImportRun.is_idle()
    return (ImportRun.status == status) & ~ImportRun.is_idle()


def _object(upload: Any) -> dict[str, Any]:
    """One import as `--json` prints it; what was not picked up yet is waiting, or what no worker has in hand any more.

    Such a one the database takes no words about, as when its disk is full.
    """
    run = getattr(upload, "run", None)
    counts = {name: getattr(run, name) if run else 0 for name in COUNTS}
    return {
        "number": upload.id,
        "account": upload.account.name,
        "entity": upload.entity,
        "file": upload.name,
        "status": "waiting" if run is None else run.shown,
        **counts,
        "code": run.code if run else None,
        "error": "" if run is None else run.error or (IDLE if run.idle else ""),
        "received_at": iso(upload.received_at),
        "started_at": iso(run.started_at) if run else None,
        "finished_at": iso(run.finished_at) if run else None,
    }


def _folder(context: Context, entity: str) -> str:
    if entity not in context.registry.entities:
        raise FtpdockError(f"No plugin knows the entity {entity!r} any more")
    return context.registry.handler(entity).schema.folder


def _messages(context: Context, upload: Any) -> list[dict[str, Any]]:
    from handlers.close import report_path
    from imports.reports import read_report

    if upload.run is None:
        return []
    path = report_path(context.settings, upload.account.name, _folder(context, upload.entity), upload.run)
    return read_report(path) if path.exists() else []
