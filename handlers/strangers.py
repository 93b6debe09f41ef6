"""Records that are not written out as they are stored: plain SQL may refer to another account, of which no partner is
to be told, and may store what is no value of its column."""

from __future__ import annotations

import logging
from collections.abc import Sequence

log = logging.getLogger("ftpdock.exports")

NAMED = 20
"""Records that the log names each time an entity is written out."""


class _Named:
    """Warns of the first NAMED records of one writing out of an entity, then once that there are further ones."""

    def __init__(self, entity: str) -> None:
        self._entity, self._found = entity, 0

    def _warn(self, system_id: str, what: str, further: str) -> None:
        self._found += 1
        if self._found <= NAMED:
            log.warning("%s %s %s", self._entity, system_id, what)
        elif self._found == NAMED + 1:
            log.warning("further records of the kind %s %s: correct these first", self._entity, further)


class Strangers(_Named):
    """Tells the admin which records are not written as they are stored, for what they refer to."""

    def tell(self, system_id: str, references: Sequence[str]) -> None:
        """`references` of the record lead out of its account, or to nothing; none: all is well."""
        if references:
            what = f"its {' and '.join(references)} is not there, or of another account; correct it"
            self._warn(system_id, f"is not written as it is stored: {what}", "refer to another account")


class Unwritten(_Named):
    """Tells the admin which records are not written at all, for what they hold."""

    def tell(self, system_id: str, value: object) -> None:
        """`value`: the column and what is stored, which is no value of it."""
        self._warn(system_id, f"is not written: its {value}, which is no value of that column; correct it",
                   "hold what is no value of its column")  # fmt: skip
