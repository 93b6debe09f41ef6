"""The steps by which an export gets to a remote server: written aside, then renamed. Each may be begun again."""

from __future__ import annotations

import contextlib
import io
import posixpath
from collections.abc import Callable, Mapping
from typing import BinaryIO

from exports.push.former import OLD, room_for, taken_away
from exports.push.remote import PushError, Refused, Remote
from exports.push.source import Source

ASIDE = ".part"
"""Ending of what is not whole yet."""
GoOn = Callable[[], None]
"""Asked once all is written aside, before anything gets its final name."""


def deliver(remote: Remote, path: str, source: Source, go_on: GoOn = lambda: None) -> None:
    """Put `source` at `path`, whole, in place of what is there. Raises PushError, and what `go_on` raises.

    A kill at any point leaves at most things named *.part or *.old, which the next attempt uses or takes away; only the
    former one of a single file may stay, as *.old.
    """
    if source.folder:
        _deliver_folder(remote, path, source.files, go_on)
        return
    folder = posixpath.dirname(path)
    if folder and not remote.is_folder(folder):
        remote.make_folder(folder)
    for content in source.files.values():
        remote.put(path + ASIDE, content)
        go_on()
        remote.replace(path + ASIDE, path)


def _deliver_folder(remote: Remote, path: str, files: Mapping[str, BinaryIO], go_on: GoOn) -> None:
    aside = path + ASIDE
    if remote.is_folder(aside):
        _delete_others(remote, aside, files)
    else:
        remote.make_folder(aside)
    for name, content in files.items():
        remote.put(posixpath.join(aside, name), content)
    there = remote.is_folder(path)
    old = room_for(remote, path) if there else path + OLD
    # Not again between the renames: until the next attempt the partner would be without the folder.
    go_on()
    if there and not _renamed(remote, path, old):
        _move_files(remote, aside, path, files)
        return
    if not _renamed(remote, aside, path):
        _move_files(remote, aside, path, files)
    taken_away(remote, old)


def _renamed(remote: Remote, source: str, path: str) -> bool:
    """Some servers rename files only."""
    try:
        remote.rename(source, path)
    except Refused:
        return False
    return True


def _move_files(remote: Remote, aside: str, path: str, files: Mapping[str, BinaryIO]) -> None:
    """Where folders can't be renamed: file by file, what a partner's program waits for at last."""
    remote.make_folder(path)
    for name in files:
        remote.replace(posixpath.join(aside, name), posixpath.join(path, name))
    _delete_others(remote, path, files)
    taken_away(remote, aside)


def _delete_others(remote: Remote, folder: str, files: Mapping[str, BinaryIO]) -> None:
    """Of a revision before, or of an attempt that was cut short."""
    for name in remote.names(folder):
        if name not in files:
            remote.delete(posixpath.join(folder, name))


def probe(remote: Remote, path: str) -> None:
    """Write, rename and remove a small file; nothing of it is left if that fails. Raises PushError."""
    name = posixpath.join(path, "ftpdock_test.txt")
    words = b"ftpdock wrote this to see that it can, and takes it away again.\r\n"
    try:
        deliver(remote, name, Source(False, {"": io.BytesIO(words)}))
        remote.delete(name)
    except PushError:
        _clear(remote, name + ASIDE, name)
        raise


def _clear(remote: Remote, *files: str) -> None:
    """Take away what is there of them, as far as the server lets us."""
    with contextlib.suppress(PushError):
        for file in files:
            with contextlib.suppress(Refused):
                remote.delete(file)
