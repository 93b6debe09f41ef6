"""`ftpdock template`: what a partner's file has to look like."""

from __future__ import annotations

import errno
from pathlib import Path

import click

from commands.common import Command, Context, EntityType, pass_context
from errors import FtpdockError

_OF_THE_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS)


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
            raise FtpdockError(f"{output} can't be written ({error.strerror}): {_advice(error)}") from error
    else:
        click.echo(text, nl=False)


def _advice(error: OSError) -> str:
    if error.errno in _OF_THE_FOLDER:
        return "name a file in a folder that is there and that this user may write to"
    return "mend that, or name a file elsewhere"
