"""Pushing into a folder of this machine, by descriptors of folders: below the base no symbolic link is followed.

Whoever may write there, such as the partner by whose share it is, could lead us to what only we may write or delete.
"""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from exports.push.file_errors import said
from exports.push.remote import Access, Refused, Unreachable, bounded, is_mount_point

BLOCK = 262_144
CANT_SYNC = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EACCES)
"""Said by shares that know no fsync, and of folders into which we may write without looking."""
_BASE = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
"""Of the folder that the target names, which may be a link."""
_BELOW = _BASE | os.O_NOFOLLOW
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderRemote:
    """A folder of this machine. What is written and renamed there outlasts a power cut once the call returns."""

    def __init__(self, access: Access) -> None:
        self.base, self._access = access.path, access
        self._look()

    def _look(self) -> None:
        """A share that is not mounted leaves an empty folder, which would take everything. Raises Unreachable."""
        url, folder = self._access.url, Path(self.base or "/")
        with said(f"opening {url}", Unreachable):
            there, other = folder.is_dir(), folder.exists()
        if other and not there:
            raise Unreachable(
                f"{folder} is a file on this machine, expected a folder: name the one in which it lies, or another, "
                "by `ftpdock target set NUMBER --url URL`"
            )
        if not there:
            raise Unreachable(f"There is no folder {folder} on this machine: mount what belongs there, or make it")
        if self._access.mount_point and not is_mount_point(self.base):
            raise Unreachable(
                f"opening {url}: nothing is mounted on this folder, as it has to be. Mount it; or, if it is a plain "
                "folder from now on: `ftpdock target set NUMBER --no-mount-point`"
            )

    @contextlib.contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        """A descriptor of a folder, to be used as `dir_fd`. Raises OSError, and Refused if a link is on the way."""
        at, handle = self.base, os.open(self.base or "/", _BASE)
        try:
            for name in filter(None, path.removeprefix(self.base).split("/")):
                at = f"{at}/{name}"
                above, handle = handle, _step(handle, name, at)
                os.close(above)
            yield handle
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def _above(self, path: str) -> Iterator[tuple[int, str]]:
        """The folder that `path` lies in, as a descriptor, and its name there."""
        folder, name = posixpath.split(path)
        with self._opened(folder) as handle:
            yield handle, name

    def is_folder(self, path: str) -> bool:
        with said(f"looking for {path}"):
            try:
                with self._opened(path):
                    return True
            except (FileNotFoundError, NotADirectoryError):
                return False

    def make_folder(self, path: str) -> None:
        self._look()
        if self.is_folder(path):
            return
        self.make_folder(posixpath.dirname(path))
        with said(f"making the folder {path}"), self._above(path) as (folder, name):
            os.mkdir(name, dir_fd=folder)
            _sync(folder)

    def names(self, folder: str) -> list[str]:
        with (
            said(f"listing {folder}"),
            self._opened(folder) as handle,
            _reading(handle) as readable,
            os.scandir(readable) as entries,
        ):
            return bounded((entry.name for entry in entries), folder)

    def put(self, path: str, content: BinaryIO) -> None:
        self._look()
        with said(f"writing {path}"), self._above(path) as (folder, name):
            with os.fdopen(_created(folder, name, path), "wb") as file:
                shutil.copyfileobj(content, file, BLOCK)
                file.flush()
                with _if_it_can():
                    os.fsync(file.fileno())
            _sync(folder)

    def replace(self, source: str, path: str) -> None:
        self.rename(source, path)

    def rename(self, source: str, path: str) -> None:
        with (
            said(f"renaming {source} to {path}"),
            self._above(source) as (above, former),
            self._above(path) as (folder, name),
        ):
            os.replace(former, name, src_dir_fd=above, dst_dir_fd=folder)
            _sync(folder)

    def delete(self, path: str) -> None:
        with said(f"deleting {path}"), self._above(path) as (folder, name):
            os.unlink(name, dir_fd=folder)

    def remove_folder(self, path: str) -> None:
        with said(f"removing {path}"), self._above(path) as (folder, name):
            os.rmdir(name, dir_fd=folder)

    def close(self) -> None:
        """Nothing stays open between two calls: a share can be unmounted."""


def _step(above: int, name: str, path: str) -> int:
    try:
        return os.open(name, _BELOW, dir_fd=above)
    except OSError:
        _refuse_link(above, name, path)
        raise


def _created(folder: int, name: str, path: str) -> int:
    """A file of our own. What is there is deleted, not emptied: it may be a pipe, or have another name elsewhere."""
    with contextlib.suppress(FileNotFoundError):
        _refuse_link(folder, name, path)
        os.unlink(name, dir_fd=folder)
    return os.open(name, _NEW, 0o666, dir_fd=folder)


def _refuse_link(folder: int, name: str, path: str) -> None:
    if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise Refused(
            f"{path} is a symbolic link, expected a folder, a file or nothing: below a target's folder none is "
            "followed, for it may lead anywhere. Remove it; if it is meant, mount there what it leads to"
        )


@contextlib.contextmanager
def _reading(folder: int) -> Iterator[int]:
    """The same folder, to be listed or synced."""
    handle = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)


def _sync(folder: int) -> None:
    """Make the names in a folder last."""
    with _if_it_can(), _reading(folder) as handle:
        os.fsync(handle)


@contextlib.contextmanager
def _if_it_can() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in CANT_SYNC:
            raise
