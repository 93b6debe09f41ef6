"""`ftpdock import`: a local file, without FTP."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click
from peewee import PeeweeException

import accounts
from commands.common import Command, Context, EntityType, account_option, cell, json_option, pass_context, print_table
from commands.output import plural
from commands.progress import Bar
from commands.running import NOBODY, imported_now
from errors import FtpdockError

MESSAGES_SHOWN = 20


@click.command("import", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@account_option(required=True, help="Whose file it is.")
@click.option("--entity", type=EntityType(), help="What is in it.  [default: what its name says]")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@json_option
@pass_context
def import_file(context: Context, file: Path, account: str, entity: str | None, dry_run: bool, as_json: bool) -> None:
    """Import a local FILE as if the account had uploaded it, and wait for the outcome."""
    from jobs.pickup import queue_file

    entity = entity or _named_entity(context, file)
    name = _checked(file.name if file.suffix.lower() == ".csv" else f"{file.stem}.csv")
    context.connect()
    owned = accounts.find(account)
    accounts.refuse_foreign(owned, [entity])
    with _owner(context) as owner:
        run = queue_file(context.settings, owned, entity, file, name, origin="command", dry_run=dry_run, owner=owner)
        event = _execute(context, run, owner)
    try:
        _tell(context, event, as_json)
    finally:
        if dry_run:
            _forget(context, event.number, None)
    if event.status == "failed":
        raise click.exceptions.Exit(1)


@contextlib.contextmanager
def _owner(context: Context) -> Iterator[str]:
    """The name by which this process owns its import, which is left in order whatever ends it: Ctrl-C, or an error."""
    from jobs.leases import Owner

    owner = Owner(context.settings)
    try:
        yield owner.name
    except BaseException:
        # It may be the database that is away: then the lease ends, and a worker takes the import.
        with contextlib.suppress(PeeweeException):
            _leave(context, owner.name)
        raise
    finally:
        owner.close()


def _leave(context: Context, owner: str) -> None:
    """An import that was not begun is forgotten; of one that was, rows may be in, and a worker brings it to its end."""
    from jobs.queue import give_back
    from models import ImportRun

    # Not by its number: that may not have come back yet.
    run = ImportRun.get_or_none(ImportRun.lease_owner == owner)
    if run is None:
        return
    if run.dry_run or run.status == "waiting":
        _forget(context, run.number, owner)
    elif give_back(run, owner, error=run.error):
        by = "a worker" if imported_now(context, but=owner) else "the next worker"
        click.echo(f"Import {run.number} goes on by {by}: `ftpdock imports show {run.number}` tells of it", err=True)


def _named_entity(context: Context, file: Path) -> str:
    from schemas.filenames import FileNameError, parse

    try:
        return parse(file.name, context.schemas).entity
    except FileNameError as error:
        raise click.UsageError(f"{error}; or say what is in the file by --entity.") from None


def _checked(name: str) -> str:
    from schemas.filenames import LONGEST

    if (found := len(os.fsencode(name))) > LONGEST:
        # Number and ending of its reports have to fit behind it, on every file system.
        raise click.UsageError(
            f"The file's name has {found} bytes: at most {LONGEST} are possible; give it a shorter one."
        )
    return name


def _execute(context: Context, run: Any, owner: str) -> Any:
    from handlers.run import ImportJob
    from jobs.leases import Heartbeat, renew
    from jobs.queue import claim

    claimed = claim(context.settings, context.registry, owner, run.number)
    if claimed is None:
        alone = "" if imported_now(context, but=owner) else f", which nobody imports: {NOBODY}"
        click.echo(f"Import {run.number} waits for earlier files of the account{alone} ...", err=True)
    while claimed is None:
        time.sleep(0.2)
        renew(context.settings, run.number, owner)
        _refuse_lost(run.number, owner)
        claimed = claim(context.settings, context.registry, owner, run.number)
    with Bar() as bar, Heartbeat(context.settings, run.number, owner):
        handler = context.registry.handler(run.entity)
        return ImportJob(context.settings, handler, context.hooks, claimed, owner, bar.show).execute()


def _refuse_lost(number: int, owner: str) -> None:
    """Whoever stood still for longer than a lease, while it waited, may have lost its import to a worker."""
    from models import ImportRun

    run = ImportRun.get_or_none(ImportRun.number == number)
    if run is None:
        raise FtpdockError(f"Import {number} was removed meanwhile, with its account; nothing was imported")
    if run.lease_owner != owner:
        raise FtpdockError(f"Import {number} was taken by a worker: `ftpdock imports show {number}` tells of it")


def _tell(context: Context, event: Any, as_json: bool) -> None:
    from commands.common import print_json
    from imports.reports import report_rows

    # One by one: the report of a large file may be large.
    messages = report_rows(event.report) if event.report else iter(())
    if as_json:
        names = ("number", "account", "entity", "file", "status", "code", "rows", "created", "updated", "unchanged",
                 "rejected", "warnings", "dry_run")  # fmt: skip
        print_json({name: getattr(event, name) for name in names} | {"messages": list(messages)})
        return
    would = "would be " if event.dry_run else ""
    what = "Dry run" if event.dry_run else f"Import {event.number}"
    code = f" ({event.code})" if event.code else ""
    click.echo(f"{what}: {event.status.replace('_', ' ')}{code}. {plural(event.rows, 'row')}: "
               f"{event.created} {would}created, {event.updated} {would}updated, {event.unchanged} unchanged, "
               f"{event.rejected} {would}rejected, {plural(event.warnings, 'warning')}.")  # fmt: skip
    shown = [[cell(value) for value in each.values()] for each in islice(messages, MESSAGES_SHOWN)]
    if shown:
        print_table(("line", "column", "value", "code", "message"), shown)
    if more := sum(1 for _ in messages):
        click.echo(f"... and {more} more" + (f" in {event.report}" if not event.dry_run else ""))


def _forget(context: Context, number: int, owner: str | None) -> None:
    """Leave nothing behind of an import that is this owner's; of a dry run, once it is over, nobody's."""
    import shutil

    import layout
    from models import ImportRun, Upload, transaction

    mine = (ImportRun.number == number) & (ImportRun.lease_owner == owner)
    with transaction():
        if not ImportRun.delete().where(mine).execute():
            return
        Upload.delete_by_id(number)
    shutil.rmtree(layout.spool_folder(context.settings, number), ignore_errors=True)
