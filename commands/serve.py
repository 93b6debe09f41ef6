"""`ftpdock serve`: the server itself."""

from __future__ import annotations

import errno
import socket

import click

from commands.common import Command, Context, pass_context
from commands.demo import lines, prepare, refuse_second
from errors import FtpdockError
from settings import Settings


@click.command(cls=Command)
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: the setting `host`]")
@click.option("--port", type=click.IntRange(0, 65535), metavar="PORT",
              help="Port to listen on; 0 takes a free one.  [default: the setting `port`]")  # fmt: skip
@click.option("--demo", is_flag=True,
              help="Make the account `demo` with a new password at each start, and print lines to try it.")  # fmt: skip
@pass_context
def serve(context: Context, host: str | None, port: int | None, demo: bool) -> None:
    """Run the server until it is stopped (SIGTERM, or Ctrl-C).

    What is missing is made first: the home, the database, a self-signed certificate.
    """
    import server

    context.overrides.update(host=host, port=port)
    if demo:
        refuse_second(context.settings)

    def announce(host: str, port: int) -> None:
        # In one piece: what the log says meanwhile does not come between.
        lines = f"\n{_demo(context, port)}" if demo else ""
        click.echo(f"ftpdock is ready: explicit FTPS on {_where(host, port)}, home {context.settings.home}{lines}")

    try:
        server.serve(context.settings, announce)
    except OSError as error:
        raise _explained(error, context.settings) from error


def _explained(error: OSError, settings: Settings) -> Exception:
    """An address that can't be had names no file: say which it was. Any other error stays what it is."""
    # pyftpdlib wraps the error that says more.
    inner = error.args[0] if error.args and isinstance(error.args[0], OSError) else error
    if isinstance(inner, socket.gaierror):
        return FtpdockError(f"Can't listen on {settings.host}: {inner.strerror}. Expected is an address of this "
                            "machine, or a name of it, in the setting `host` or by --host")  # fmt: skip
    if inner.filename or inner.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
        return error
    return FtpdockError(f"Can't listen on {_where(settings.host, settings.port)}: {inner.strerror}")


def _demo(context: Context, port: int) -> str:
    """The lines to try the server with. Made once the port is ours: what another server has printed is to stay true."""
    import models

    with models.database.connection_context():
        return lines(context.settings, prepare(context.settings, context.schemas), port)


def _where(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
