"""What a newer version replaces: the names to which it makes room, and how it is taken away.

A server may refuse to delete. Then the former version stays beside the newer one, which counts all the same.
"""

from __future__ import annotations

import contextlib
import logging
import posixpath
from collections.abc import Iterator

from exports.push.remote import Refused, Remote

log = logging.getLogger("ftpdock.exports")

OLD = ".old"
"""Ending of what makes room."""
MOST = 99
"""Names that are tried."""


def names_aside(path: str) -> Iterator[str]:
    """path.old, and path.2.old, path.3.old ... for the case that what is there can't be taken away."""
    yield path + OLD
    for number in range(2, MOST + 1):
        yield f"{path}.{number}{OLD}"


def room_for(remote: Remote, folder: str) -> str:
    """A free name to which `folder` can make room."""
    return next((name for name in names_aside(folder) if taken_away(remote, name)), folder + OLD)


def taken_away(remote: Remote, folder: str) -> bool:
    """Take away a folder of ours, if it is there. False: the server does not let us."""
    try:
        if remote.is_folder(folder):
            for name in remote.names(folder):
                remote.delete(posixpath.join(folder, name))
            remote.remove_folder(folder)
    except Refused:
        # Not in the server's words, which may be anything.
        log.warning("%s can't be taken away: the server refuses", posixpath.basename(folder))
        return False
    return True


def replace_slowly(remote: Remote, source: str, path: str, refusal: Refused) -> None:
    """Rename a file to where another one is, on servers that rename over nothing. Raises PushError.

    The former one makes room and is deleted last: whatever fails, the partner has one of the two. `refusal` is why the
    quick way failed, and is raised if the former file can't have been the reason.
    """
    folder, name = posixpath.split(path)
    try:
        there = remote.names(folder)
        if name not in there or remote.is_folder(path):
            raise refusal
        aside = posixpath.join(folder, next((each for each in names_aside(name) if each not in there), name + OLD))
        remote.rename(path, aside)
    except Refused:
        raise refusal from None
    try:
        remote.rename(source, path)
    except Refused:
        with contextlib.suppress(Refused):
            remote.rename(aside, path)
        raise
    with contextlib.suppress(Refused):
        remote.delete(aside)
