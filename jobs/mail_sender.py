"""The thread in `serve` that sends what is queued: looks each second, renews its lease while a server is slow."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from errors import FtpdockError
from jobs import mail as queue
from jobs.mail import Delivery
from jobs.mail_alerts import Watch
from jobs.mail_deliver import deliver
from jobs.mail_render import Folders, recipients, render
from jobs.mail_text import unwritable
from models import Mail, database, now
from settings import Settings

log = logging.getLogger("ftpdock.mail")

LOOK, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between two looks into the queue; the most between two when the database is away."""


class MailSender:
    """Sends the mails of one server. `folders` maps an entity to the name of its folder."""

    def __init__(self, settings: Settings, folders: Folders) -> None:
        self._settings, self._folders = settings, folders
        self._owner = f"mail-{uuid.uuid4().hex}"
        self._stopping = threading.Event()
        self._watch = Watch(settings)
        # Of a server that does not answer, a stop does not wait for the end.
        self._thread = threading.Thread(target=self._run, name="mail", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float = 10.0) -> None:
        """Stop, with so many seconds for the mail at hand; if it is not done by then, the next start sends it."""
        self._stopping.set()
        self._thread.join(patience)

    def _run(self) -> None:
        wait = 0.0
        while not self._stopping.wait(wait):
            try:
                database.connect(reuse_if_open=True)
                self._watch.look(now())
                while not self._stopping.is_set() and self.turn(now()):
                    pass
                wait = LOOK
            except Exception:
                wait = min(max(wait, LOOK) * 2, LONGEST_PAUSE)
                log.exception("no mail can be sent; trying again in %.0f s", wait)
                database.close()
        database.close()

    def turn(self, moment: dt.datetime) -> bool:
        """Send one mail that is due. False: there is none."""
        mail = queue.claim(self._owner, moment, self._settings.lease_seconds)
        if mail is None:
            return False
        with self._leased(mail):
            state = self._attempt(mail, moment)
        log.info("mail %s: %s", mail.number, state)
        return True

    def _attempt(self, mail: Mail, moment: dt.datetime) -> str:
        addresses = recipients(self._settings, mail)
        if not addresses:
            return queue.drop(mail, self._owner, moment)
        refused = unwritable(addresses)
        open_ = [each for each in addresses if each not in mail.delivered and each not in mail.refused | refused]
        try:
            outcome = self._deliver(mail, open_) if open_ else Delivery()
        except FtpdockError as error:
            log.warning("mail %s was not sent: %s", mail.number, error)
            return queue.postpone(mail, self._owner, str(error), moment)
        except Exception as error:
            log.exception("mail %s was not sent", mail.number)
            return queue.postpone(mail, self._owner, f"{type(error).__name__}: {error}", moment)
        outcome = replace(outcome, refused=outcome.refused | refused)
        return queue.record(mail, self._owner, addresses, outcome, moment)

    def _deliver(self, mail: Mail, to: list[str]) -> Delivery:
        message = render(self._settings, mail, self._folders)
        return deliver(self._settings, message, to, f"{mail.number:06}")

    @contextmanager
    def _leased(self, mail: Mail) -> Iterator[None]:
        """Keep the lease alive while the server takes its time."""
        done = threading.Event()
        thread = threading.Thread(target=self._renew, args=(mail.number, done), name="mail-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _renew(self, number: int, done: threading.Event) -> None:
        while not done.wait(self._settings.lease_seconds / 3):
            try:
                with database.connection_context():
                    queue.renew(number, self._owner, now(), self._settings.lease_seconds)
            except Exception:
                log.warning("the lease of mail %s could not be renewed", number, exc_info=True)
