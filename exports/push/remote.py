"""What a server that exports are pushed to has to be able to do, whatever its protocol, and how it may fail."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from errors import FtpdockError
from exports.push.url import LOCAL

CONNECT_SECONDS, TALK_SECONDS = 30.0, 120.0
"""How long a server may take to answer at first, and how long it may be silent later."""
MOST_NAMES, LONG = 200_000, 40
"""Names in one folder, and characters from which on a name counts as more than one: what a server lists has to have an
end, or it would fill the memory."""


class PushError(FtpdockError):
    """A delivery was not made: first in our words, then in those of the other side, which may repeat a password."""

    def __init__(self, ours: str, theirs: str = "") -> None:
        super().__init__(ours + theirs)
        self.ours, self.theirs = ours, theirs


class Unreachable(PushError):
    """Nothing can be delivered there now: no connection, no login, no trust, no room."""


class Refused(PushError):
    """The server is there and does not take this file or folder."""


class Missing(PushError):
    """What is to be delivered does not lie here any more."""


@dataclass(frozen=True)
class Access:
    """Where to and with what: all that is needed to open a remote. Its repr holds no secret."""

    url: str
    scheme: str
    host: str
    port: int | None
    path: str
    """The folder that everything goes into: /incoming, or /~/incoming below the login's home. No slash at its end."""
    username: str = ""
    secret: str = field(default="", repr=False)
    """The password, or the passphrase of the key file."""
    ca_file: str = ""
    key_file: str = ""
    host_key: str = ""
    mount_point: bool = False
    """Of a folder of this machine: something has to be mounted there."""

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        return f"{self.host}:{self.port}" if self.port else self.host or self.url


def is_mount_point(path: str) -> bool:
    """Whether something is mounted on the folder that `path` leads to."""
    return os.path.ismount(os.path.realpath(path or "/"))


def below_home(path: str, home: str) -> str:
    """/~/incoming -> /home/acme/incoming; any other path is absolute already."""
    if path != "/~" and not path.startswith("/~/"):
        return path
    return home.rstrip("/") + path[2:]


def bounded(names: Iterable[str], folder: str) -> list[str]:
    """All of them. Raises Refused if they are too many."""
    found: list[str] = []
    room = MOST_NAMES * LONG
    for name in names:
        room -= max(len(name), LONG)
        if room < 0:
            raise too_many(folder)
        found.append(name)
    return found


def too_many(folder: str) -> Refused:
    return Refused(f"listing {folder}: it has more than {MOST_NAMES:,} names, or their list no end: have it cleared up")


class Remote(Protocol):
    """An open connection. All paths begin with `base`. Each call raises PushError."""

    base: str
    """The folder of its Access, as the server knows it."""

    def is_folder(self, path: str) -> bool: ...

    def make_folder(self, path: str) -> None:
        """Make it, with those above; it may be there already."""

    def names(self, folder: str) -> list[str]:
        """What is in a folder."""

    def put(self, path: str, content: BinaryIO) -> None:
        """Write a file, in place of one that is there."""

    def replace(self, source: str, path: str) -> None:
        """Rename a file, in place of one that is there."""

    def rename(self, source: str, path: str) -> None:
        """Rename a folder or a file; there is none at `path`."""

    def delete(self, path: str) -> None:
        """Delete a file."""

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""

    def close(self) -> None:
        """Never raises."""


@contextlib.contextmanager
def opened(access: Access) -> Iterator[Remote]:
    """A connection by the scheme's protocol. Raises Unreachable."""
    # Libraries are loaded by those who need them: a command that lists targets needs none.
    remote: Remote
    if access.scheme == "ftps":
        from exports.push.remote_ftps import FtpsRemote

        remote = FtpsRemote(access)
    elif access.scheme == "sftp":
        from exports.push.remote_sftp import SftpRemote

        remote = SftpRemote(access)
    elif access.scheme in LOCAL:
        from exports.push.remote_folder import FolderRemote

        remote = FolderRemote(access)
    else:
        from exports.push.remote_fsspec import FsspecRemote

        remote = FsspecRemote(access)
    try:
        yield remote
    finally:
        remote.close()
