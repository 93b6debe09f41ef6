"""The part that writes full exports: takes what the outbox wants one by one, and has a process of its own write it.

In this process the FTP loop would have to share Python's lock with the writer.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from exports.full_file import clear_staging, held, path_of
from models import Export, Mail, Outbox, database, is_past, now, transaction
from settings import Settings

log = logging.getLogger("ftpdock.exports")

LOOK = 1.0
"""Seconds between two looks into the outbox."""
PAUSES = (2, 15, 60, 300, 1_800, 7_200)
"""Seconds after the first failed attempt, the second ...; when they are used up, it is given up."""
TOLD = 50
"""Lines of what a writer that succeeded has to complain of that the log repeats: it names records to correct."""

Tell = Callable[[str, str], None]
"""Called with an account's name and a path below its export root, once something new lies there."""


class FullExports:
    """A Part. `folders` maps an entity to the name of its folder."""

    name = "full"

    def __init__(self, settings: Settings, folders: Mapping[str, str], tell: Tell) -> None:
        self._settings, self._folders, self._tell = settings, folders, tell

    def run(self, stopping: threading.Event) -> None:
        database.connect(reuse_if_open=True)
        while not stopping.is_set():
            wanted = _next(now())
            if wanted is None:
                stopping.wait(LOOK)
            else:
                self._write(wanted, stopping)

    def _write(self, wanted: Outbox, stopping: threading.Event) -> None:
        account, entity = wanted.account.name, wanted.entity
        clear_staging(self._settings)
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            status = self._run_writer(account, wanted, output, errors, stopping)
            said, complaint = _content(output), _content(errors)
        if status == 0:
            written = json.loads(said)
            log.info("%s of %s: %s rows written to %s", entity, account, written["rows"], written["path"])
            for line in complaint.splitlines()[:TOLD]:
                log.warning("%s of %s: %s", entity, account, line)
            self._tell(account, written["path"])
        elif status is not None:
            self._failed(wanted, _reason(status, complaint))

    def _run_writer(
        self, account: str, wanted: Outbox, output: IO[bytes], errors: IO[bytes], stopping: threading.Event
    ) -> int | None:
        """The writer's exit status; None if it was stopped because we are to stop."""
        # -P: not whatever the working directory calls `commands` or `settings`.
        command = [sys.executable, "-P", "-m", "commands", "export", wanted.entity, "--account", account, "--leashed",
                   "--json"]  # fmt: skip
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=errors,
                              env=_environment(self._settings)) as process:  # fmt: skip
            try:
                while not stopping.is_set():
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        return process.wait(0.1)
                return None
            finally:
                if process.poll() is None:
                    process.kill()

    def _failed(self, wanted: Outbox, reason: str) -> None:
        """Try again after a while, or give up."""
        wanted.attempts += 1
        what = f"full export of {wanted.entity} of {wanted.account.name}"
        if wanted.attempts > len(PAUSES):
            log.error("%s: given up after %s attempts: %s", what, wanted.attempts, reason)
            self._give_up(wanted, reason)
            return
        pause = PAUSES[wanted.attempts - 1]
        log.warning("%s: attempt %s failed, the next is in %s s: %s", what, wanted.attempts, pause, reason)
        changes = {"attempts": wanted.attempts, "error": reason, "due_at": now() + dt.timedelta(seconds=pause)}
        Outbox.update(**changes).where(Outbox.number == wanted.number).execute()

    def _give_up(self, wanted: Outbox, reason: str) -> None:
        """Tell the admin. An export of the day that lies in place stays as it is, with the error beside it."""
        path = path_of(wanted.account, wanted.entity, self._folders.get(wanted.entity, wanted.entity), now())
        error = f"The file could not be written in {wanted.attempts} attempts: {reason}"
        with transaction():
            Export.insert(account=wanted.account, kind="full", entity=wanted.entity, path=path,
                          created_at=wanted.created_at).on_conflict_ignore().execute()  # fmt: skip
            row = held(wanted.account, path)
            row.error = error
            row.state = "failed" if row.state == "waiting" else row.state
            row.save(only=["error", "state"])
            Mail.alert(f"full-{wanted.number}", what="full", entity=wanted.entity, account=wanted.account.name,
                       path=path, error=reason)  # fmt: skip
            Outbox.delete().where(Outbox.number == wanted.number).execute()


def _next(moment: dt.datetime) -> Any:
    due = is_past(Outbox.due_at, moment, PAUSES[-1])
    return Outbox.select().where((Outbox.kind == "full") & due).order_by(Outbox.number).first()


def _environment(settings: Settings) -> dict[str, str]:
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "FTPDOCK_HOME": str(settings.home), "PYTHONPATH": path}


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _reason(status: int, complaint: str) -> str:
    """Why a writer ended, in one line."""
    if status < 0:
        return f"the process that wrote it was ended by {signal.Signals(-status).name}"
    last = (complaint.strip().splitlines() or [f"exit status {status}"])[-1]
    return last.removeprefix("Error: ")[:500]
