"""`ftpdock cert`: the server's TLS certificate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.common import Checked, Context, Group, json_option, pass_context, print_object, yes_option
from errors import ConflictError, NotFoundError
from settings import Settings

if TYPE_CHECKING:
    from certs import Details

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _hostname(text: str) -> str:
    import certs

    return certs.check_hostname(text) if text else text


@click.group(cls=Group)
def cert() -> None:
    """The server's TLS certificate."""


@cert.command()
@json_option
@pass_context
def show(context: Context, as_json: bool) -> None:
    """Show whom the certificate names, its fingerprint, when it begins and when it ends."""
    import certs

    path = context.settings.certificate_path
    if not path.exists():
        own = "`ftpdock serve` or `ftpdock cert make` makes one"
        named = context.settings.certificate or context.settings.private_key
        raise NotFoundError(f"There is no certificate {path} yet: {certs.remedy(context.settings) if named else own}")
    print_object(_object(certs.show(path), path), as_json)


def _object(details: Details, path: Path) -> dict[str, Any]:
    return {
        "file": str(path),
        "subject": details.subject,
        "names": list(details.names),
        "sha256": details.fingerprint,
        "not_before": details.not_before,
        "not_after": details.not_after,
    }


@cert.command()
@click.option("--hostname", type=Checked("name", _hostname), default="", metavar="NAME",
              help="The name that partners connect to.  [default: those of the present certificate, else this "
                   "machine's]")  # fmt: skip
@yes_option
@pass_context
def make(context: Context, hostname: str, yes: bool) -> None:
    """Make a self-signed certificate, in place of the present one.

    Without --hostname it has the names of that. Clients that trusted the old one will ask again. The running server
    takes it for the connections that follow.
    """
    import certs

    settings = context.settings
    _refuse_foreign(context)
    if settings.certificate_path.exists() and not yes:
        named = hostname or ", ".join(certs.present(settings.certificate_path))
        click.confirm(
            f"Replace the present certificate by one for {named}? Clients that trust it will have to trust the new one",
            abort=True,
        )
    _make_home(settings)
    certs.make(settings.certificate_path, settings.private_key_path, *filter(None, [hostname]))
    print_object(_object(certs.show(settings.certificate_path), settings.certificate_path), as_json=False)


@cert.command()
@click.argument("certificate", type=_FILE)
@click.argument("key", type=_FILE)
@pass_context
def install(context: Context, certificate: Path, key: Path) -> None:
    """Put CERTIFICATE (a PEM chain, the server's first) and its KEY (PEM) in place of the present ones.

    They are checked first. The running server takes them for the connections that follow.
    """
    import certs

    _refuse_foreign(context)
    _make_home(context.settings)
    details = certs.install(context.settings, certificate, key)
    print_object(_object(details, context.settings.certificate_path), as_json=False)


def _make_home(settings: Settings) -> None:
    """The folder alone: root may call this in another user's home, whose server could not use what else was made."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)


def _refuse_foreign(context: Context) -> None:
    """A certificate that settings name belongs to another program (such as certbot), which will renew it there."""
    settings = context.settings
    if settings.certificate or settings.private_key:
        raise ConflictError(
            f"The settings `certificate` and `private_key` name {settings.certificate_path}, which is not ftpdock's: "
            "replace it there, or take the settings away first"
        )
