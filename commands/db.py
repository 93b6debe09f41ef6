"""`ftpdock db`: the database's shape, and the way from SQLite to another database."""

from __future__ import annotations

from pathlib import Path

import click

from commands.common import Context, Group, cell, json_option, pass_context, print_objects
from commands.progress import Bar

LISTED = ("table", "rows")


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


@db.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@pass_context
def copy(context: Context, file: Path, as_json: bool) -> None:
    """Copy the SQLite database FILE into the one that the settings name, which has to be empty.

    All of it or nothing. FILE and the files of the home stay as they are; nothing of ftpdock may run on the home.
    """
    import copying
    from models.source import opened

    context.refuse_root()
    with opened(file.absolute()) as source:
        copying.refuse_same(context.settings, source.path)
        copying.refuse_running(context.settings)
        tables = copying.tables(context.registry)
        # Before it is migrated: another ftpdock may be at work with what was named by mistake.
        with context.bind().connection_context():
            copying.refuse_closed(tables)
            copying.refuse_filled(tables)
        context.connect()
        with Bar() as bar:
            copied = copying.copy(context.settings, source, tables, bar.show)
        strangers = source.strangers(tables)
    print_objects(({"table": name, "rows": rows} for name, rows in copied.items()), LISTED, as_json)
    click.echo(f"Copied into {context.settings.database_name}.", err=True)
    if strangers:
        click.echo(f"Not copied, as neither ftpdock nor a plugin that the settings name has them: "
                   f"{', '.join(map(cell, strangers))}.", err=True)  # fmt: skip
