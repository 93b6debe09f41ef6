"""Reads the URL of a target and refuses what must not be in one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit

from errors import FtpdockError

PORTS = {"ftps": 21, "sftp": 22}
LOCAL = ("file", "local")
"""A folder of this machine."""
CLEAR = {"ftp": "ftps", "http": "ftps", "https": "ftps", "scp": "sftp", "ssh": "sftp", "ftpes": "ftps"}
"""Schemes that are refused, and what to write instead."""
LONGEST, LONGEST_USERNAME = 1_000, 200
"""Characters that the database has room for."""


@dataclass(frozen=True)
class Place:
    """What a URL says."""

    url: str
    """As it is stored: no user, no password, the port only if it is not the usual one."""
    scheme: str
    host: str
    port: int | None
    path: str
    username: str


def read_url(text: str) -> Place:
    """Raises FtpdockError, whose message never holds a password."""
    parts = _taken_apart(text.strip())
    _check(parts.scheme, text)
    if parts.password is not None:
        raise FtpdockError(
            "The URL holds a password, which the shell's history and other users can see: leave it out. It is "
            "asked for, or give it by --password-stdin or --password-env; if it was real, change it"
        )
    if parts.query or parts.fragment:
        raise FtpdockError("The URL has a part behind ? or #: a target is only scheme://user@host:port/folder")
    host, port, path = parts.hostname or "", parts.port, unquote(parts.path).rstrip("/")
    if parts.scheme in PORTS:
        _check_remote(parts)
        port = port or PORTS[parts.scheme]
    if parts.scheme in LOCAL:
        _check_local(parts)
    _check_path(path)
    url = _stored(parts.scheme, host, port, path)
    if len(url) > LONGEST:
        raise FtpdockError(f"The URL has {len(url):,} characters: at most {LONGEST:,} are possible")
    return Place(url, parts.scheme, host, port, path, check_username(unquote(parts.username or "")))


def check_username(name: str) -> str:
    """What a server is told in a line of its own. Raises FtpdockError."""
    if len(name) > LONGEST_USERNAME or not name.isprintable():
        raise FtpdockError(f"A user's name is one line of at most {LONGEST_USERNAME} characters, without control "
                           "characters")  # fmt: skip
    return name


def _taken_apart(text: str) -> SplitResult:
    """Python's words about what can't be read hold a piece of it, maybe of a password: they are not repeated.

    It leaves out line breaks and tabs without a word: what comes of that is another folder, or another host.
    """
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise FtpdockError("The URL has a line break, a tab or another control character in it: write it on one line, "
                           "without any")  # fmt: skip
    try:
        parts = urlsplit(text)
        _ = parts.hostname, parts.port
    except ValueError:
        raise FtpdockError(
            "The URL's host or port can't be read: write scheme://user@host:port/folder, an IPv6 address in [ ], the "
            "characters / ? # [ ] @ : in a user's name as % and two hexadecimal digits, and no password"
        ) from None
    return parts


def _check_remote(parts: SplitResult) -> None:
    if "@" in parts.path:
        # ftps://user:12/34@host/folder would be the port 12 of the host `user`, and the rest of a password its folder.
        raise FtpdockError("The URL has an @ behind the first / of its folder: if that is of a password, leave the "
                           "password out; if it is of the folder's name, write it as %40")  # fmt: skip
    if not parts.hostname:
        raise FtpdockError(f"The URL names no host: write {parts.scheme}://host/folder")


def _check(scheme: str, text: str) -> None:
    if not scheme or "://" not in text:
        raise FtpdockError("The URL has no scheme: write ftps://host/folder, sftp://host/folder or file:///folder")
    if scheme in CLEAR:
        raise FtpdockError(f"{scheme}:// is no way to deliver files: write {CLEAR[scheme]}://host/folder")
    if scheme in PORTS:
        return
    import fsspec

    try:
        fsspec.get_filesystem_class(scheme)
    except (ValueError, ImportError) as error:
        raise FtpdockError(f"{scheme}:// can't be used: {error}. ftps and sftp always can") from error


def _check_local(parts: SplitResult) -> None:
    if parts.netloc:
        folder = parts.path if parts.hostname == "localhost" else f"/{parts.netloc}{parts.path}"
        raise FtpdockError(f"Behind the second / of the URL a host is named, and {parts.scheme}:// is a folder of this "
                           f"machine: write {parts.scheme}://{folder}")  # fmt: skip


def _check_path(path: str) -> None:
    if re.search(r"[\x00-\x1f\x7f]|(^|/)\.\.?(/|$)|::", path):
        raise FtpdockError(f"The folder {path!r} has control characters, '::', or a '.' or '..' in it: name it plainly")


def _stored(scheme: str, host: str, port: int | None, path: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    number = f":{port}" if port and port != PORTS.get(scheme) else ""
    return f"{scheme}://{shown}{number}{quote(path)}"
