"""`ftpdock worker`: imports what waits, without a server of its own."""

from __future__ import annotations

import signal
import sys

import click

from commands.common import Command, Context, pass_context


@click.command(cls=Command)
@click.option(
    "--bell", is_flag=True, hidden=True, help="Wake at each byte on stdin, stop at its end: how serve does it."
)
@pass_context
def worker(context: Context, bell: bool) -> None:
    """Import what waits until stopped (SIGTERM, or Ctrl-C).

    `ftpdock serve` starts and minds a worker by itself; this one is for machines that only import.
    """
    import logs
    from jobs.worker import Bell, PipeBell, ThreadBell, Worker

    context.migrate()
    logs.start(context.settings, "worker")
    waiting: Bell
    if bell:
        waiting = PipeBell(sys.stdin.fileno())
        # Ctrl-C goes to the whole process group; the server decides when its workers stop.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    else:
        thread_bell = ThreadBell()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: thread_bell.stop())
        waiting = thread_bell
    Worker(context.settings, context.registry, context.hooks, waiting).run()
