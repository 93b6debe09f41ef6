"""Pushing into whatever fsspec serves; the only user of fsspec's file systems. What a rename is there, it decides."""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import fsspec

from exports.push.remote import Access, PushError, Refused, Unreachable, is_mount_point
from exports.push.source import Stopped

BLOCK = 262_144
OF_THE_FILE = (PermissionError, FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)
CANT_SYNC = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EACCES)
"""Said by shares that know no fsync, and of folders into which we may write without looking."""


class FsspecRemote:
    """A folder of a file system."""

    def __init__(self, access: Access) -> None:
        with _said(f"opening {access.url}", Unreachable):
            options = {"username": access.username, "password": access.secret}
            given = {name: value for name, value in options.items() if value}
            self._files, base = fsspec.core.url_to_fs(
                access.url, skip_instance_cache=True, use_listings_cache=False, **given
            )
        self.base = base.rstrip("/")

    def is_folder(self, path: str) -> bool:
        with _said(f"looking for {path}"):
            return bool(self._files.isdir(path))

    def make_folder(self, path: str) -> None:
        with _said(f"making the folder {path}"):
            self._files.makedirs(path, exist_ok=True)

    def names(self, folder: str) -> list[str]:
        with _said(f"listing {folder}"):
            return [path.rstrip("/").rpartition("/")[2] for path in self._files.ls(folder, detail=False)]

    def put(self, path: str, content: BinaryIO) -> None:
        with _said(f"writing {path}"), self._files.open(path, "wb") as file:
            shutil.copyfileobj(content, file, BLOCK)

    def replace(self, source: str, path: str) -> None:
        with _said(f"renaming {source} to {path}"):
            self._files.mv(source, path)

    def rename(self, source: str, path: str) -> None:
        with _said(f"renaming {source} to {path}"):
            self._files.mv(source, path, recursive=True)

    def delete(self, path: str) -> None:
        with _said(f"deleting {path}"):
            self._files.rm_file(path)

    def remove_folder(self, path: str) -> None:
        with _said(f"removing {path}"):
            self._files.rmdir(path)

    def close(self) -> None:
        """There is nothing to close: connections belong to fsspec."""


class FolderRemote(FsspecRemote):
    """A folder of this machine. What is written and renamed there outlasts a power cut once the call returns."""

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        # fsspec takes %20 in a URL literally.
        self.base, self._access = access.path, access
        self._look()

    def _look(self) -> None:
        """A share that is not mounted leaves an empty folder, which would take everything. Raises Unreachable."""
        url = self._access.url
        if not self.is_folder(self.base or "/"):
            raise Unreachable(f"opening {url}: there is no such folder. Is it mounted?")
        if self._access.mount_point and not is_mount_point(self.base):
            raise Unreachable(
                f"opening {url}: nothing is mounted on this folder, as it has to be. Mount it; or, if it is a plain "
                "folder from now on: `ftpdock target set NUMBER --no-mount-point`"
            )

    def make_folder(self, path: str) -> None:
        self._look()
        if self.is_folder(path or "/"):
            return
        self.make_folder(posixpath.dirname(path))
        super().make_folder(path)
        _sync(posixpath.dirname(path))

    def put(self, path: str, content: BinaryIO) -> None:
        self._look()
        with _said(f"writing {path}"), Path(path).open("wb") as file:
            shutil.copyfileobj(content, file, BLOCK)
            file.flush()
            with _if_it_can():
                os.fsync(file.fileno())
        _sync(posixpath.dirname(path))

    def replace(self, source: str, path: str) -> None:
        self.rename(source, path)

    def rename(self, source: str, path: str) -> None:
        with _said(f"renaming {source} to {path}"):
            Path(source).replace(path)
        _sync(posixpath.dirname(path))


def _sync(folder: str) -> None:
    """Make the names in a folder last."""
    with _said(f"syncing {folder}"), _if_it_can():
        handle = os.open(folder or "/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _if_it_can() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in CANT_SYNC:
            raise


@contextlib.contextmanager
def _said(what: str, refusal: type[PushError] = Refused) -> Iterator[None]:
    """Turn what a file system raises into PushError, with what was being done."""
    try:
        yield
    except (PushError, Stopped):
        raise
    except Exception as error:
        # Each file system has errors of its own.
        of_the_file = isinstance(error, OF_THE_FILE) or getattr(error, "errno", None) == errno.ENOTEMPTY
        raise (refusal if of_the_file else Unreachable)(f"{what}: {_words(error)}") from error


def _words(error: Any) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
