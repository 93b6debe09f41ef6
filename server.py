"""The composition root: settings, database, exports, FTPS, worker, run. It reads top to bottom and decides nothing."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable

import handlers.registry
import logs
import models
from belonging import refuse_strange_home
from exports import Exporter
from exports.push.key import on_card
from ftps import FrontDoor, settle
from hooks import Hooks
from jobs.cards import server_card
from jobs.mail_sender import MailSender
from jobs.supervisor import Supervisor
from layout import make_home, warn_of_open_home
from owners import warn_of_open_secrets
from removal import put_back
from settings import Settings
from upgrade import bring_up

Announce = Callable[[str, int], None]
"""Told the address and the port once the server answers there."""


def serve(settings: Settings, announce: Announce | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Called in the main thread."""
    make_home(settings)
    logs.start(settings, "server")
    warn_of_open_home(settings)
    warn_of_open_secrets(settings)
    database = models.bind(settings.database_url)
    bring_up(settings, database)
    with database.connection_context():
        refuse_strange_home(settings)
        put_back(settings)
    hooks = Hooks(settings.plugins)
    registry = handlers.registry.load(hooks)
    registry.make_tables()
    supervisor = Supervisor(settings, registry, hooks)
    sender = MailSender(settings, registry.folders)
    exporter = Exporter(settings, registry, hooks)
    door = FrontDoor(settings, hooks, registry.schemas, supervisor.ring)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: door.stop())
    door.open()
    # What can't be started takes along what was, in the opposite order: nobody is to hang at a door that no loop minds.
    with contextlib.ExitStack() as stops:
        stops.callback(models.database.close)
        stops.callback(server_card(settings, *door.address, key=on_card(settings)).close)
        sender.start()
        stops.callback(sender.stop)
        supervisor.start()
        stops.callback(supervisor.stop)
        exporter.start()
        stops.callback(exporter.stop)
        if announce:
            announce(*door.address)
        settle()
        door.run()


if __name__ == "__main__":
    from commands import main

    main(["serve", *sys.argv[1:]])
