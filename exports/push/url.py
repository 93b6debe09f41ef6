"""Reads the URL of a target and refuses what must not be in one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from errors import FtpdockError

PORTS = {"ftps": 21, "sftp": 22}
LOCAL = ("file", "local")
"""A folder of this machine."""
CLEAR = {"ftp": "ftps", "http": "ftps", "https": "ftps", "scp": "sftp", "ssh": "sftp", "ftpes": "ftps"}
"""Schemes that are refused, and what to write instead."""


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
    parts = urlsplit(text.strip())
    _check(parts.scheme, text)
    try:
        if parts.password is not None:
            raise FtpdockError(
                "The URL holds a password, which the shell's history and other users can see: leave it out. It is "
                "asked for, or give it by --password-stdin or --password-env; if it was real, change it"
            )
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise FtpdockError(f"The URL's host or port can't be read: {error}") from error
    if parts.query or parts.fragment:
        raise FtpdockError("The URL has a part behind ? or #: a target is only scheme://user@host:port/folder")
    path = unquote(parts.path).rstrip("/")
    _check_path(path)
    if parts.scheme in PORTS:
        if not host:
            raise FtpdockError(f"{text!r} names no host: write {parts.scheme}://host/folder")
        port = port or PORTS[parts.scheme]
    return Place(_stored(parts.scheme, host, port, path), parts.scheme, host, port, path, unquote(parts.username or ""))


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


def _check_path(path: str) -> None:
    if re.search(r"[\x00-\x1f\x7f]|(^|/)\.\.?(/|$)|::", path):
        raise FtpdockError(f"The folder {path!r} has control characters, '::', or a '.' or '..' in it: name it plainly")


def _stored(scheme: str, host: str, port: int | None, path: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    number = f":{port}" if port and port != PORTS.get(scheme) else ""
    return f"{scheme}://{shown}{number}{quote(path)}"
