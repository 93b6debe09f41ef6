"""`ftpdock login`: user names and passwords that open an account."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from account_checks import check_name, check_network
from commands.common import (
    Checked,
    Context,
    EntitiesType,
    Group,
    account_option,
    chosen,
    json_option,
    pass_context,
    password_option,
    print_objects,
    read_password,
    yes_option,
)

if TYPE_CHECKING:
    from models import Login

_NETWORK = Checked("cidr", check_network)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SHOWN = len("01:23:45:67:89:AB:CD:EF")
"""Letters of a fingerprint in the table."""


@click.group(cls=Group)
def login() -> None:
    """Logins: names and passwords that open an account."""


@login.command()
@click.argument("account")
@click.argument("name", type=Checked("name", check_name))
@click.option("--entities", type=EntitiesType(), metavar="LIST", default=(),
              help="Only these of the account's entities, such as products,orders.  [default: all]")  # fmt: skip
@click.option("--network", "networks", multiple=True, type=_NETWORK, metavar="CIDR",
              help="Only from there, such as 192.0.2.0/24; may be repeated.  [default: anywhere]")  # fmt: skip
@click.option("--client-cert", "certificates", multiple=True, type=_FILE, metavar="FILE",
              help="Only with the password and one of the client certificates in this PEM file; may be "
              "repeated.  [default: the password is enough]")  # fmt: skip
@password_option
@pass_context
def add(
    context: Context, account: str, name: str, certificates: Sequence[Path], password_stdin: bool, **limits: Any
) -> None:
    """Add the login NAME to ACCOUNT.

    The password is asked for; without a terminal one is made and printed once.
    """
    import accounts
    import certs

    context.connect()
    found = accounts.find(account)
    accounts.refuse_taken_login(name)
    fingerprints = certs.fingerprints(certificates)
    password, made = read_password(name, password_stdin)
    accounts.add_login(found, name, password, client_certificates=fingerprints, **limits)
    click.echo(f"Added the login {name} to the account {account}.")
    if made:
        click.echo(f"Password (shown only now): {password}")


@login.command("list")
@account_option(help="Only the logins of this account.")
@json_option
@pass_context
def list_(context: Context, account: str | None, as_json: bool) -> None:
    """List the logins."""
    import accounts
    from models import Account, Login

    context.connect()
    query = Login.select(Login, Account).join(Account).order_by(Account.name, Login.name)
    if account:
        query = query.where(Login.account == accounts.find(account))
    columns = ("name", "account", "entities", "networks", "client_certificates", "disabled", "last_login_at")
    print_objects(map(_object if as_json else _row, query), columns, as_json, none="No logins.")


def _object(login: Login) -> dict[str, Any]:
    """A login as `list --json` prints it; `entities` is null, `networks` and `client_certificates` are empty where
    nothing is ruled out."""
    return {
        "name": login.name,
        "account": login.account.name,
        "entities": login.entities,
        "networks": login.networks,
        "client_certificates": login.client_certificates or [],
        "require_close_notify": login.require_close_notify,
        "disabled": login.disabled,
        "created_at": login.created_at,
        "last_login_at": login.last_login_at,
    }


def _row(login: Login) -> dict[str, Any]:
    """The same for the table, in which fingerprints would leave no room for the rest."""
    shown = _object(login)
    return shown | {"client_certificates": [f"{each[:_SHOWN]}..." for each in shown["client_certificates"]]}


@login.command("set")
@click.argument("name")
@click.option("--entities", type=EntitiesType(), metavar="LIST",
              help="Only these of the account's entities, such as products,orders, or all.")  # fmt: skip
@click.option("--network", "networks", multiple=True, type=_NETWORK, metavar="CIDR",
              help="Only from here, in place of all before; may be given several times.")  # fmt: skip
@click.option("--any-network", is_flag=True, help="Let the login come from anywhere.")
@click.option("--client-cert", "certificates", multiple=True, type=_FILE, metavar="FILE",
              help="Let the login in only with its password and one of the client certificates in this PEM file, in "
              "place of all before; may be given several times.")  # fmt: skip
@click.option("--no-client-cert", is_flag=True, help="Let the login in with its password alone.")
@click.option("--require-close-notify/--no-require-close-notify", default=None,
              help="Whether an upload counts only when the client closes TLS in order, as it does by default. With "
              "--no-require-close-notify a connection that was cut can't be told from one that is done: HALF A FILE "
              "MAY BE IMPORTED. Only for old clients that never send close_notify.")  # fmt: skip
@click.option("--disable/--enable", "disabled", default=None, help="Keep the login out, or let it in again.")
@pass_context
def set_(
    context: Context,
    name: str,
    networks: Sequence[str],
    any_network: bool,
    certificates: Sequence[Path],
    no_client_cert: bool,
    **options: Any,
) -> None:
    """Change what the login NAME may do."""
    import accounts
    import certs

    if networks and any_network:
        raise click.UsageError("--network and --any-network exclude each other.")
    if certificates and no_client_cert:
        raise click.UsageError("--client-cert and --no-client-cert exclude each other.")
    changes = chosen(
        networks=() if any_network else networks or None,
        client_certificates=() if no_client_cert else certs.fingerprints(certificates) or None,
        **options,
    )
    if not changes:
        raise click.UsageError("Nothing to change: give at least one option.")
    context.connect()
    accounts.change_login(accounts.find_login(name), **changes)
    click.echo(f"Changed the login {name}.")


@login.command()
@click.argument("name")
@password_option
@pass_context
def passwd(context: Context, name: str, password_stdin: bool) -> None:
    """Give the login NAME another password.

    It is asked for; without a terminal one is made and printed once.
    """
    import accounts

    context.connect()
    found = accounts.find_login(name)
    password, made = read_password(name, password_stdin)
    accounts.change_login(found, password=password)
    click.echo(f"Changed the password of the login {name}.")
    if made:
        click.echo(f"Password (shown only now): {password}")


@login.command()
@click.argument("name")
@yes_option
@pass_context
def remove(context: Context, name: str, yes: bool) -> None:
    """Remove the login NAME; its account and files stay."""
    import accounts

    context.connect()
    found = accounts.find_login(name)
    if not yes:
        click.confirm(f"Remove the login {name} of the account {found.account.name}?", abort=True)
    accounts.remove_login(found)
    click.echo(f"Removed the login {name}.")
