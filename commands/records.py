"""`ftpdock records`: what is stored."""

from __future__ import annotations

import sys

import click

import accounts
from commands.common import Command, Context, EntityType, account_option, pass_context, print_json, print_table
from commands.output import cell, without_empty


@click.command(cls=Command)
@click.argument("entity", type=EntityType())
@account_option(required=True, help="Whose records.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: objects keyed by the template's columns.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True,
              help="csv is the template's own: it imports back with every row unchanged.")  # fmt: skip
@pass_context
def records(context: Context, entity: str, account: str, as_json: bool, form: str) -> None:
    """Print the records of ENTITY (product or products, and so on) of an account."""
    from handlers.records import Records
    from models import patient_snapshot

    context.connect()
    with patient_snapshot():
        found = Records(context.registry.handler(entity), accounts.find(account))
        if as_json or form == "json":
            print_json(found.objects())
        elif form == "csv":
            # A CSV's line ends are its own; the terminal's translation would double them.
            sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
            found.write_csv(sys.stdout)
        else:
            _print_table(found.columns, list(found.rows()))


def _print_table(columns: list[str], rows: list[list[str]]) -> None:
    """Columns that are empty throughout are left out, and long texts are cut: the whole stands in --json and csv."""
    if rows:
        filled, rows = without_empty(columns, rows)
        print_table(filled, [[_short(cell(value)) for value in row] for row in rows])
    else:
        click.echo("None.", err=True)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"
