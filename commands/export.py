"""`ftpdock export`: all records of an entity, into the partner's folder."""

from __future__ import annotations

import os
import threading

import click

from commands.common import Command, Context, EntityType, account_option, json_option, pass_context, print_json
from commands.running import server_runs


@click.command(cls=Command)
@click.argument("entity", type=EntityType())
@account_option(required=True, help="Whose records.")
@click.option("--leashed", is_flag=True, hidden=True, help="End at once when standard input does.")
@json_option
@pass_context
def export(context: Context, entity: str, account: str, leashed: bool, as_json: bool) -> None:
    """Write all records of ENTITY of an account, in the template's columns, into its export folder.

    The file is written here and now, without a server too; the server shows it to the partner. It imports back with
    every row unchanged. Of several in one day the newest counts.
    """
    import accounts
    from commands.progress import Bar
    from exports.full_file import write_full

    if leashed:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    context.serves = leashed
    context.connect(child=leashed)
    found = accounts.find(account)
    accounts.refuse_foreign(found, [entity])
    with Bar() as bar:
        written = write_full(context.settings, context.registry.handler(entity), found, bar.show)
    if as_json:
        print_json({"account": account, "entity": entity, "path": written.path, "file": str(written.file),
                    "rows": written.rows, "revision": written.revision})  # fmt: skip
    else:
        rows = "1 row" if written.rows == 1 else f"{written.rows:,} rows"
        click.echo(f"{rows}: /{context.settings.export_folder}/{written.path}, at {written.file}")
        if not server_runs(context):
            click.echo("The partner sees it once `ftpdock serve` runs.")


def _end_with_stdin() -> None:
    """Nobody is to go on writing for a server that is dead."""
    # Not sys.stdin: a thread that waits in its buffer would keep Python from ending in order.
    while os.read(0, 1):
        pass
    os._exit(1)
