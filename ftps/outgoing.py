"""A file that is being sent, and what of an export was sent to whom before."""

from __future__ import annotations

import collections
import io
import os
from dataclasses import dataclass

from ftps.pins import Key, Pin
from models.ledger import Version

MOST = 10_000
"""Interrupted downloads that are remembered."""


@dataclass(frozen=True, slots=True)
class Exported:
    """Which file of the export folder it is."""

    path: str
    """Below the export root, as the ledger has it."""
    version: Version
    key: Key
    pin: Pin | None
    """The folder it was opened in, if it is one that may be exchanged."""
    name: str


class Outgoing(io.FileIO):
    """A file that is being sent."""

    virtual: str
    export: Exported | None = None
    start = 0
    """The first byte that is sent (REST)."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self.start = super().seek(offset, whence)
        return self.start


class Beginnings:
    """How much of a file was sent to a login, for one that fetches the rest. Touched on the loop only."""

    def __init__(self) -> None:
        self._sent: collections.OrderedDict[tuple[str, int, str], tuple[Version, int]] = collections.OrderedDict()

    def are_of_another(self, export: Exported) -> bool:
        """Whether what was sent before is of another version, so that no rest of this one fits to it."""
        version, _ = self._sent.get(_key(export), (export.version, 0))
        return version != export.version

    def forget_others(self, export: Exported) -> None:
        """It is fetched from the beginning; clients that fetch it in parts at once ask for the others meanwhile."""
        if self.are_of_another(export):
            del self._sent[_key(export)]

    def joined(self, export: Exported, start: int, end: int) -> bool:
        """Note that the bytes from `start` to `end` were sent; whether all before them were sent, too."""
        key = _key(export)
        version, before = self._sent.pop(key, (export.version, 0))
        if version != export.version:
            before = 0
        joined = start <= before
        self._sent[key] = (export.version, max(before, end) if joined else before)
        if len(self._sent) > MOST:
            self._sent.popitem(last=False)
        return joined


def _key(export: Exported) -> tuple[str, int, str]:
    account, login, _ = export.key
    return account, login, export.path
