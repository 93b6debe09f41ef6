"""`ftpdock worker`: imports what waits, without a server of its own."""

from __future__ import annotations

import os
import signal
import sys
import threading

import click

from commands.common import Command, Context, pass_context

NICENESS = 10
"""Of a worker and what it starts: where the machine is small, those who are connected come first."""


@click.command(cls=Command)
@click.option("--bell", hidden=True, metavar="NAME",
              help="Be one worker of that name: wake at each byte on stdin, stop at its end.")  # fmt: skip
@pass_context
def worker(context: Context, bell: str | None) -> None:
    """Import what waits until stopped (SIGTERM, or Ctrl-C).

    `ftpdock serve` starts and minds workers by itself; this one is for machines that only import. It minds as many
    worker processes as the setting `workers` says, and stops between two chunks of the import at hand.
    """
    import logs
    import models
    from belonging import refuse_strange_home
    from owners import warn_of_open_secrets

    context.serves = True
    context.connect(child=bell is not None)
    refuse_strange_home(context.settings)
    models.database.close()
    if bell:
        logs.start(context.settings, "worker")
        _work(context, bell)
    else:
        logs.start(context.settings, "workers")
        warn_of_open_secrets(context.settings)
        _mind(context)


def _work(context: Context, name: str) -> None:
    from jobs.worker import PipeBell, Worker

    os.nice(NICENESS)
    bell = PipeBell(sys.stdin.fileno())
    signal.signal(signal.SIGTERM, lambda *_: bell.stop())
    # Ctrl-C goes to the whole process group; whoever started the worker decides when it stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Worker(context.settings, context.registry, context.hooks, bell).run(name)


def _mind(context: Context) -> None:
    from jobs.supervisor import Supervisor

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    supervisor = Supervisor(context.settings, context.registry, context.hooks)
    supervisor.start(alone=True)
    stopping.wait()
    supervisor.stop()
