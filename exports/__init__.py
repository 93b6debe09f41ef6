"""Exports: from the outbox to the partner's folder. `Exporter` is all that the server needs of it."""

from exports.exporter import Exporter

__all__ = ["Exporter"]
