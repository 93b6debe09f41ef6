"""`ftpdock template`: what a partner's file has to look like."""

from __future__ import annotations

from pathlib import Path

import click

from commands.common import Command, Context, EntityType, pass_context
from errors import FtpdockError


@click.command(cls=Command)
@click.argument("entity", type=EntityType())
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write it there, in place of what is there.  [default: print it]")  # fmt: skip
@pass_context
def template(context: Context, entity: str, output: Path | None) -> None:
    """Print the CSV template of ENTITY: its header and example rows."""
    from imports.templates import template_csv

    schema = next(each for each in context.schemas if each.entity == entity)
    text = template_csv(schema).encode("utf-8")
    if output:
        try:
            output.write_bytes(text)
        except OSError as error:
            raise FtpdockError(f"{output} can't be written ({error.strerror}): name a file in a folder that is there "
                               "and that this user may write to") from error  # fmt: skip
    else:
        click.echo(text, nl=False)
