"""What `target add` and `target set` have in common: their options, and what may stand in these and in a URL.

The checks are loaded with the first target only: with all that delivers they take a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from commands.common import Checked, Decorated

if TYPE_CHECKING:
    from exports.push.url import Place

_FILE = click.Path(exists=True, dir_okay=False, readable=False)


def _place(text: str) -> Place:
    from exports.push.url import read_url

    return read_url(text)


def _name(text: str) -> str:
    from exports.push.target_checks import check_name

    return check_name(text)


def _username(text: str) -> str:
    from exports.push.url import check_username

    return check_username(text)


def _variable(text: str) -> str:
    from exports.push.target_checks import check_variable

    return check_variable(text)


def _host_key(text: str) -> str:
    from exports.push.target_checks import check_host_key

    return check_host_key(text)


def _kinds(text: str) -> list[str]:
    """`all` is the empty list."""
    from exports.push.target_checks import check_kinds

    return [] if text.strip().lower() == "all" else check_kinds([kind.strip() for kind in text.split(",")])


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--name", type=Checked("text", _name), metavar="TEXT", help="What people call it."),
    click.option("--username", type=Checked("name", _username), metavar="NAME",
                 help="The user there; or write it into the URL before an @."),
    click.option("--password-stdin", is_flag=True, help="Read the password from one line of stdin."),
    click.option("--password-env", type=Checked("variable", _variable), metavar="VARIABLE",
                 help="The server finds the password in this environment variable; nothing is stored."),
    click.option("--key-lost", is_flag=True,
                 help="Store a password though the key of those that are stored is lost for good."),
    click.option("--key-file", type=_FILE, metavar="FILE",
                 help="sftp: a private key on the server; a password is its passphrase then."),
    click.option("--ca-file", type=_FILE, metavar="FILE",
                 help="ftps: certificates (PEM) that theirs has to stem from.  [default: the system's]"),
    click.option("--host-key", type=Checked("fingerprint", _host_key), metavar="SHA256:...",
                 help="sftp: the fingerprint of the server's host key."),
    click.option("--mount-point/--no-mount-point", default=None,
                 help="file: write only while something is mounted there.  [default: once that was seen]"),
    click.option("--kinds", type=Checked("list", _kinds), metavar="LIST",
                 help="Only these of order,customer,full, or all.  [default: all]"),
)  # fmt: skip

_url = Checked("url", _place)
url_argument = click.argument("place", metavar="URL", type=_url)
url_option = click.option(
    "--url", "place", metavar="URL", type=_url, help="Where it is from now on; what waits goes there."
)


def target_options(command: Decorated) -> Decorated:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
