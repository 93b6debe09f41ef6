"""Pushing into whatever fsspec serves; the only user of fsspec's file systems. What a rename is there, it decides."""

from __future__ import annotations

import shutil
from typing import BinaryIO

import fsspec

from exports.push.file_errors import said
from exports.push.remote import Access, Unreachable

BLOCK = 262_144


class FsspecRemote:
    """A folder of a file system."""

    def __init__(self, access: Access) -> None:
        with said(f"opening {access.url}", Unreachable):
            options = {"username": access.username, "password": access.secret}
            given = {name: value for name, value in options.items() if value}
            self._files, base = fsspec.core.url_to_fs(
                access.url, skip_instance_cache=True, use_listings_cache=False, **given
            )
        self.base = base.rstrip("/")

    def is_folder(self, path: str) -> bool:
        with said(f"looking for {path}"):
            return bool(self._files.isdir(path))

    def make_folder(self, path: str) -> None:
        with said(f"making the folder {path}"):
            self._files.makedirs(path, exist_ok=True)

    def names(self, folder: str) -> list[str]:
        with said(f"listing {folder}"):
            return [path.rstrip("/").rpartition("/")[2] for path in self._files.ls(folder, detail=False)]

    def put(self, path: str, content: BinaryIO) -> None:
        with said(f"writing {path}"), self._files.open(path, "wb") as file:
            shutil.copyfileobj(content, file, BLOCK)

    def replace(self, source: str, path: str) -> None:
        with said(f"renaming {source} to {path}"):
            self._files.mv(source, path)

    def rename(self, source: str, path: str) -> None:
        with said(f"renaming {source} to {path}"):
            self._files.mv(source, path, recursive=True)

    def delete(self, path: str) -> None:
        with said(f"deleting {path}"):
            self._files.rm_file(path)

    def remove_folder(self, path: str) -> None:
        with said(f"removing {path}"):
            self._files.rmdir(path)

    def close(self) -> None:
        """There is nothing to close: connections belong to fsspec."""
