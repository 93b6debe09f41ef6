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
from jobs.mail_text import one_line, unwritable
from models import Mail, database, now
from settings import Settings

log = logging.getLogger("ftpdock.mail")

LOOK, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between two looks into the queue; the most between two when the database is away."""
LONGEST_WORDS = 500
"""Characters of what servers said that stand in a line of the log."""


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
            self._attempt(mail, moment)
        return True

    def _attempt(self, mail: Mail, moment: dt.datetime) -> None:
        addresses = recipients(self._settings, mail)
        if not addresses:
            _tell(mail, queue.drop(mail, self._owner, moment))
            return
        refused = unwritable(addresses)
        open_ = [each for each in addresses if each not in mail.delivered and each not in mail.refused | refused]
        try:
            outcome = self._deliver(mail, open_) if open_ else Delivery()
        except FtpdockError as error:
            _tell(mail, queue.postpone(mail, self._owner, str(error), moment), str(error), logging.WARNING)
        except Exception as error:
            log.exception("mail %s was not sent", mail.number)
            _tell(mail, queue.postpone(mail, self._owner, f"{type(error).__name__}: {error}", moment))
        else:
            outcome = replace(outcome, refused=outcome.refused | refused)
            words = queue.words_of(mail.refused | outcome.refused | outcome.later)
            _tell(mail, queue.record(mail, self._owner, addresses, outcome, moment), words)

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


def _tell(mail: Mail, state: str, words: str = "", level: int = logging.INFO) -> None:
    """Into the log what became of an attempt, with the server's words; one that was given up as a warning."""
    level = logging.WARNING if state == "failed" else level
    log.log(level, "mail %s: %s%s", mail.number, state, f": {one_line(words, LONGEST_WORDS)}" if words else "")
