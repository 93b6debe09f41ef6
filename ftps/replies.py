"""Replies that more than one command gives."""

from __future__ import annotations

import errno
import logging
import sqlite3

log = logging.getLogger("ftpdock.ftps")

DISK_FULL = "53100"
"""Postgres' code for it."""


class Refusal(Exception):
    """A command is refused; `reply` is the whole line, code and text."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


BUSY = "450 Too much to do at the moment. Try again later."
BUSY_FILE = "450 The file is being uploaded."
NO_SPACE = "452 There is not enough space. Try again later."
NO_SUCH_FILE = "550 No such file or directory."
A_FOLDER = "550 It is a folder."
NOT_NOW = "451 The server can't read it now; its log says why. Try again later."
FAILED = "451 The server failed to do this; its log says why."


def is_full(error: BaseException) -> bool:
    """Whether it says that a disk is full, be it that below the database."""
    cause = getattr(error, "orig", error)
    return (
        (isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT))
        or getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        or getattr(cause, "sqlstate", None) == DISK_FULL
    )


_PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EIO, errno.ESTALE, errno.EAGAIN,
            errno.ETIMEDOUT, errno.ENOTCONN, errno.ECONNREFUSED, errno.EHOSTDOWN, errno.EHOSTUNREACH)  # fmt: skip


def is_passing(error: OSError) -> bool:
    """Whether it says nothing about the file, but that the machine has no descriptors left, or its disk no answer."""
    return error.errno in _PASSING


def unreadable(error: OSError) -> str:
    """The reply about a file or folder that could not be looked at. For good (550) only if it is not there: of what
    was refused for good many clients think that it is gone."""
    if not is_passing(error):
        return NO_SUCH_FILE
    log.error("something that a client asked for can't be read: %s", error)
    return NOT_NOW


LONGEST_LINE = 600
"""Characters of a line within a reply: more than nearly all messages of a report have, less than any client minds."""


def one_line(text: str, length: int = 300) -> str:
    """Text as a part of a reply: no control character may begin a line of its own there. Long ones keep both ends."""
    flat = "".join(character if character.isprintable() else " " for character in text)
    half = (length - len("...")) // 2
    return flat if len(flat) <= length else f"{flat[:half]}...{flat[-half:]}"


def lines(code: int, first: str, inner: list[str], last: str) -> str:
    """A reply of several lines (RFC 959, section 4.2), without the last line end."""
    body = "".join(f" {one_line(line, LONGEST_LINE)}\r\n" for line in inner)
    return f"{code}-{first}\r\n{body}{code} {last}"
