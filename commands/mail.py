"""`ftpdock mail`: whether mail goes out, and what did not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from account_checks import check_email
from commands.common import NUMBER, Checked, Context, Group, json_option, pass_context, print_objects
from commands.running import by_server
from errors import ConflictError, FtpdockError

if TYPE_CHECKING:
    from models import Mail

LISTED = ("number", "account", "about", "state", "attempts", "next_attempt", "error")


@click.group(cls=Group)
def mail() -> None:
    """Mail: test it, see what waits, try again."""


@mail.command()
@click.argument("address", type=Checked("address", check_email))
@pass_context
def test(context: Context, address: str) -> None:
    """Send a test mail to ADDRESS at once, the configured way, and say what happened."""
    from jobs.mail_deliver import deliver, way
    from jobs.mail_render import trial
    from models import new_system_id, now

    # Without a mail server it writes into the home.
    context.refuse_root()
    token = new_system_id()
    name = f"test-{token}"
    outcome = deliver(context.settings, trial(context.settings, address, token, now()), [address], name)
    words = (outcome.refused | outcome.later).get(address)
    if words:
        raise FtpdockError(f"{way(context.settings, name)} refused {address}: {words}")
    click.echo(f"Handed the mail for {address} to {way(context.settings, name)}.")


@mail.command("list")
@json_option
@pass_context
def list_(context: Context, as_json: bool) -> None:
    """List the mails that wait and those that failed for good."""
    from models import Mail

    context.connect()
    found = Mail.select().where(Mail.state.in_(("waiting", "failed"))).order_by(Mail.number)
    print_objects((_object(context, each) for each in found), LISTED, as_json, none="No mail waits, none failed.")


def _object(context: Context, row: Mail) -> dict[str, Any]:
    """A mail as `list --json` prints it."""
    from jobs.mail_render import about, recipients

    return {
        "number": row.number,
        "account": row.account.name if row.account_id is not None else None,
        "import": row.run_id,
        "about": about(row),
        "to": recipients(context.settings, row),
        "state": row.state,
        "attempts": row.attempts,
        "created_at": row.created_at,
        "next_attempt": row.due_at if row.state == "waiting" else None,
        "error": row.error,
    }


@mail.command()
@click.argument("number", type=NUMBER)
@pass_context
def retry(context: Context, number: int) -> None:
    """Try mail NUMBER again, at once and for three days more."""
    from jobs import mail as queue
    from models import now

    context.connect()
    if not queue.retry(number, now()):
        raise ConflictError(f"No mail {number} waits or has failed: `ftpdock mail list` shows them")
    click.echo(f"Mail {number} will be sent {by_server(context)}.")
