"""click: the command line, and the only place that prints or exits. A file per noun."""

from commands.starting import interruptible

with interruptible():
    from importlib import metadata

    import click

    from commands.account import account
    from commands.cert import cert
    from commands.common import Root
    from commands.customer import customer
    from commands.db import db
    from commands.doctor import doctor
    from commands.export import export
    from commands.exports import exports
    from commands.import_file import import_file
    from commands.imports import imports
    from commands.login import login
    from commands.mail import mail
    from commands.order import order
    from commands.records import records
    from commands.retention import retention
    from commands.schedule import schedule
    from commands.serve import serve
    from commands.status import status
    from commands.target import target
    from commands.template import template
    from commands.worker import worker

COMMANDS: tuple[click.Command, ...] = (
    serve,
    status,
    account,
    login,
    schedule,
    imports,
    import_file,
    records,
    customer,
    order,
    exports,
    export,
    target,
    template,
    mail,
    cert,
    doctor,
    retention,
    db,
    worker,
)
"""The roster, in the order in which `ftpdock --help` lists it."""


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        try:
            click.echo(f"ftpdock {metadata.version('ftpdock')}")
        except metadata.PackageNotFoundError:
            click.echo("ftpdock, from its source, not installed")
        ctx.exit()


@click.group(cls=Root, commands=COMMANDS)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def main() -> None:
    """An FTPS server that imports the CSV files partners upload.

    Everything lives in one home folder; `ftpdock serve` makes it when it is missing.
    """
