"""One import as the worker does it, in a process that has loaded no more than a worker."""

from __future__ import annotations

import time
from pathlib import Path

import handlers.registry
import models
from bench.apart import Cost, apart, stopwatch
from hooks import Hooks
from jobs.leases import Owner
from jobs.pickup import queue_file
from jobs.worker import Worker
from models import Account, ImportRun
from settings import Settings, load

REST = 0.5
"""Seconds in which the process that a worker keeps ready has loaded."""


def ready(home: Path, url: str) -> tuple[Worker, Owner]:
    """A worker that need not wait for a bell."""
    settings = load(home, environ={}, database=url)
    models.bind(settings.database_url).connect(reuse_if_open=True)
    hooks = Hooks(settings.plugins)
    return Worker(settings, handlers.registry.load(hooks), hooks, lambda seconds: True), Owner(settings)


def turn(home: Path, url: str) -> Cost:
    """From the look for what waits to the closed import, by a worker that has had a large file and then some rest."""
    worker, owner = ready(home, url)
    worker.standby.wanted = True
    worker.standby.prepare()
    time.sleep(REST)
    try:
        with stopwatch() as cost:
            assert worker.turn(owner.name)
    finally:
        worker.standby.close()
        models.database.close()
        owner.close()
    return cost


def import_file(settings: Settings, account: Account, entity: str, path: Path) -> tuple[Cost, ImportRun]:
    """Import a file; what it took, and what became of it."""
    number = queue_file(settings, account, entity, path, path.name, origin="command").number
    cost = apart(turn, settings.home, settings.database_url)
    run: ImportRun = ImportRun.get_by_id(number)
    assert run.status.startswith("completed"), f"import {number} is {run.status}: {run.error}"
    return cost, run
