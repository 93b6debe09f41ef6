"""Writes a file aside and puts it in place whole, so that a reader never sees half of it."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path


def write_aside(path: Path, content: bytes, mode: int) -> None:
    """Replace `path` by `content` in one step; nobody but `mode` ever reads it, not even while it is written."""
    with staged(path, content, mode) as aside:
        aside.replace(path)


def write_pair(
    key: Path, private: bytes, certificate: Path, public: bytes, check: Callable[[Path, Path], None] | None = None
) -> None:
    """Replace both, each in one step, at nearly the same moment: the old one of one fits not the new of the other.

    `check` gets certificate and key where they are staged, and may raise: then nothing is replaced.
    """
    with staged(key, private, 0o600) as new_key, staged(certificate, public, 0o644) as new_certificate:
        if check:
            check(new_certificate, new_key)
        new_key.replace(key)
        new_certificate.replace(certificate)


def make_folder(folder: Path) -> None:
    """Make a folder that is missing, for its owner alone: made by root, the owner of that in which it lies."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # What is open is given away: whoever owns the folder around it may put another thing under its name.
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _give(handle, folder)
    finally:
        os.close(handle)


@contextlib.contextmanager
def staged(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """A file beside `path` that is to be renamed to it; else it is removed.

    Made by root, it goes to the owner of the folder: that may be another user, as whom the server runs.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _give(descriptor, path)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield aside
    finally:
        aside.unlink(missing_ok=True)


def _give(handle: int, path: Path) -> None:
    """What root has made at `path` gets the owner and the group of the folder in which it lies."""
    if os.geteuid() != 0:
        return
    around = path.parent.stat()
    try:
        os.fchown(handle, around.st_uid, around.st_gid)
    except OSError as error:
        error.filename = str(path)
        raise
