"""The steps by which an export gets to a remote server: written aside, then renamed. Each may be begun again."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import BinaryIO

from exports.push.remote import Refused, Remote
from exports.push.source import Source

ASIDE, OLD = ".part", ".old"
"""Endings of what is not whole yet, and of a folder that makes room for its newer revision."""


def deliver(remote: Remote, path: str, source: Source) -> None:
    """Put `source` at `path`, whole, in place of what is there. Raises PushError.

    A kill at any point leaves at most things named *.part or *.old, which the next attempt uses or takes away.
    """
    if source.folder:
        _deliver_folder(remote, path, source.files)
        return
    _make_folder(remote, posixpath.dirname(path))
    for content in source.files.values():
        _deliver_file(remote, path, content)


def _make_folder(remote: Remote, path: str) -> None:
    if path and not remote.is_folder(path):
        remote.make_folder(path)


def _deliver_file(remote: Remote, path: str, content: BinaryIO) -> None:
    remote.put(path + ASIDE, content)
    remote.replace(path + ASIDE, path)


def _deliver_folder(remote: Remote, path: str, files: Mapping[str, BinaryIO]) -> None:
    aside = path + ASIDE
    _clear(remote, aside)
    remote.make_folder(aside)
    for name, content in files.items():
        remote.put(posixpath.join(aside, name), content)
    if remote.is_folder(path):
        _clear(remote, path + OLD)
        if not _renamed(remote, path, path + OLD):
            _move_files(remote, aside, path, files)
            return
    if not _renamed(remote, aside, path):
        _move_files(remote, aside, path, files)
    _clear(remote, path + OLD)


def _renamed(remote: Remote, source: str, path: str) -> bool:
    """Some servers rename files only."""
    try:
        remote.rename_folder(source, path)
    except Refused:
        return False
    return True


def _move_files(remote: Remote, aside: str, path: str, files: Mapping[str, BinaryIO]) -> None:
    """Where folders can't be renamed: file by file, what a partner's program waits for at last."""
    remote.make_folder(path)
    for name in files:
        remote.replace(posixpath.join(aside, name), posixpath.join(path, name))
    for name in remote.names(path):
        if name not in files:
            remote.delete(posixpath.join(path, name))
    _clear(remote, aside)


def _clear(remote: Remote, folder: str) -> None:
    """Take away a folder of ours, if it is there."""
    if not remote.is_folder(folder):
        return
    for name in remote.names(folder):
        remote.delete(posixpath.join(folder, name))
    remote.remove_folder(folder)


def probe(remote: Remote, path: str) -> None:
    """Write, rename and remove a small file. Raises PushError."""
    import io

    name = posixpath.join(path, "ftpdock_test.txt")
    _make_folder(remote, path)
    _deliver_file(remote, name, io.BytesIO(b"ftpdock wrote this to see that it can, and takes it away again.\r\n"))
    remote.delete(name)
