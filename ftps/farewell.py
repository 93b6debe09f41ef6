"""Whether a client has taken a whole download: it must close TLS in order, in answer to our own close_notify.

That everything was handed to the kernel proves nothing: a small file fits into the socket's buffer even if the client
has been killed. curl, lftp, rclone (Go) and ftplib read to the end of TLS, answer close_notify with their own and close
the connection. So a download is confirmed when, after our close_notify,

- the client's close_notify came (it is authentic, and a client that dies sends none),
- then the end of the connection (FIN) and no reset: a kernel resets a connection that is closed with bytes unread,
- and by then every byte was acknowledged (a client that ended before they came would reset the connection later).

For a login that need not send close_notify the second and third have to do.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import termios
import time

from OpenSSL import SSL

from ftps.tls import forget_errors

IN_ORDER = ""
UNCONFIRMED = "226 Transfer complete, unconfirmed: the data connection was not closed in order, so it does not count."
CUT = "426 The data connection was reset before the client had taken the whole file."

GOODBYE = 40
"""Bytes that close_notify and FIN have at the most."""
PATIENCE = 10.0
"""Seconds for the client's end after the last byte was acknowledged."""
SLOWEST = 64 * 1024
"""Bytes a second that a client may take to read what its kernel has acknowledged already."""
MOST_UNREAD = 8 * 1024 * 1024
"""Bytes that a client's kernel may hold unread."""
FIN_PATIENCE = 2.0
"""Seconds between a client's close_notify and the end of the connection; then it waits for our reply to close it."""
_MOST_RECORDS = 32
"""TLS records that are read in one turn of the loop."""


class Farewell:
    """The end of one download. say() until True, then look() whenever something may have happened."""

    def __init__(self, connection: SSL.Connection, sent: int, strict: bool) -> None:
        self._connection = connection
        self._strict = strict
        self._patience = PATIENCE + min(sent, MOST_UNREAD) / SLOWEST
        self._unacknowledged = -1
        self._until = 0.0
        self._notified = self._reset = False
        self.said = False
        self.ended = False
        """FIN came: the connection has nothing more to tell but a reset."""

    def say(self) -> bool:
        """Send close_notify and FIN; False when the socket is full."""
        try:
            self._connection.shutdown()
            self._connection.sock_shutdown(socket.SHUT_WR)
        except SSL.WantWriteError:
            return False
        except (SSL.Error, OSError):
            forget_errors()
            self._reset = True
        self.said = True
        return True

    def look(self) -> str | None:
        """None: not decided yet. Else how it ended: IN_ORDER, UNCONFIRMED or CUT."""
        if not (self._notified or self.ended):
            self._read_tls()
        if self._notified or self.ended:
            self._read_tcp()
        if self._reset:
            # Some clients close without reading our close_notify; whether they had read all before it can't be told.
            return CUT if self._unread() > GOODBYE else UNCONFIRMED
        # Our own FIN counts for one byte.
        if self.ended and self._unread() <= 1:
            return IN_ORDER if self._notified or not self._strict else UNCONFIRMED
        return self._late()

    def _late(self) -> str | None:
        """The verdict when patience is at its end. It begins anew whenever bytes were acknowledged."""
        now, waiting = time.monotonic(), self._unread()
        if waiting != self._unacknowledged:
            self._unacknowledged = waiting
            self._until = now + self._patience
        if now < self._until:
            return None
        if waiting > 1:
            return CUT
        return IN_ORDER if self._notified else UNCONFIRMED

    def _read_tls(self) -> None:
        try:
            for _ in range(_MOST_RECORDS):
                self._connection.recv(16384)  # A client has nothing to say in a download.
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self._notified = True
            self._patience = FIN_PATIENCE
            self._until = time.monotonic() + FIN_PATIENCE
        except SSL.SysCallError as error:
            forget_errors()
            self.ended = error.args == (-1, "Unexpected EOF")
            self._reset = not self.ended
        except SSL.Error:
            forget_errors()
            self._reset = True

    def _read_tcp(self) -> None:
        """Past TLS, which says nothing more after close_notify."""
        try:
            self.ended = os.read(self._connection.fileno(), 256) == b"" or self.ended
        except BlockingIOError:
            pass
        except OSError:
            self._reset = True

    def _unread(self) -> int:
        """Bytes that the client's kernel has not acknowledged (SIOCOUTQ)."""
        try:
            answer = fcntl.ioctl(self._connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
        except OSError:
            return 0
        return int(struct.unpack("i", answer)[0])
