"""What records refer to in another account: plain SQL may do that, and no partner is to be told of another one."""

from __future__ import annotations

import logging
from collections.abc import Sequence

log = logging.getLogger("ftpdock.exports")

NAMED = 20
"""Records that the log names each time an entity is written out."""


class Strangers:
    """Tells the admin, for one writing out of an entity, which records are not written as they are stored."""

    def __init__(self, entity: str) -> None:
        self._entity, self._found = entity, 0

    def tell(self, system_id: str, references: Sequence[str]) -> None:
        """`references` of the record lead out of its account, or to nothing; none: all is well."""
        if not references:
            return
        self._found += 1
        if self._found <= NAMED:
            log.warning("%s %s is not written as it is stored: its %s is not there, or of another account; correct it",
                        self._entity, system_id, " and ".join(references))  # fmt: skip
        elif self._found == NAMED + 1:
            log.warning("further records of the kind %s refer to another account: correct these first", self._entity)
