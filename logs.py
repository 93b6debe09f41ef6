"""Where log lines go: standard error, and a file in the home that is turned over at 10 MB."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler

from settings import Settings


def start(settings: Settings, process: str) -> None:
    """Log to standard error and to logs/<process>.log: each process has its own, because files turn over."""
    form = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    file = RotatingFileHandler(
        settings.home / "logs" / f"{process}.log", maxBytes=10_000_000, backupCount=5, encoding="utf-8"
    )
    root = logging.getLogger()
    for handler in (logging.StreamHandler(), file):
        handler.setFormatter(form)
        root.addHandler(handler)
    root.setLevel(settings.log_level)
    # Statements and their values don't belong into logs.
    logging.getLogger("peewee").setLevel(logging.WARNING)
