"""What the commands share that add records from a JSON file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO

import click

from commands.common import print_json

file_argument = click.argument("file", metavar="FILE", type=click.File("rb"))


def read_file(file: BinaryIO) -> bytes:
    """What is in the file, or a byte more than is taken, so that a file that never ends is refused."""
    from json_objects import MAX_BYTES

    return file.read(MAX_BYTES + 1)


def print_made(made: Iterable[Mapping[str, Any]], names: Sequence[str], as_json: bool) -> None:
    """A System ID on each line, for scripts; or objects with `names`."""
    if as_json:
        print_json({name: record[name] for name in names} for record in made)
        return
    for record in made:
        click.echo(record["system_id"])
