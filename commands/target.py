"""`ftpdock target`: partners' servers to which exports are delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from commands.common import (
    NUMBER,
    Context,
    Group,
    account_option,
    json_option,
    pass_context,
    print_objects,
    yes_option,
)
from commands.running import by_server
from commands.target_key import check_servers, tell_lost
from commands.target_options import target_options, url_argument, url_option
from commands.target_values import ask_for_change, ask_for_new, given
from errors import FtpdockError

if TYPE_CHECKING:
    from exports.push.url import Place
    from models import Target

LISTED = ("number", "account", "name", "url", "username", "disabled", "waiting", "failed", "next_attempt", "error")


@click.group(cls=Group)
def target() -> None:
    """Targets: partners' servers to which exports are delivered."""


@target.command()
@click.argument("account")
@url_argument
@target_options
@click.option("--all", "everything", is_flag=True, help="Deliver what was exported before, too.")
@pass_context
def add(context: Context, account: str, place: Place, everything: bool, key_lost: bool, **options: Any) -> None:
    """Deliver the exports of ACCOUNT to the folder URL, too.

    URL is ftps://user@host/folder (explicit TLS), sftp://user@host/folder, or one of another scheme that fsspec
    serves, such as file:///folder. The password is asked for; it can't stand in the URL.
    """
    import accounts
    from exports.push import targets as push_targets
    from exports.push.target_checks import check_fit

    values = given(options)
    try:
        check_fit(place, values.get("username") or place.username, values)
    except FtpdockError as error:
        raise click.UsageError(f"{error}.") from error
    context.connect()
    found = accounts.find(account)
    ask_for_new(context, place, values, key_lost)
    made = push_targets.add(context.settings, found, place, everything=everything, key_lost=key_lost, **values)
    click.echo(f"Added the target {made.number}: {made.url}. Try it: ftpdock target test {made.number}")
    if key_lost:
        tell_lost(context)


@target.command("list")
@account_option()
@json_option
@pass_context
def list_(context: Context, account: str | None, as_json: bool) -> None:
    """List the targets and what waits for them."""
    import accounts
    from models import Account, Target

    context.connect()
    query = Target.select(Target, Account).join(Account).order_by(Target.number)
    if account:
        query = query.where(Target.account == accounts.find(account))
    print_objects(map(_object, query), LISTED, as_json, none="No targets.")


def _object(row: Target) -> dict[str, Any]:
    """A target as `list --json` prints it. Of the password only where it is kept."""
    from models.target import counts

    numbers = counts(row.number)
    kept = f"environment variable {row.secret_env}" if row.secret_env else "encrypted" if row.secret else None
    return {
        "number": row.number,
        "account": row.account.name,
        "name": row.name,
        "url": row.url,
        "username": row.username,
        "password": kept,
        **{name: row.options.get(name) for name in ("key_file", "ca_file", "host_key", "mount_point")},
        "kinds": row.kinds,
        "disabled": row.disabled,
        **{state: numbers.get(state, 0) for state in ("waiting", "delivered", "failed", "skipped")},
        "unreachable_since": row.unreachable_since,
        "next_attempt": row.due_at,
        "error": _error(row),
        "created_at": row.created_at,
    }


def _error(row: Target) -> str:
    """Why nothing can be delivered now. With its account all of a target's deliveries are held, and none is tried."""
    if row.account.disabled:
        name = row.account.name
        return f"The account {name} is disabled, which holds its deliveries: `ftpdock account enable {name}`"
    return str(row.error)


@target.command("set")
@click.argument("number", type=NUMBER)
@url_option
@target_options
@click.option(
    "--no-key-file", is_flag=True, help="sftp: log in with a password, which is asked for, in place of a key."
)
@click.option("--no-ca-file", is_flag=True, help="ftps: trust the system's authorities again.")
@pass_context
def set_(context: Context, number: int, no_key_file: bool, no_ca_file: bool, key_lost: bool, **options: Any) -> None:
    """Change target NUMBER, such as its password, and try again at once.

    With another URL what waits for it goes there. A password was given for one host: for another one it is asked for
    again, and so is the host key of another server.
    """
    from exports.push import targets as push_targets

    values = given(options)
    for name, gone in (("key_file", no_key_file), ("ca_file", no_ca_file)):
        if gone and name in values:
            option = name.replace("_", "-")
            raise click.UsageError(f"--{option} and --no-{option} exclude each other.")
        if gone:
            values[name] = None
    if not values:
        raise click.UsageError("Nothing to change: give at least one option.")
    context.connect()
    found = push_targets.find(number)
    ask_for_change(context, found, values, key_lost)
    push_targets.change(context.settings, found, key_lost=key_lost, **values)
    moved = f": what waits goes to {found.url}. Try it: ftpdock target test {number}" if "place" in values else "."
    click.echo(f"Changed the target {number}{moved}")
    if key_lost:
        tell_lost(context)


@target.command()
@click.argument("number", type=NUMBER)
@pass_context
def test(context: Context, number: int) -> None:
    """Connect to target NUMBER, write and remove a probe file, say what was found."""
    from exports.push import targets as push_targets

    context.connect()
    found = push_targets.find(number)
    if found.secret:
        check_servers(context)
    push_targets.test(context.settings, found)
    click.echo(f"{found.url}: connected, logged in, wrote, renamed and removed a file.")


@target.command()
@click.argument("number", type=NUMBER)
@pass_context
def retry(context: Context, number: int) -> None:
    """Try what waits and what has failed for target NUMBER again, at once and for three days more."""
    from exports.push import deliveries as push_queue
    from exports.push import targets as push_targets

    context.connect()
    found = push_targets.find(number)
    count = push_queue.retry(found)
    click.echo(
        f"{count} to be delivered {_when(context, found)}." if count else "Nothing waits and nothing has failed."
    )


def _when(context: Context, target: Target) -> str:
    """What is held is delivered by nobody until then."""
    if target.disabled:
        return "once the target is enabled"
    return f"once the account {target.account.name} is enabled" if target.account.disabled else by_server(context)


@target.command()
@click.argument("number", type=NUMBER)
@pass_context
def disable(context: Context, number: int) -> None:
    """Hold what is to be delivered to target NUMBER."""
    _switch(context, number, disabled=True)


@target.command()
@click.argument("number", type=NUMBER)
@pass_context
def enable(context: Context, number: int) -> None:
    """Deliver to target NUMBER again, with what was held."""
    _switch(context, number, disabled=False)


def _switch(context: Context, number: int, disabled: bool) -> None:
    from exports.push import targets as push_targets

    context.connect()
    push_targets.switch(push_targets.find(number), disabled)
    click.echo(f"{'Disabled' if disabled else 'Enabled'} the target {number}.")


@target.command()
@click.argument("number", type=NUMBER)
@yes_option
@pass_context
def remove(context: Context, number: int, yes: bool) -> None:
    """Remove target NUMBER; what was delivered there stays there, what waits for it is dropped."""
    from exports.push import targets as push_targets
    from models.target import counts

    context.connect()
    found = push_targets.find(number)
    dropped = told_dropped(counts(number).get("waiting", 0), "it")
    if not yes:
        fate = f" {dropped} `target set {number} --url URL` would bring it to another server" if dropped else ""
        click.confirm(f"Remove the target {number} ({found.url}) of {found.account.name}?{fate}", abort=True)
    found.delete_instance()
    click.echo(f"Removed the target {number}. {dropped}".rstrip())


def told_dropped(waiting: int, whom: str) -> str:
    """What a removal takes along of what waits; empty if that is nothing."""
    if not waiting:
        return ""
    what = "delivery that waits" if waiting == 1 else "deliveries that wait"
    return f"Dropped with it: {waiting:,} {what} for {whom}."
