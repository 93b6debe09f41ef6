"""Who works on what: a worker owns a lock file as long as it lives, and renews the lease of its import."""

from __future__ import annotations

import datetime as dt
import fcntl
import logging
import os
import threading
import uuid
from pathlib import Path
from types import TracebackType

from models import ImportRun, database, now
from settings import Settings

log = logging.getLogger("ftpdock.jobs")


def _folder(settings: Settings) -> Path:
    return settings.spool / "workers"


class Owner:
    """A worker's identity. The kernel frees the lock of a process that dies, so the others learn of it at once."""

    def __init__(self, settings: Settings) -> None:
        self.name = uuid.uuid4().hex
        folder = _folder(settings)
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{self.name}.lock"
        self._handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._handle)


def is_dead(settings: Settings, owner: str) -> bool:
    """Whether the owner's lock file is there and nobody holds it. On another machine's owners nothing can be said."""
    path = _folder(settings) / f"{owner}.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def sweep_dead(settings: Settings) -> None:
    """Release the imports of dead workers, so that another takes them up; forget the workers."""
    for path in _folder(settings).glob("*.lock"):
        if is_dead(settings, path.stem):
            ImportRun.update(lease_until=now()).where(ImportRun.lease_owner == path.stem).execute()
            path.unlink(missing_ok=True)


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
