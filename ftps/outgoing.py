"""A file that is being sent, and what of an export was sent to whom before."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass

from ftps.memory import Memory
from ftps.pins import Key, Pin
from models.ledger import Version


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
        self._cut: Memory[tuple[int, str], tuple[Version, int]] = Memory()
        self._whole: Memory[tuple[int, str], tuple[Version, int]] = Memory()
        """Apart from the others: however many files are fetched whole, a cut one can be continued."""

    def are_of_another(self, export: Exported) -> bool:
        """Whether what was sent before is of another version, so that no rest of this one fits to it."""
        account, key = _key(export)
        known = self._cut.get(account, key) or self._whole.get(account, key)
        return known is not None and known[0] != export.version

    def forget_others(self, export: Exported) -> None:
        """It is fetched from the beginning; clients that fetch it in parts at once ask for the others meanwhile."""
        if self.are_of_another(export):
            self._pop(export)

    def joined(self, export: Exported, start: int, end: int, whole: bool) -> bool:
        """Note that the bytes from `start` to `end` were sent, and if they were taken to the file's end, not cut;
        whether all before them were sent, too."""
        version, before = self._pop(export) or (export.version, 0)
        if version != export.version:
            before = 0
        joined = start <= before
        memory = self._whole if whole else self._cut
        memory.put(*_key(export), (export.version, max(before, end) if joined else before))
        return joined

    def _pop(self, export: Exported) -> tuple[Version, int] | None:
        account, key = _key(export)
        return self._cut.pop(account, key) or self._whole.pop(account, key)


def _key(export: Exported) -> tuple[str, tuple[int, str]]:
    account, login, _ = export.key
    return account, (login, export.path)
