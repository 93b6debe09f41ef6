"""`ftpdock order`: the business's orders, which partners get once they are confirmed."""

from __future__ import annotations

from typing import Any, BinaryIO

import click

from commands.common import (
    Checked,
    Context,
    Group,
    account_option,
    cell,
    json_option,
    pass_context,
    print_json,
    print_object,
    print_objects,
    print_table,
)
from commands.json_file import file_argument, print_made, read_file
from schemas.order import STATUSES

LISTED = ("system_id", "reference_id", "status", "order_date", "customer_reference_id", "customer_name", "lines",
          "currency", "total")  # fmt: skip


def _system_id(text: str) -> str:
    from orders import check_system_id

    return check_system_id(text)


system_id_argument = click.argument("system_id", metavar="SYSTEM_ID", type=Checked("UUID", _system_id))


@click.group(cls=Group)
def order() -> None:
    """Orders: add them, confirm them, look at them."""


@order.command()
@file_argument
@account_option(required=True, help="Whose order it is.")
@json_option
@pass_context
def add(context: Context, file: BinaryIO, account: str, as_json: bool) -> None:
    """Add the order in FILE, a JSON object, or all of a list of them; print the System ID of each.

    FILE - is standard input. A confirmed order is exported at once. If one of a list is wrong none is stored.
    """
    import accounts
    import orders

    context.connect()
    print_made(orders.add(accounts.find(account), read_file(file)), ("system_id", "reference_id", "status"), as_json)


@order.command()
@system_id_argument
@pass_context
def confirm(context: Context, system_id: str) -> None:
    """Confirm the draft SYSTEM_ID, so that it is exported."""
    import orders

    context.connect()
    if orders.confirm(system_id):
        click.echo(f"Confirmed the order {system_id}.")
    else:
        click.echo(f"The order {system_id} is confirmed already.")


@order.command("list")
@account_option(required=True, help="Whose orders.")
@click.option("--status", type=click.Choice(STATUSES), help="Only those of this status.")
@json_option
@pass_context
def list_(context: Context, account: str, status: str | None, as_json: bool) -> None:
    """List the orders of an account, oldest first."""
    import accounts
    import orders

    context.connect()
    print_objects(orders.listed(accounts.find(account), status), LISTED, as_json, none="No orders.")


@order.command()
@system_id_argument
@json_option
@pass_context
def show(context: Context, system_id: str, as_json: bool) -> None:
    """Show the order SYSTEM_ID with its lines and totals."""
    import orders

    context.connect()
    found = orders.whole(system_id)
    if as_json:
        print_json(found)
        return
    lines = found.pop("lines")
    print_object(found, as_json=False)
    if lines:
        click.echo()
        _print_lines(lines)


def _print_lines(lines: list[dict[str, Any]]) -> None:
    headers = [name.replace("_", " ") for name in lines[0]]
    print_table(headers, [[cell(value) for value in line.values()] for line in lines])
