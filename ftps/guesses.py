"""Wrong passwords: who tries many of them for one login from one address has to wait, and nobody else does."""

from __future__ import annotations

import logging
import time

from ftps.memory import Memory

log = logging.getLogger("ftpdock.ftps")

MOST = 20
"""Wrong passwords of one login from one address that are checked."""
WITHIN = 600.0
"""Seconds after the last of them until they are forgotten."""


class Guesses:
    """Of one server; touched on the loop only. Logins that are not there count like others, or it could be told."""

    def __init__(self) -> None:
        self._wrong: Memory[str, tuple[int, float]] = Memory()
        """By address and name: how many, and when the last one was checked."""

    def barred(self, origin: str, name: str) -> bool:
        """Whether no further password is checked for now."""
        return self._count(origin, name) >= MOST

    def wrong(self, origin: str, name: str) -> None:
        """One was checked and is wrong."""
        count = self._count(origin, name) + 1
        self._wrong.put(origin, name, (count, time.monotonic()))
        if count == MOST:
            log.warning("%s wrong passwords for login %s from %s: from there none is checked for %.0f minutes", count,
                        name, origin, WITHIN / 60)  # fmt: skip

    def right(self, origin: str, name: str) -> None:
        """One was right."""
        self._wrong.pop(origin, name)

    def _count(self, origin: str, name: str) -> int:
        count, last = self._wrong.get(origin, name) or (0, 0.0)
        return count if time.monotonic() - last < WITHIN else 0
