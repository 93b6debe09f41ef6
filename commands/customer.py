"""`ftpdock customer`: the business's customers, whom partners get when they are new."""

from __future__ import annotations

from typing import BinaryIO

import click

from commands.common import Context, Group, account_option, json_option, pass_context
from commands.json_file import file_argument, print_made, read_file


@click.group(cls=Group)
def customer() -> None:
    """Customers: add them."""


@customer.command()
@file_argument
@account_option(required=True, help="Whose customer it is.")
@json_option
@pass_context
def add(context: Context, file: BinaryIO, account: str, as_json: bool) -> None:
    """Add the customer in FILE, a JSON object, or all of a list of them; print the System ID of each.

    FILE - is standard input. New customers are exported at once. If one of a list is wrong none is stored.
    """
    import accounts
    import customers

    context.connect()
    made = customers.add(accounts.find(account), read_file(file))
    print_made(made, ("system_id", "reference_id", "company_name"), as_json)
