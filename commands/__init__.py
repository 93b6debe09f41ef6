"""click: the command line, and the only place that prints or exits. A file per noun."""

import click

from commands.account import account
from commands.cert import cert
from commands.common import Root
from commands.db import db
from commands.doctor import doctor
from commands.login import login
from commands.serve import serve
from commands.template import template

COMMANDS: tuple[click.Command, ...] = (
    serve,
    account,
    login,
    template,
    cert,
    doctor,
    db,
)
"""The roster, in the order in which `ftpdock --help` lists it."""


@click.group(cls=Root, commands=COMMANDS)
@click.version_option(package_name="ftpdock", message="ftpdock %(version)s")
def main() -> None:
    """An FTPS server that imports the CSV files partners upload.

    Everything lives in one home folder; `ftpdock serve` makes it when it is missing.
    """
