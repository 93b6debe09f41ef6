"""The loop of a worker: wait for the bell or a second, pick up, take the next import, run it."""

from __future__ import annotations

import logging
import os
import select
import sqlite3
import threading
import time
from collections.abc import Callable

from peewee import InterfaceError, OperationalError, PeeweeException

from errors import FileProblem, LeaseLost
from handlers.registry import Registry
from handlers.run import ImportJob
from handlers.standby import Standby
from hooks import Hooks
from imports.row_hash import release
from jobs.leases import Heartbeat, Owner, release_ahead, sweep_dead
from jobs.mail_text import plural
from jobs.pickup import pick_up, reconcile
from jobs.poison import is_poisonous, kept, problem
from jobs.queue import LONGEST_REST, claim, give_back
from models import ImportRun, Mail, database, is_postgres, now
from settings import Settings

log = logging.getLogger("ftpdock.jobs")

ATTEMPTS = 3
"""How often an import may fail by an error of ours before it is set aside."""
PAUSE, LONGEST_PAUSE = 1.0, LONGEST_REST
"""Seconds after a failure of the database or the disk; doubled each time."""
TRANSACTION_TIMEOUT_SINCE = 170_000
"""The version of Postgres that knows `transaction_timeout`."""
PRIMARY = 0xFF
"""The bits of an error code of SQLite that are the same for all errors of a kind."""
STOOD_STILL = 60.0
"""Seconds without a turn that came to its end after which the admin is told."""
SWEEP = 60.0
"""Seconds between two looks for what was left."""

Bell = Callable[[float], bool]
"""Waits at most so many seconds for a ring. False: there is no more to wait for, stop."""


class _Stop(Exception):
    """Leaves an import between two chunks."""


class Worker:
    """Imports one file after the other until the bell says stop."""

    def __init__(self, settings: Settings, registry: Registry, hooks: Hooks, bell: Bell) -> None:
        self.settings, self.registry, self.hooks, self.bell = settings, registry, hooks, bell
        self.folders = {handler.entity: handler.schema.folder for handler in registry.handlers}
        self.standby = Standby()
        self._swept = 0.0
        self._seen: set[str] = set()
        self._pauses: dict[int, float] = {}
        self._failing: tuple[float, str] | None = None
        """Since when turns fail, on the monotonic clock, and why."""

    def run(self, name: str | None = None) -> None:
        """Work until the bell says stop, under the name that a supervisor gave."""
        owner = Owner(self.settings, name)
        release()  # of the sources that were loaded: a new version may be installed beneath a worker that runs
        pause = PAUSE
        wait = 0.0
        try:
            while self.bell(wait):
                try:
                    owner.refuse_lost_home()
                    wait = 0.0 if self.turn(owner.name) else 1.0
                    pause, self._failing = PAUSE, None
                    if wait:
                        self.standby.prepare()
                except (OperationalError, InterfaceError, OSError) as error:
                    log.exception("the database or the disk is not to be had; trying again in %.0f s", pause)
                    self._failed(error)
                    database.close()
                    wait, pause = pause, min(pause * 2, LONGEST_PAUSE)
                except KeyboardInterrupt:
                    raise
                except BaseException as error:
                    # Also sys.exit() in a plugin: a worker may be a thread, which nobody starts again.
                    log.exception("a worker's turn failed")
                    self._failed(error)
                    # It may be the connection's fault: one to a server that only reads since a failover looks healthy.
                    database.close()
                    wait = PAUSE
        finally:
            self.standby.close()
            database.close()
            owner.close()

    def turn(self, owner: str) -> bool:
        """Pick up what waits and run one import. False: there was nothing to do."""
        self._connect()
        self._sweep()
        pick_up(self.settings, self.folders)
        self._tell_of_standstill()
        run = claim(self.settings, self.registry, owner)
        if run is None:
            return False
        self.execute(run, owner)
        return True

    def _failed(self, error: BaseException) -> None:
        since = self._failing[0] if self._failing else time.monotonic()
        self._failing = since, f"{type(error).__name__}: {error}"

    def _tell_of_standstill(self) -> None:
        """Tell the admin that no import could go on. While it lasts nothing can be queued, so it comes afterwards."""
        if self._failing is None or not self.settings.admin_email:
            return
        since, error = self._failing
        if (lasted := time.monotonic() - since) >= STOOD_STILL:
            try:
                Mail.alert(f"standstill-{now():%Y-%m-%d}", what="standstill",
                           lasted=plural(round(lasted / 60), "minute"), error=error)  # fmt: skip
            except PeeweeException as problem:
                # No reason to let imports wait: the next turn that comes after a failure tells it.
                log.warning("the admin could not be told of it: %s", problem)

    def _connect(self) -> None:
        """The transaction of a worker that stands still must not keep its import from its successor for ever."""
        if not (database.connect(reuse_if_open=True) and is_postgres()):
            return
        lease = self.settings.lease_seconds * 1000
        database.execute_sql(f"SET idle_in_transaction_session_timeout = {lease}")
        if database.connection().info.server_version >= TRANSACTION_TIMEOUT_SINCE:
            # A batch that was only half sent counts as active, not as idle; a chunk never takes so long.
            database.execute_sql(f"SET transaction_timeout = {lease * 10}")

    def _connect_anew(self) -> None:
        """Nothing is left of what an import was at when it failed."""
        database.close()
        self._connect()

    def _sweep(self) -> None:
        sweep_dead(self.settings, self._seen)
        if time.monotonic() - self._swept > SWEEP or not self._swept:
            reconcile(self.settings)
            release_ahead(self.settings)
            self._swept = time.monotonic()

    def execute(self, run: ImportRun, owner: str) -> None:
        """Run a claimed import. What goes wrong with it is its own: the next turn has another."""
        job = ImportJob(self.settings, self.registry.handler(run.entity), self.hooks, run, owner, self._go_on,
                        self.standby)  # fmt: skip
        try:
            with Heartbeat(self.settings, run.number, owner):
                if is_poisonous(run):
                    job.fail(problem(run))
                finished = job.execute()
            self._pauses.pop(run.number, None)
            log.info("import %s of %s: %s, %s rows, %s rejected", run.number, run.file, finished.status,
                     finished.rows, finished.rejected)  # fmt: skip
        except LeaseLost as lost:
            log.warning("%s", lost)
        except _Stop:
            give_back(run, owner)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            log.exception("import %s failed", run.number)
            if _is_infrastructure(error) and not run.closing:
                self._rest(run, owner, error)
            else:
                self._set_aside(job, owner, error)

    def _go_on(self, done: int, rows: int) -> None:
        """Called between two chunks: a worker that is to stop does not wait for the end of a long file."""
        if not self.bell(0.0):
            raise _Stop

    def _rest(self, run: ImportRun, owner: str, error: BaseException) -> None:
        """Let the import rest, longer each time, and go on with others; if there is no database, all rests."""
        pause = self._pauses.get(run.number, PAUSE)
        self._pauses[run.number] = min(pause * 2, LONGEST_PAUSE)
        self._connect_anew()
        give_back(run, owner, pause, f"{error} - it is tried again".strip())
        if pause == LONGEST_PAUSE and not run.closing:
            # What keeps one import from its files mostly keeps others, too.
            self._tell_admin("resting", f"resting-{now():%Y-%m-%d}", run, error)

    def _set_aside(self, job: ImportJob, owner: str, error: BaseException) -> None:
        """An import that fails by an error of ours is tried again, then set aside; one that is decided never is, and
        the admin hears of it, whatever the error."""
        self._connect_anew()
        number = job.run.number
        mine = (ImportRun.number == number) & (ImportRun.lease_owner == owner)
        ImportRun.update(failures=ImportRun.failures + 1).where(mine).execute()
        run = ImportRun.get_by_id(number)
        if run.closing:
            if run.failures >= ATTEMPTS:
                self._tell_admin("closing", f"closing-{number}", run, error)
            self._rest(run, owner, error)
        elif run.failures < ATTEMPTS:
            give_back(run, owner)
        else:
            with Heartbeat(self.settings, number, owner):
                left = kept(run, job.source.exists())
                job.fail(FileProblem("INTERNAL", f"ftpdock failed to import the file ({type(error).__name__}); {left}"))
                job.execute()

    def _tell_admin(self, what: str, key: str, run: ImportRun, error: BaseException) -> None:
        """Of an import that does not come to its end, and that nobody sets aside."""
        if self.settings.admin_email:
            Mail.alert(key, what=what, number=run.number, account=run.account.name, file=run.file,
                       error=f"{type(error).__name__}: {error}")  # fmt: skip


def _is_infrastructure(error: BaseException) -> bool:
    """The database or the disk can't be had: nothing is wrong with the file."""
    cut = is_postgres() and not database.is_closed() and database.connection().closed
    # sqlite3's own error comes from the scratch files of an import, which lie on the disk without peewee.
    away = isinstance(error, (OperationalError, InterfaceError, OSError, sqlite3.OperationalError))
    return bool(cut) or (away and not _is_wrong_sql(error))


def _is_wrong_sql(error: BaseException) -> bool:
    """Whether SQLite found no such column or table, or the like, which it calls operational, as it does a full disk."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    return code is not None and code & PRIMARY == sqlite3.SQLITE_ERROR


class ThreadBell:
    """The bell of a worker in a thread of the same process (`workers = 0`)."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self._stopped = False

    def __call__(self, seconds: float) -> bool:
        if self._rung.wait(seconds):
            self._rung.clear()
        return not self._stopped

    def ring(self) -> None:
        self._rung.set()

    def stop(self) -> None:
        self._stopped = True
        self._rung.set()


class PipeBell:
    """The bell of a worker process: a byte on the pipe rings, its end means that the server is gone."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._stopped = False

    def __call__(self, seconds: float) -> bool:
        if not self._stopped:
            ready, _, _ = select.select([self._handle], [], [], seconds)
            self._stopped |= bool(ready) and not os.read(self._handle, 65_536)
        return not self._stopped

    def stop(self) -> None:
        self._stopped = True
