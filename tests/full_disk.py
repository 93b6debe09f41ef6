"""A disk that is full, without one: the kernel refuses to let any file grow (RLIMIT_FSIZE)."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

ROOMLESS = "/proc"
"""A file system that is everywhere and has no room."""
_NAMES = ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree", "f_favail", "f_flag",
          "f_namemax")  # fmt: skip


def statvfs_says(monkeypatch: pytest.MonkeyPatch, **told: int) -> None:
    """From now on all file systems tell this of themselves, and the rest as it is."""
    real = os.statvfs

    def statvfs(path: str) -> os.statvfs_result:
        found = real(path)
        return os.statvfs_result([told.get(name, getattr(found, name)) for name in _NAMES])

    monkeypatch.setattr(os, "statvfs", statvfs)


@contextmanager
def files_of(size: int) -> Iterator[None]:
    """For a while no file of this process gets more than `size` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
