"""Where log lines go: standard error, and a file in the home that is turned over at 10 MB."""

from __future__ import annotations

import fcntl
import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path

from settings import Settings


def start(settings: Settings, process: str) -> None:
    """Log to standard error and to logs/<process>.log: each process has its own, because files turn over."""
    form = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    file = RotatingFileHandler(
        _own(settings.home / "logs", process), maxBytes=10_000_000, backupCount=5, encoding="utf-8"
    )
    root = logging.getLogger()
    for handler in (logging.StreamHandler(), file):
        handler.setFormatter(form)
        root.addHandler(handler)
    root.setLevel(settings.log_level)
    # Statements and their values don't belong into logs.
    logging.getLogger("peewee").setLevel(logging.WARNING)


def _own(folder: Path, process: str, number: int = 1) -> Path:
    """worker.log, or the first of worker-2.log and so on that no other process has, on whatever machine.

    Who is started in place of one that died finds its number free.
    """
    name = process if number == 1 else f"{process}-{number}"
    handle = os.open(folder / f".{name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        # It stays open, and so locked, until the process ends; the log itself gets another name when it turns over.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return _own(folder, process, number + 1)
    return folder / f"{name}.log"
