"""What the admin is told without being asked: a disk that is nearly full, a certificate that is near its end."""

from __future__ import annotations

import datetime as dt
import logging
import socket
import threading
from itertools import islice

import certs
from errors import FtpdockError
from jobs.mail_text import plural
from models import Mail
from room import LEAST_BYTES, Room, rooms
from settings import Settings

log = logging.getLogger("ftpdock.mail")

EVERY = dt.timedelta(minutes=1)
"""Between two looks; of one thing the admin is told once a day."""
PATIENCE = 2.0
"""Seconds for disks other than the home's."""
NEAR_END = dt.timedelta(days=14)


class Watch:
    """Looks after the things of one machine. Without `admin_email` nobody is told."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._looked: dt.datetime | None = None
        self._looking: threading.Thread | None = None
        self._found: list[Room] = []

    def look(self, moment: dt.datetime) -> None:
        """Queue what there is to be told, if it is time to look again."""
        # Either way: the clock may have been ahead.
        if not self._settings.admin_email or (self._looked and abs(moment - self._looked) < EVERY):
            return
        self._looked = moment
        for check in (self._disk, self._certificate):
            try:
                check(moment)
            except (FtpdockError, OSError):
                # A certificate that can't be read is no reason to send no mail.
                log.warning("a check for the admin failed", exc_info=True)

    def _disk(self, moment: dt.datetime) -> None:
        least = self._settings.min_free_bytes
        # Each machine may have a disk of its own.
        key = f"{socket.gethostname()}-{moment:%Y-%m-%d}"
        home = next(rooms(self._settings))
        if home.bytes < 2 * least:
            Mail.alert(f"disk-{key}"[-200:], what="disk", free=_size(home.bytes), least=_size(least),
                       home=str(self._settings.home))  # fmt: skip
        for number, each in enumerate((home, *self._others())):
            if each.bytes < 2 * LEAST_BYTES and (number or home.bytes >= 2 * least):
                Mail.alert(f"disk-{number}-{key}"[-200:], what="disk_other", free=_size(each.bytes),
                           path=str(each.path))  # fmt: skip
            if each.few_files(2):
                Mail.alert(f"inodes-{number}-{key}"[-200:], what="disk_other", path=str(each.path),
                           free=plural(each.files or 0, "inode"))  # fmt: skip

    def _others(self) -> list[Room]:
        """Of the other disks, as far as they answer: one that hangs, as a share may, must not hold up all mails."""
        if self._looking is None or not self._looking.is_alive():
            self._found = []
            self._looking = threading.Thread(target=self._look_at_others, name="disks", daemon=True)
            self._looking.start()
            self._looking.join(PATIENCE)
        return list(self._found)

    def _look_at_others(self) -> None:
        for each in islice(rooms(self._settings), 1, None):
            self._found.append(each)

    def _certificate(self, moment: dt.datetime) -> None:
        path = self._settings.certificate_path
        if not path.exists():
            return
        details = certs.show(path)
        left = details.not_after - moment
        key = f"certificate-{details.fingerprint.replace(':', '')[:40]}-{moment:%Y-%m-%d}"
        if words := certs.refusal(details, moment):
            Mail.alert(f"{key}-refused", what="certificate_refused", file=str(path), words=words)
        elif left < NEAR_END:
            end = details.not_after.isoformat(timespec="seconds")
            Mail.alert(key, what="certificate", file=str(path), days=plural(left.days, "day"), end=end)


def _size(count: int) -> str:
    return f"{count / 1_048_576:,.0f} MiB"
