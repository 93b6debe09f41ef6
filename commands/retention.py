"""`ftpdock retention`: deletes what was kept long enough."""

from __future__ import annotations

import click

from commands.common import Context, Group, folders, json_option, pass_context, print_objects
from errors import FtpdockError

LISTED = ("account", "what", "path", "size")


@click.group(cls=Group)
def retention() -> None:
    """Delete what was kept long enough; `ftpdock serve` does it each day."""


@retention.command("run")
@click.option("--dry-run", is_flag=True, help="List what would be deleted, and delete nothing.")
@json_option
@pass_context
def run(context: Context, dry_run: bool, as_json: bool) -> None:
    """Delete now what the settings keep_..._days say is too old, and list it.

    What is not finished stays: files of imports that go on, exports that nobody fetched.
    """
    from exports.retention import sweep
    from models import now

    context.connect()
    failed: set[str] = set()
    gone = sweep(context.settings, folders(context), now(), dry_run=dry_run, failed=failed)
    found = ({name: getattr(each, name) for name in LISTED} for each in gone)
    print_objects(found, LISTED, as_json, "Nothing too old was found.")
    if failed:
        raise FtpdockError(f"Not all that is too old of {', '.join(sorted(failed))} can be deleted: the warnings above "
                           "say why")  # fmt: skip
