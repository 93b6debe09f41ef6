"""`ftpdock account`: partner organisations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from account_checks import (
    check_company,
    check_date_format,
    check_delimiter,
    check_email,
    check_name,
    check_time_zone,
)
from commands.common import (
    Checked,
    Context,
    EntitiesType,
    EntityType,
    Group,
    chosen,
    json_option,
    pass_context,
    password_option,
    print_object,
    print_objects,
    read_password,
    yes_option,
)

if TYPE_CHECKING:
    from models import Account

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def export_options(command: Decorated) -> Decorated:
    """What an account decides about the files that are exported to it."""
    for option in (
        click.option("--export-imported/--no-export-imported", default=None,
                     help="Export customers and orders that came in by import, too, or only those of other programs."),
        click.option("--export-bom/--no-export-bom", default=None,
                     help="Begin exported files with a byte order mark, as Excel likes it, or not."),
        click.option("--export-delimiter", type=Checked("character", check_delimiter), metavar="CHARACTER",
                     help="What separates the cells of exported files: comma, semicolon, tab or pipe."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group(cls=Group)
def account() -> None:
    """Accounts: the partners, with their folders and settings."""


@account.command()
@click.argument("name", type=Checked("name", check_name))
@click.option("--email", "emails", multiple=True, type=Checked("address", check_email), metavar="ADDRESS",
              help="Who is told about imports; may be given several times.")  # fmt: skip
@click.option("--company", default="", type=Checked("text", check_company), metavar="TEXT", help="The partner's name.")
@click.option("--entities", type=EntitiesType(), metavar="LIST", default=(),
              help="What the partner may send, such as products,orders.  [default: all]")  # fmt: skip
@export_options
@password_option
@pass_context
def add(
    context: Context, name: str, emails: Sequence[str], company: str, entities: Sequence[str], password_stdin: bool,
    **exports: Any,
) -> None:  # fmt: skip
    """Add the account NAME, its folders and a login of the same name.

    The password is asked for; without a terminal one is made and printed once.
    """
    import accounts

    context.connect()
    accounts.refuse_taken(name)
    password, made = read_password(name, password_stdin)
    accounts.add(context.settings, context.schemas, name, password, company=company, emails=emails, entities=entities,
                 **chosen(**exports))  # fmt: skip
    click.echo(f"Added the account {name} and the login {name}.")
    if made:
        click.echo(f"Password (shown only now): {password}")


@account.command("list")
@json_option
@pass_context
def list_(context: Context, as_json: bool) -> None:
    """List the accounts."""
    from models import Account

    context.connect()
    found = (_object(context, each) for each in Account.select().order_by(Account.name))
    print_objects(found, ("name", "company", "emails", "logins", "disabled"), as_json, none="No accounts.")


@account.command()
@click.argument("name")
@json_option
@pass_context
def show(context: Context, name: str, as_json: bool) -> None:
    """Show one account with all of its settings."""
    import accounts

    context.connect()
    print_object(_object(context, accounts.find(name)), as_json)


def _object(context: Context, account: Account) -> dict[str, Any]:
    """An account as `list --json` and `show --json` print it."""
    import accounts
    from layout import account_root
    from models import EntitySettings, Login

    entities = [schema.entity for schema in accounts.schemas_of(account, context.schemas)]
    stored = {row.entity: row.on_error for row in EntitySettings.select().where(EntitySettings.account == account)}
    return {
        "name": account.name,
        "company": account.company,
        "emails": account.emails,
        "entities": entities,
        "logins": [login.name for login in Login.select().where(Login.account == account).order_by(Login.name)],
        "disabled": account.disabled,
        "time_zone": account.time_zone,
        "date_format": account.date_format,
        "decimal_separator": account.decimal_separator,
        "column_order": account.column_order,
        "digest": account.digest,
        "export_imported": account.export_imported,
        "export_bom": account.export_bom,
        "export_delimiter": account.export_delimiter,
        "abort_on_error": [entity for entity in entities if stored.get(entity) == "abort"],
        "folder": str(account_root(context.settings, account.name)),
        "created_at": account.created_at,
    }


@account.command("set")
@click.argument("name")
@click.option("--email", "emails", multiple=True, type=Checked("address", check_email), metavar="ADDRESS",
              help="Who is told about imports, in place of all before; may be given several times.")  # fmt: skip
@click.option("--no-email", is_flag=True, help="Tell nobody about imports.")
@click.option("--company", type=Checked("text", check_company), metavar="TEXT", help="The partner's name.")
@click.option("--entities", type=EntitiesType(), metavar="LIST",
              help="What the partner may send, such as products,orders, or all.")  # fmt: skip
@click.option("--timezone", "time_zone", type=Checked("zone", check_time_zone), metavar="ZONE",
              help="Such as Europe/Berlin.")  # fmt: skip
@click.option("--date-format", type=Checked("format", check_date_format), metavar="FORMAT",
              help="How dates stand in files, such as YYYY-MM-DD or DD.MM.YYYY.")  # fmt: skip
@click.option("--decimal-separator", type=click.Choice([".", ","]), help="What stands before decimals in files.")
@click.option("--column-order", type=click.Choice(["strict", "any"]),
              help="Whether the columns of a file must stand in the template's order.")  # fmt: skip
@click.option("--digest/--no-digest", default=None,
              help="One mail for all files of a pick-up, or one for each file.")  # fmt: skip
@export_options
@click.option("--on-error", type=click.Choice(["continue", "abort"]),
              help="What a rejected row does to its file: the other rows go on, or none is imported.")  # fmt: skip
@click.option(
    "--entity", type=EntityType(), metavar="ENTITY", help="The entity that --on-error is for.  [default: all]"
)
@pass_context
def set_(
    context: Context, name: str, emails: Sequence[str], no_email: bool, on_error: str | None, entity: str | None,
    **options: Any,
) -> None:  # fmt: skip
    """Change settings of the account NAME; its /Templates follow."""
    import accounts

    if emails and no_email:
        raise click.UsageError("--email and --no-email exclude each other.")
    if entity and not on_error:
        raise click.UsageError("--entity goes with --on-error.")
    changes = chosen(emails=() if no_email else emails or None, **options)
    if not changes and not on_error:
        raise click.UsageError("Nothing to change: give at least one option.")
    context.connect()
    found = accounts.find(name)
    if entity:
        # Before anything is changed, and as the account is to be.
        found.entities = list(changes["entities"]) or None if "entities" in changes else found.entities
        accounts.refuse_foreign(found, [entity])
    accounts.change(context.settings, context.schemas, found, **changes)
    if on_error:
        named = [entity] if entity else [schema.entity for schema in accounts.schemas_of(found, context.schemas)]
        accounts.set_on_error(found, named, on_error)
    click.echo(f"Changed the account {name}.")


@account.command()
@click.argument("name")
@pass_context
def disable(context: Context, name: str) -> None:
    """Keep all logins of the account NAME out; open sessions end."""
    _switch(context, name, disabled=True)


@account.command()
@click.argument("name")
@pass_context
def enable(context: Context, name: str) -> None:
    """Let the logins of the account NAME in again."""
    _switch(context, name, disabled=False)


def _switch(context: Context, name: str, disabled: bool) -> None:
    import accounts
    from exports.push import deliveries as push_queue

    context.connect()
    found = accounts.find(name)
    if not disabled:
        # First of all: no attempt may count the time in which there was none.
        push_queue.restart_all(found)
    accounts.change(context.settings, context.schemas, found, disabled=disabled)
    click.echo(f"{'Disabled' if disabled else 'Enabled'} the account {name}.")


@account.command()
@click.argument("name")
@click.option("--files", is_flag=True, help="Delete its files too; without it they are moved aside.")
@yes_option
@pass_context
def remove(context: Context, name: str, files: bool, yes: bool) -> None:
    """Remove the account NAME with its logins, records and imports.

    Its files are kept: they move to accounts/.removed in the home.
    """
    import accounts
    import removal
    from commands.target import told_dropped
    from models.target import counts

    context.connect()
    found = accounts.find(name)
    waiting = sum(counts(each.number).get("waiting", 0) for each in found.targets)
    dropped = told_dropped(waiting, "its targets")
    if not yes:
        fate = "its files are deleted" if files else "its files are kept aside"
        question = f"Remove {name} with all of its records and logins ({fate})? {dropped}"
        click.confirm(question.rstrip(), abort=True)
    kept = removal.remove(context.settings, found, plugin_tables=context.registry.plugin_tables, delete_files=files)
    said = (f"Removed the account {name}.", dropped, f"Its files lie in {kept}" if kept else "")
    click.echo(" ".join(filter(None, said)))
