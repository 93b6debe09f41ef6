"""Pushing by FTPS: explicit TLS on both channels, with a certificate that is checked (RFC 4217)."""

from __future__ import annotations

import contextlib
import ftplib
import io
import posixpath
import socket
import ssl
from collections.abc import Iterator
from typing import BinaryIO, TextIO

from exports.push.former import replace_slowly
from exports.push.remote import (
    CONNECT_SECONDS,
    LONG,
    MOST_NAMES,
    TALK_SECONDS,
    Access,
    PushError,
    Refused,
    Unreachable,
    below_home,
    bounded,
    too_many,
)

BLOCK = 262_144
AS_IT_CAME = "surrogateescape"
"""How bytes that are no UTF-8 are read and written (PEP 383)."""
OF_THE_FILE = {"450", "500", "501", "502", "504", "550", "551", "553"}
"""Replies that say no to one file or folder; after any other the next file would fare no better."""
TOO_MUCH, LITTLE = "552", 65_536
"""The reply of a server for want of room, which may mean a limit for each file; bytes of a file that no such limit is
below."""
REPLY, LISTING = 65_536, MOST_NAMES * LONG
"""Characters of a reply and of a list of names: what has no end would fill the memory, the greeting before any TLS."""


class _Client(ftplib.FTP_TLS):
    """ftplib, with the control channel's TLS session on the data channel: many servers demand it.

    Replies, and names in them, need not be UTF-8: what is none goes back as it came.
    """

    _replies: TextIO | None = None

    @property
    def file(self) -> TextIO | None:
        """Where replies are read from. ftplib opens it by itself, so that one Latin-1 letter would raise ValueError."""
        return self._replies

    @file.setter
    def file(self, replies: TextIO | None) -> None:
        if isinstance(replies, io.TextIOWrapper):
            replies.reconfigure(errors=AS_IT_CAME)
        self._replies = replies

    def putline(self, line: str) -> None:
        if "\r" in line or "\n" in line:
            raise ValueError("a line break can't be sent")
        assert self.sock is not None
        self.sock.sendall(f"{line}\r\n".encode(self.encoding, AS_IT_CAME))

    def getmultiline(self) -> str:
        """As ftplib does it (RFC 959, 4.2), but of a reply that has an end."""
        lines = [self.getline()]
        code, more = lines[0][:3], lines[0][3:4] == "-"
        size = len(lines[0])
        while more:
            lines.append(self.getline())
            size += len(lines[-1]) + 1
            if size > REPLY:
                raise ftplib.Error(f"a reply without an end, {size:,} characters so far, expected a few lines. Is it "
                                   "an FTP server? Compare host and port with what the partner says")  # fmt: skip
            more = lines[-1][:3] != code or lines[-1][3:4] == "-"
        return "\n".join(lines)

    def auth(self) -> str:
        reply = self.voidcmd("AUTH TLS")
        assert self.sock is not None
        self.sock = self._secured(self.sock, None)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        return reply

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        plain, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
        return self._secured(plain, session), size

    def _secured(self, plain: socket.socket, session: ssl.SSLSession | None) -> ssl.SSLSocket:
        """The handshake by itself: wrap_socket would leave the socket open when it fails."""
        # A handshake that is cut short ends with our word, and so does the file: neither may wait for an ACK (40 ms).
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secured = self.context.wrap_socket(
            plain, server_hostname=self.host, session=session, do_handshake_on_connect=False
        )
        try:
            secured.do_handshake()
        except BaseException:
            secured.close()
            raise
        return secured


class FtpsRemote:
    """A login on an FTPS server."""

    _sent = 0
    """Bytes of the file at hand that were sent, or being sent."""

    def __init__(self, access: Access) -> None:
        with _said(f"connecting to {access.place}", Unreachable):
            self._client = _Client(context=_context(access), timeout=CONNECT_SECONDS)
        try:
            self._enter(access)
        except BaseException:
            self._client.close()
            raise

    def _enter(self, access: Access) -> None:
        client = self._client
        with _said(f"connecting to {access.place}", Unreachable):
            client.connect(access.host, access.port or 21)
            client.auth()
        with _said(f"logging in at {access.place} as {access.username or 'anonymous'}", Unreachable):
            client.login(access.username, access.secret)
            client.prot_p()
            client.voidcmd("TYPE I")
            client.timeout = TALK_SECONDS
            assert client.sock is not None
            client.sock.settimeout(TALK_SECONDS)
            self._home = client.pwd()
        self.base = below_home(access.path, self._home)

    def is_folder(self, path: str) -> bool:
        try:
            with _said(f"looking for {path}"):
                self._client.cwd(path)
                # A folder that somebody stands in can't be renamed everywhere.
                self._client.cwd(self._home)
        except Refused:
            return False
        return True

    def make_folder(self, path: str) -> None:
        if self.is_folder(path or "/"):
            return
        self.make_folder(posixpath.dirname(path))
        with _said(f"making the folder {path}"):
            self._client.mkd(path)

    def names(self, folder: str) -> list[str]:
        with _said(f"listing {folder}"):
            self._client.cwd(folder)
            try:
                listed = self._listing(folder)
            except ftplib.error_perm as error:
                if not str(error).startswith("550"):
                    raise
                # So some servers say that a folder is empty.
                listed = ""
            finally:
                self._client.cwd(self._home)
        names = (posixpath.basename(line.rstrip("\n")) for line in io.StringIO(listed))
        return bounded((name for name in names if name not in ("", ".", "..")), folder)

    def _listing(self, folder: str) -> str:
        """What NLST says of the folder in which we stand, a name a line."""
        with self._client.transfercmd("NLST") as data:
            with data.makefile("r", encoding=self._client.encoding, errors=AS_IT_CAME) as lines:
                listed = lines.read(LISTING + 1)
            whole = len(listed) <= LISTING
            if whole:
                _say_goodbye(data)
        if not whole:
            # What it says of a transfer that we cut short is of no account.
            with contextlib.suppress(ftplib.error_perm, ftplib.error_temp):
                self._client.voidresp()
            raise too_many(folder)
        self._client.voidresp()
        return listed

    def put(self, path: str, content: BinaryIO) -> None:
        with _said(f"writing {path}"):
            try:
                self._store(path, content)
            except ftplib.error_perm as error:
                if self._sent > LITTLE and str(error).startswith(TOO_MUCH) and self._takes_little(path):
                    raise Refused(f"writing {path}: ", str(error)) from error
                raise

    def _store(self, path: str, content: BinaryIO) -> None:
        self._sent = 0
        data = self._client.transfercmd(f"STOR {path}")
        try:
            self._send(data, content)
        finally:
            data.close()
        # The reply decides whether the file is whole.
        self._client.voidresp()

    def _takes_little(self, path: str) -> bool:
        """Whether it is only this file that there is no room for: then others need not wait for it."""
        try:
            self._store(path, io.BytesIO(bytes(LITTLE)))
        except (ftplib.error_perm, ftplib.error_temp):
            return False
        with contextlib.suppress(ftplib.error_perm, ftplib.error_temp):
            self._client.delete(path)
        return True

    def _send(self, data: socket.socket, content: BinaryIO) -> None:
        try:
            while block := content.read(BLOCK):
                self._sent += len(block)
                data.sendall(block)
        except OSError:
            # Why a server hung up stands in its reply, if it gives one.
            with contextlib.suppress(OSError, EOFError):
                self._client.voidresp()
            raise
        _say_goodbye(data)

    def replace(self, source: str, path: str) -> None:
        what = f"renaming {source} to {path}"
        with _said(what):
            # A server that refuses already this renames nothing, whatever is there.
            if not (reply := self._client.sendcmd(f"RNFR {source}")).startswith("3"):
                raise ftplib.error_reply(reply)
        try:
            with _said(what):
                self._client.voidcmd(f"RNTO {path}")
        except Refused as refusal:
            replace_slowly(self, source, path, refusal)

    def rename(self, source: str, path: str) -> None:
        with _said(f"renaming {source} to {path}"):
            self._client.rename(source, path)

    def delete(self, path: str) -> None:
        with _said(f"deleting {path}"):
            self._client.delete(path)

    def remove_folder(self, path: str) -> None:
        with _said(f"removing {path}"):
            self._client.rmd(path)

    def close(self) -> None:
        # Whatever it says or fails to say, what it took it has.
        with contextlib.suppress(Exception):
            # A server that does not answer is not waited for.
            if self._client.sock is not None:
                self._client.sock.settimeout(1)
            self._client.quit()
        with contextlib.suppress(OSError):
            self._client.close()


def _say_goodbye(data: socket.socket) -> None:
    """By close_notify, without which a file may count as cut. What the server makes of it stands in its reply."""
    if isinstance(data, ssl.SSLSocket):
        with contextlib.suppress(OSError):
            data.unwrap()


def _context(access: Access) -> ssl.SSLContext:
    """Raises Unreachable, with the name of the file, which Python's words lack."""
    try:
        return ssl.create_default_context(cafile=access.ca_file or None)
    except ssl.SSLError as error:
        raise Unreachable(f"the file of authorities {access.ca_file} has no certificate in PEM form in it") from error
    except OSError as error:
        raise Unreachable(f"the file of authorities {access.ca_file}: {error.strerror}") from error


_RENEW = "Have it renewed by whoever runs the server, or look at this machine's clock"
_NAME = "Add the target anew with a host that the certificate names, or ask whoever runs the server"
_ADVICE = {9: _RENEW, 10: _RENEW, 62: _NAME, 64: _NAME}
"""By OpenSSL's number: not yet valid, expired, another host's, another address's."""
_OTHERWISE = "If it is theirs, have the file of its authority, or of the certificate itself, in --ca-file"


@contextlib.contextmanager
def _said(what: str, refusal: type[PushError] = Refused) -> Iterator[None]:
    """Turn what ftplib raises into PushError, with what was being done."""
    try:
        yield
    except ftplib.error_reply as error:
        raise Unreachable(f"{what}: ", str(error)) from error
    except (ftplib.error_perm, ftplib.error_temp) as error:
        kind = refusal if str(error)[:3] in OF_THE_FILE else Unreachable
        raise kind(f"{what}: ", str(error)) from error
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(
            f"{what}: the server's certificate is not trusted ({error.verify_message.rstrip('.')}). "
            f"{_ADVICE.get(error.verify_code, _OTHERWISE)}"
        ) from error
    except (EOFError, OSError) as error:
        raise Unreachable(f"{what}: {error or type(error).__name__}") from error
    except ftplib.Error as error:
        raise Unreachable(f"{what}: ", str(error)) from error
    except ValueError as error:
        # Of a name that can't be sent, or a reply that can't be read.
        raise refusal(f"{what}: ", str(error)) from error
