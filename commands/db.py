"""`ftpdock db`: the database's shape."""

from __future__ import annotations

import click

from commands.common import Context, Group, pass_context


@click.group(cls=Group)
def db() -> None:
    """The database."""


@db.command()
@pass_context
def migrate(context: Context) -> None:
    """Bring the database to the shape that this version needs.

    Every command that uses the database does so by itself: this one is for doing it at a time of your choice.
    """
    applied = context.migrate()
    for name in applied:
        click.echo(f"Applied {name}.")
    if not applied:
        click.echo("The database is up to date.")
