"""Who works on what: a worker owns a lock file as long as it lives, and renews the lease of its import."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import uuid
from pathlib import Path
from types import TracebackType

from jobs.cards import Card, is_held
from jobs.poison import release_dead, weight
from models import AHEAD, ImportRun, database, now
from settings import Settings

log = logging.getLogger("ftpdock.jobs")


def _folder(settings: Settings) -> Path:
    return settings.spool / "workers"


class Owner:
    """A worker's identity. The kernel frees the lock of a process that dies, so the others learn of it at once.

    `name` is given by whoever watches over the worker.
    """

    def __init__(self, settings: Settings, name: str | None = None) -> None:
        self.name = name or uuid.uuid4().hex
        self._card = Card(_folder(settings) / f"{self.name}.lock")

    def refuse_lost_home(self) -> None:
        """Raises FileNotFoundError if its disk is not mounted any more: files that wait would be taken for lost.

        That is known from the folder of the card, which no command makes anew on an empty home, as it does others.
        """
        folder = self._card.path.parent
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not there any more: is its disk mounted?")

    def close(self) -> None:
        self._card.close()


def is_dead(settings: Settings, owner: str) -> bool:
    """Whether the owner's lock file is there and nobody holds it. On another machine's owners nothing can be said."""
    return is_held(_folder(settings) / f"{owner}.lock") is False


def sweep_dead(settings: Settings, seen: set[str] | None = None) -> None:
    """Release the imports of dead workers, so that another takes them up; forget the workers.

    `seen` remembers who was found alive: only the death of one of these can be laid to its import, because a worker
    that was dead before may have gone with the whole machine.
    """
    seen = set() if seen is None else seen
    for path in _folder(settings).glob("*.lock"):
        if is_held(path) is False:
            release_dead(path.stem, weight(None) if path.stem in seen else 0)
            path.unlink(missing_ok=True)
        else:
            seen.add(path.stem)


def release_ahead(settings: Settings) -> None:
    """Release imports whose lease a clock that was ahead has written, unless their owner lives: it renews the lease.

    Whether it does is asked of its card, so that no clock that is wrong itself takes an import away from anybody.
    """
    latest = now() + dt.timedelta(seconds=settings.lease_seconds) + AHEAD
    leased = ImportRun.status.in_(("waiting", "running")) & ImportRun.lease_owner.is_null(False)
    query = ImportRun.select(ImportRun.lease_owner).where(leased & (ImportRun.lease_until > latest))
    for owner in {owner for (owner,) in query.tuples()}:
        if not is_held(_folder(settings) / f"{owner}.lock"):
            release_dead(owner)


def reservation(settings: Settings, owner: str) -> dict[str, object]:
    """Attributes of an import that only `owner` may start while it renews the lease."""
    return {"lease_owner": owner, "lease_until": now() + dt.timedelta(seconds=settings.lease_seconds)}


def renew(settings: Settings, number: int, owner: str) -> None:
    """Lengthen the lease of an import, if it is still the owner's."""
    mine = (ImportRun.number == number) & (ImportRun.lease_owner == owner)
    ImportRun.update(**reservation(settings, owner)).where(mine).execute()


class Heartbeat:
    """Renews the lease of an import while it is worked on, from a thread: a long chunk is not a dead worker."""

    def __init__(self, settings: Settings, number: int, owner: str) -> None:
        self._settings, self._number, self._owner = settings, number, owner
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease-{number}", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._done.wait(self._settings.lease_seconds / 3):
            try:
                with database.connection_context():
                    renew(self._settings, self._number, self._owner)
            except Exception:
                # The database may be away; the worker will find out for itself.
                log.warning("the lease of import %s could not be renewed", self._number, exc_info=True)
