"""The part that keeps order: asks for exports by the clock, deletes what is old, tells of what nobody fetched."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping

from exports import retention, scheduled, uncollected
from models import database, now
from settings import Settings

log = logging.getLogger("ftpdock.exports")

LOOK = 1.0
"""Seconds between two looks at the clock."""
ALERT_EVERY = dt.timedelta(minutes=1)
"""Between two looks at what was not fetched."""
AT_ONCE = 50
"""Deletions between two looks at the clock."""


class Keeper:
    """A Part. `folders` maps an entity to the name of its folder."""

    name = "keeper"

    def __init__(self, settings: Settings, folders: Mapping[str, str]) -> None:
        self._settings, self._folders = settings, folders
        self._sweep: Iterator[retention.Gone] | None = None
        self._gone: Counter[tuple[str, str]] = Counter()
        self._looked: dt.datetime | None = None

    def run(self, stopping: threading.Event) -> None:
        retention.put_back(self._settings)
        database.connect(reuse_if_open=True)
        while not stopping.is_set():
            self.look(now())
            stopping.wait(0 if self._sweep else LOOK)

    def look(self, moment: dt.datetime) -> None:
        """Do what is due; of a long deletion a part."""
        scheduled.tick(moment)
        # Either way: the clock may have been ahead.
        if self._looked is None or abs(moment - self._looked) >= ALERT_EVERY:
            self._looked = moment
            uncollected.tell(self._settings, moment)
        if self._sweep is None and retention.is_due(self._settings, moment):
            self._sweep = retention.sweep(self._settings, self._folders, moment)
        if self._sweep is not None:
            self._sweep_on(moment)

    def _sweep_on(self, moment: dt.datetime) -> None:
        assert self._sweep is not None
        for _ in range(AT_ONCE):
            try:
                gone = next(self._sweep, None)
            except BaseException:
                self._sweep = None  # it can't be gone on with, and would seem to be at its end
                raise
            if gone is None:
                self._finish(moment)
                return
            log.debug("retention: deleted %s %s of %s", gone.what, gone.path, gone.account or "the admin")
            self._gone[gone.account, gone.what] += 1

    def _finish(self, moment: dt.datetime) -> None:
        for (account, what), count in sorted(self._gone.items()):
            log.info("retention: deleted %s of %s of %s", count, what, account or "the admin")
        self._sweep = None
        self._gone.clear()
        retention.done(self._settings, moment)
