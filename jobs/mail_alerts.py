"""What the admin is told without being asked, in the log and by mail: a disk that is nearly full, a certificate that is
near its end or that the server can't use."""

from __future__ import annotations

import datetime as dt
import logging
import socket
import threading
from itertools import islice
from typing import Any

import certs
from errors import FtpdockError
from jobs.mail_render import alert_lines
from jobs.mail_text import plural
from models import Mail
from room import LEAST_BYTES, Room, rooms
from settings import Settings

log = logging.getLogger("ftpdock")

EVERY = dt.timedelta(minutes=1)
"""Between two looks; each thing is told once a day."""
PATIENCE = 2.0
"""Seconds for disks other than the home's."""
NEAR_END = dt.timedelta(days=14)


class Watch:
    """Looks after the things of one machine. Of each that is amiss the log has a warning once a day, and `admin_email`,
    if it is set, a mail."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._looked: dt.datetime | None = None
        self._day = ""
        self._logged: set[str] = set()
        """Of that day."""
        self._unused = ""
        """Why the certificate could not be used at the last look."""
        self._looking: threading.Thread | None = None
        self._found: list[Room] = []

    def look(self, moment: dt.datetime) -> None:
        """Tell what there is to be told, if it is time to look again."""
        # Either way: the clock may have been ahead.
        if self._looked and abs(moment - self._looked) < EVERY:
            return
        self._looked = moment
        if (day := f"{moment:%Y-%m-%d}") != self._day:
            self._day = day
            self._logged.clear()
        for check in (self._disk, self._certificate):
            try:
                check(moment)
            except (FtpdockError, OSError):
                # A certificate that can't be read is no reason to send no mail.
                if self._is_new(check.__name__):
                    log.warning("a check for the admin failed", exc_info=True)

    def _tell(self, key: str, **found: Any) -> None:
        """`found` is what the mail's text needs; the key has the day."""
        if self._is_new(key):
            title, *lines = alert_lines(found)
            log.warning("%s. %s", title, " ".join(lines))
        if self._settings.admin_email:
            Mail.alert(key[-200:], **found)

    def _is_new(self, key: str) -> bool:
        """Whether the log has not told it on this day."""
        is_new = key not in self._logged
        self._logged.add(key)
        return is_new

    def _disk(self, moment: dt.datetime) -> None:
        least = self._settings.min_free_bytes
        # Each machine may have a disk of its own.
        key = f"{socket.gethostname()}-{self._day}"
        home = next(rooms(self._settings))
        if home.bytes < 2 * least:
            self._tell(f"disk-{key}", what="disk", free=_size(home.bytes), least=_size(least),
                       home=str(self._settings.home))  # fmt: skip
        for number, each in enumerate((home, *self._others())):
            if each.bytes < 2 * LEAST_BYTES and (number or home.bytes >= 2 * least):
                self._tell(f"disk-{number}-{key}", what="disk_other", free=_size(each.bytes), path=str(each.path))
            if each.few_files(2):
                self._tell(f"inodes-{number}-{key}", what="disk_other", path=str(each.path),
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
        before, self._unused = self._unused, self._why_unused()
        if self._unused:
            # Two files can't be replaced in one step: of what is right a minute later nobody is told.
            if before:
                self._tell(f"certificate-unused-{socket.gethostname()}-{self._day}", what="certificate_unused",
                           file=str(path), words=self._unused, remedy=certs.remedy(self._settings))  # fmt: skip
            return
        details = certs.show(path)
        left = details.not_after - moment
        key = f"certificate-{details.fingerprint.replace(':', '')[:40]}-{self._day}"
        if words := certs.refusal(details, moment):
            self._tell(f"{key}-refused", what="certificate_refused", file=str(path), words=words)
        elif left < NEAR_END:
            end = details.not_after.isoformat(timespec="seconds")
            self._tell(key, what="certificate", file=str(path), days=plural(left.days, "day"), end=end)

    def _why_unused(self) -> str:
        """Why the running server goes on with another certificate than that of the files; empty: it does not."""
        try:
            certs.check_usable(self._settings.certificate_path, self._settings.private_key_path)
        except (OSError, certs.CertificateError) as error:
            return str(error)
        return ""


def _size(count: int) -> str:
    return f"{count / 1_048_576:,.0f} MiB"
