"""Pushing into whatever fsspec serves; the only user of fsspec's file systems. What a rename is there, it decides."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any, BinaryIO

import fsspec

from exports.push.remote import Access, PushError, Refused, Unreachable
from exports.push.source import Stopped

BLOCK = 262_144
OF_THE_FILE = (PermissionError, FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)


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
        # What was not mounted must not fill the disk below its mount point.
        if access.scheme in ("file", "local") and not self.is_folder(base):
            raise Unreachable(f"opening {access.url}: there is no such folder. Is it mounted?")

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

    def rename_folder(self, source: str, path: str) -> None:
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


@contextlib.contextmanager
def _said(what: str, refusal: type[PushError] = Refused) -> Iterator[None]:
    """Turn what a file system raises into PushError, with what was being done."""
    try:
        yield
    except (PushError, Stopped):
        raise
    except OF_THE_FILE as error:
        raise refusal(f"{what}: {_words(error)}") from error
    except Exception as error:
        # Each file system has errors of its own.
        raise Unreachable(f"{what}: {_words(error)}") from error


def _words(error: Any) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
