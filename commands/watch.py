"""`ftpdock imports watch`: a live view of what is being imported."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

import accounts
from commands.common import Command, Context, account_option, cell, pass_context

PAUSE = 0.5
"""Seconds between two looks."""


@click.command(cls=Command)
@account_option()
@pass_context
def watch(context: Context, account: str | None) -> None:
    """Show what is being imported until Ctrl-C. Without a terminal: a line for each change."""
    context.connect()
    wanted = accounts.find(account).id if account else None
    try:
        if sys.stdout.isatty():
            _live(wanted)
        else:
            _lines(wanted)
    except KeyboardInterrupt:
        return


def _runs(account: int | None) -> list[Any]:
    from models import Account, ImportRun

    query = ImportRun.select(ImportRun, Account).join(Account)
    chosen = ImportRun.status.in_(("waiting", "running")) & ~ImportRun.dry_run
    if account is not None:
        chosen &= ImportRun.account == account
    return list(query.where(chosen).order_by(ImportRun.number))


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"


def _named(run: Any) -> str:
    return f"{run.number} {run.account.name} {cell(run.file)}"


def _ended(number: int) -> str | None:
    """How an import that is not in the queue any more ended; None: it was removed."""
    from models import ImportRun

    run = ImportRun.get_or_none(ImportRun.number == number)
    return run and f"{_named(run)}: {run.shown}, {run.rows:,} {_rows(run.rows)}, {run.rejected:,} rejected"


def _line(run: Any) -> str:
    of = f" of {run.total:,}" if run.total is not None else ""
    return f"{_named(run)}: {run.shown}" + (
        f", {run.position:,}{of} {_rows(run.total or run.position)}" if run.shown == "running" else ""
    )


def _lines(account: int | None) -> None:
    said: dict[int, str] = {}
    while True:
        now = {run.number: _line(run) for run in _runs(account)}
        for number in said.keys() - now.keys():
            del said[number]
            if ended := _ended(number):
                click.echo(ended)
        for number, line in now.items():
            if said.get(number) != line:
                click.echo(line)
        said |= now
        time.sleep(PAUSE)


def _live(account: int | None) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tasks: dict[int, Any] = {}
    with Progress(*columns) as progress:
        queue = progress.add_task("waiting: 0", total=None)
        while True:
            runs = _runs(account)
            waiting = sum(run.shown == "waiting" for run in runs)
            progress.update(queue, description=f"waiting: {waiting}")
            running = {run.number: run for run in runs if run.shown == "running"}
            for number in tasks.keys() - running.keys():
                progress.remove_task(tasks.pop(number))
                progress.print(_ended(number) or "", markup=False)
            for number, run in running.items():
                if number not in tasks:
                    tasks[number] = progress.add_task(_named(run), total=run.total)
                progress.update(tasks[number], completed=run.position, total=run.total)
            time.sleep(PAUSE)
