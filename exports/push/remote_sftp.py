"""Pushing by SFTP; the only importer of paramiko. A server is known by the fingerprint of its host key."""

from __future__ import annotations

import contextlib
import errno
import logging
import posixpath
import socket
import stat
from collections.abc import Iterator
from typing import BinaryIO

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.pkey import UnknownKeyType

from exports.push.former import replace_slowly
from exports.push.remote import (
    CONNECT_SECONDS,
    TALK_SECONDS,
    Access,
    PushError,
    Refused,
    Unreachable,
    below_home,
    bounded,
)

# It tells of lost connections by tracebacks; we tell of them in a line.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

BLOCK = 32_768
"""What every server takes in one request."""
ON_THEIR_WAY = 100
"""Blocks for whose replies is not waited before the next one is sent."""
ED25519, ECDSA = ("ssh-ed25519",), ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
RSA = ("rsa-sha2-512", "rsa-sha2-256")
KEY_TYPES = (*ED25519, *ECDSA, *RSA)


def server_key(access: Access) -> str:
    """The fingerprint of a server's host key, SHA256:..., as `ssh-keygen -l` shows it. Raises Unreachable."""
    with contextlib.closing(_handshake(access, KEY_TYPES)) as transport:
        return str(transport.get_remote_server_key().fingerprint)


def _handshake(access: Access, key_types: tuple[str, ...]) -> paramiko.Transport:
    with _said(f"connecting to {access.place}", Unreachable):
        connection = socket.create_connection((access.host, access.port or 22), CONNECT_SECONDS)
        try:
            # A block is two packets: the second may not wait until the first is acknowledged (40 ms).
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport = paramiko.Transport(connection)
        except BaseException:
            connection.close()
            raise
        try:
            transport.get_security_options().key_types = key_types
            transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = CONNECT_SECONDS
            transport.start_client(timeout=CONNECT_SECONDS)
            # Raises if the time was up before there was a key.
            transport.get_remote_server_key()
        except BaseException:
            transport.close()
            raise
    return transport


def _trusted(access: Access) -> paramiko.Transport:
    """A connection to the server that has the pinned key. Raises Unreachable before anything secret is sent.

    A server has several keys, and which of them is pinned was the partner's choice: those of other types count too.
    """
    seen: list[str] = []
    for key_types in (KEY_TYPES, ED25519, ECDSA, RSA):
        try:
            transport = _handshake(access, key_types)
        except Unreachable:
            if not seen:
                raise
            continue
        found = str(transport.get_remote_server_key().fingerprint)
        if found == access.host_key:
            return transport
        transport.close()
        seen.append(found)
    raise Unreachable(
        f"{access.place} shows the host key {seen[0]}, expected {access.host_key or 'one that is pinned'}: it was set "
        "up anew, or somebody stands between. Ask the partner; pin another by `ftpdock target set NUMBER --host-key`"
    )


class SftpRemote:
    """A login on an SSH server."""

    def __init__(self, access: Access) -> None:
        self._transport = _trusted(access)
        try:
            with _said(f"logging in at {access.place} as {access.username}", Unreachable):
                self._authenticate(access)
                channel = self._transport.open_session(timeout=CONNECT_SECONDS)
                channel.settimeout(TALK_SECONDS)
                channel.invoke_subsystem("sftp")
                self._client = paramiko.SFTPClient(channel)
                self.base = below_home(access.path, self._client.normalize("."))
        except BaseException:
            self._transport.close()
            raise

    def _authenticate(self, access: Access) -> None:
        if access.key_file:
            self._transport.auth_publickey(access.username, _key(access.key_file, access.secret))
        else:
            self._transport.auth_password(access.username, access.secret)

    def is_folder(self, path: str) -> bool:
        with _said(f"looking for {path}"):
            try:
                return stat.S_ISDIR(self._client.stat(path or "/").st_mode or 0)
            except FileNotFoundError:
                return False

    def make_folder(self, path: str) -> None:
        if self.is_folder(path):
            return
        if parent := posixpath.dirname(path):
            self.make_folder(parent)
        with _said(f"making the folder {path}"):
            self._client.mkdir(path)

    def names(self, folder: str) -> list[str]:
        with _said(f"listing {folder}"):
            # By one request at a time: of those that are sent ahead the replies would be left over.
            return bounded((each.filename for each in self._client.listdir_iter(folder, read_aheads=1)), folder)

    def put(self, path: str, content: BinaryIO) -> None:
        with _said(f"writing {path}"):
            file = self._client.open(path, "wb")
        # A server that takes the name and not the bytes has no room: the next file would fare no better.
        with _said(f"writing {path}", Unreachable):
            with file:
                size = _write(file, content)
            stored = self._client.stat(path).st_size
        if stored != size:
            raise Unreachable(f"writing {path}: {stored} of {size} bytes are there")

    def replace(self, source: str, path: str) -> None:
        if self._replaced(source, path):
            return
        try:
            self.rename(source, path)
        except Refused as refusal:
            replace_slowly(self, source, path, refusal)

    def _replaced(self, source: str, path: str) -> bool:
        """In one step, as OpenSSH can. False: it could not; SFTP version 3 renames over nothing."""
        with _said(f"renaming {source} to {path}"):
            try:
                self._client.posix_rename(source, path)
            except OSError as error:
                # Of a server that does not know how there is neither a number nor a lost connection.
                if error.errno is not None or not self._transport.is_active():
                    raise
                return False
        return True

    def rename(self, source: str, path: str) -> None:
        with _said(f"renaming {source} to {path}"):
            self._client.rename(source, path)

    def delete(self, path: str) -> None:
        with _said(f"deleting {path}"):
            self._client.remove(path)

    def remove_folder(self, path: str) -> None:
        with _said(f"removing {path}"):
            self._client.rmdir(path)

    def close(self) -> None:
        self._client.close()
        self._transport.close()


def _key(path: str, passphrase: str) -> paramiko.PKey:
    """Raises ValueError in words of ours: the library's name no file, and speak of PEM where a passphrase is wrong."""
    try:
        return paramiko.PKey.from_path(path, passphrase.encode() or None)
    except OSError as error:
        raise ValueError(f"the key file {path}: {error.strerror}") from error
    except TypeError as error:
        if passphrase:
            # It needs none. What is stored is sent to nobody.
            return _key(path, "")
        raise ValueError(f"the key file {path} has a passphrase: give it by `ftpdock target set NUMBER "
                         "--password-stdin`") from error  # fmt: skip
    except (ValueError, paramiko.SSHException, UnknownKeyType, UnsupportedAlgorithm) as error:
        wrong = "or its passphrase is another one" if passphrase else "or of a kind that can't be used"
        raise ValueError(f"the key file {path} is no private key, {wrong}") from error


def _write(file: paramiko.SFTPFile, content: BinaryIO) -> int:
    """All of it; how many bytes that is. Raises what paramiko does if one block failed.

    It looks at the replies that are still to come when it writes a block that is not pipelined, and drops those that
    are not there by the time the file is closed.
    """
    size, number, block = 0, 1, content.read(BLOCK)
    while block:
        following = content.read(BLOCK)
        file.set_pipelined(bool(following) and number % ON_THEIR_WAY != 0)
        file.write(block)
        size, number, block = size + len(block), number + 1, following
    return size


@contextlib.contextmanager
def _said(what: str, refusal: type[PushError] = Refused) -> Iterator[None]:
    """Turn what paramiko raises into PushError, with what was being done."""
    try:
        yield
    except (EOFError, TimeoutError, ConnectionError, socket.gaierror, paramiko.AuthenticationException) as error:
        raise Unreachable(f"{what}: {error or type(error).__name__}") from error
    except paramiko.SSHException as error:
        raise Unreachable(f"{what}: ", str(error)) from error
    except OSError as error:
        lost = error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EBADF, errno.EPIPE)
        kind, words = Unreachable if lost else refusal, str(error.strerror or error)
        if words == "Failure":
            words = "Failure (SFTP says no more: their disk may be full, or the login may not do it)"
            raise kind(f"{what}: {words}") from error
        raise kind(f"{what}: ", words) from error
    except ValueError as error:
        # Of a key file.
        raise Unreachable(f"{what}: {error}") from error
