"""What lies in the export tree: folders that are exports of ours, names that are mirrored, versions of files."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from exports.files import digest
from models.export import PATH, UUID, is_unit
from models.ledger import Version

_OURS = re.compile(f"(order_data|order_items|customer_data)_{UUID}\\.csv")


def is_ours(name: str) -> bool:
    """Whether a file in a folder of an order or customer is one that the dispatcher writes, by its name."""
    return _OURS.fullmatch(name) is not None


def unit_of(path: str) -> str:
    """The order's or customer's folder that a file of ours lies in; any other path as it is."""
    folder, _, name = path.rpartition("/")
    return folder if is_unit(folder) and is_ours(name) else path


def below(folder: str, name: str) -> str:
    """A path; either part may be empty."""
    return f"{folder}/{name}" if folder and name else folder or name


def hidden(path: str) -> bool:
    """Whether a part of the path begins with a dot: what is being written, and nobody's business."""
    return path.startswith(".") or "/." in path


def odd_name(path: str) -> str:
    """Why something with such a path is left alone; empty if it is not."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if len(path) > PATH:
        return f"its path has {len(path)} characters, {PATH} are possible"
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        return "its name has control characters"
    return ""


def is_odd(mode: int) -> bool:
    """Whether it is neither a file nor a folder: a link, a socket, a pipe, a device."""
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def version(found: os.stat_result) -> Version:
    return Version(found.st_size, found.st_mtime_ns)


def version_at(path: Path) -> Version | None:
    """The version of the file at `path`; None if there is none."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return version(found) if stat.S_ISREG(found.st_mode) else None


def files_in(handle: int) -> Iterator[tuple[str, Version]]:
    """Name and version of each file in the folder that `handle` is open on, but those that are hidden."""
    with os.scandir(handle) as entries:
        for entry in entries:
            if not hidden(entry.name) and entry.is_file(follow_symlinks=False):
                yield entry.name, version(entry.stat(follow_symlinks=False))


def files_of_unit(folder: Path) -> dict[str, Version]:
    """Name to version of what an order's or customer's folder holds; empty if it is not there."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    try:
        return dict(files_in(handle))
    finally:
        os.close(handle)


def digest_of(folder: Path, names: Iterable[str]) -> str:
    """What the ledger calls the digest, of the files among `names` that the dispatcher writes."""
    return digest({name: (folder / name).read_bytes() for name in names if is_ours(name)})


def digest_of_file(path: Path) -> str:
    """What the ledger calls the digest, of a full export."""
    # Without O_NONBLOCK a pipe that another program put there would hold up whoever opens it.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
