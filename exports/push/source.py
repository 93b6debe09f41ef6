"""What is delivered: the files of one export, opened together, so that all are of one version."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from exports import files as csv_files
from exports.push.remote import Missing

TRIES = 3
"""A folder may be exchanged for that of a newer revision while it is opened."""


class Stopped(Exception):
    """The server is stopping; what was begun is done again after the next start."""


class Content:
    """An open file that stops being read when the server stops."""

    def __init__(self, file: BinaryIO, stopping: threading.Event) -> None:
        self._file, self._stopping = file, stopping

    def read(self, size: int = -1) -> bytes:
        if self._stopping.is_set():
            raise Stopped
        return self._file.read(size)


@dataclass(frozen=True)
class Source:
    """An export: one file (`folder` is False), or the files of a folder in the order in which they are sent."""

    folder: bool
    files: dict[str, BinaryIO]


@contextlib.contextmanager
def source(path: Path, stopping: threading.Event) -> Iterator[Source]:
    """Open what lies at `path`. Raises Missing if there is nothing."""
    with contextlib.ExitStack() as stack:
        yield _open(path, stopping, stack)


def _open(path: Path, stopping: threading.Event, stack: contextlib.ExitStack) -> Source:
    for _ in range(TRIES):
        try:
            if not path.is_dir():
                return Source(False, {path.name: _content(stack.enter_context(path.open("rb")), stopping)})
            if files := _open_folder(path, stopping, stack):
                return Source(True, files)
        except FileNotFoundError:
            continue
    raise Missing(f"Nothing of ours is left of {path}: `ftpdock exports replay` makes it again")


def _open_folder(path: Path, stopping: threading.Event, stack: contextlib.ExitStack) -> dict[str, BinaryIO]:
    """By the folder's own handle: after an exchange it still leads to the files that belong together.

    What other programs put beside them may be half written, and is no part of the export.
    """
    kind, _, system_id = path.name.partition("_")
    ours = csv_files.names(kind, system_id)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    files: dict[str, BinaryIO] = {}
    try:
        with os.scandir(handle) as entries:
            names = [entry.name for entry in entries if entry.name in ours and entry.is_file(follow_symlinks=False)]
        for name in sorted(names, key=_order):
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=handle)
            files[name] = _content(stack.enter_context(os.fdopen(file, "rb")), stopping)
    finally:
        os.close(handle)
    return files


def _order(name: str) -> tuple[bool, str]:
    """The file that a partner's program waits for comes last: order_data_..., behind order_items_..."""
    return "_data_" in name, name


def _content(file: BinaryIO, stopping: threading.Event) -> BinaryIO:
    return cast(BinaryIO, Content(file, stopping))
