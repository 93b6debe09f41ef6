"""Reads many TLS records at once: OpenSSL gives one (16 KB) at a time, and what surrounds it costs more than it."""

from __future__ import annotations

from OpenSSL import SSL
from pyftpdlib.handlers import DTPHandler

from ftps.tls import forget_errors

AT_ONCE = 32
"""TLS records that one transfer may read before the other sessions get their turn."""
RECORD = 16 * 1024


class Records(DTPHandler):
    """Stands lowest, so that all above it sees larger pieces, and what ended them when it asks again."""

    _next: SSL.Error | OSError | None = None
    """What came behind the last records."""

    @property
    def more_to_tell(self) -> bool:
        """The next recv() says what came behind the last records, without asking the socket."""
        return self._next is not None

    def recv(self, buffer_size: int) -> bytes:
        if self._next is not None:
            self._tell()
        first: bytes = super().recv(RECORD)
        if not first or not isinstance(self.socket, SSL.Connection):
            return first
        records = [first]
        try:
            while len(records) < AT_ONCE:
                records.append(self.socket.recv(RECORD))
        except (SSL.WantReadError, SSL.WantWriteError, SSL.ZeroReturnError) as nothing:
            # A fresh one: the one that was raised holds this call, and with it the records.
            self._next = type(nothing)()
        except (SSL.Error, OSError) as error:
            forget_errors()
            self._next = error.with_traceback(None)
        return b"".join(records)

    def _tell(self) -> None:
        error, self._next = self._next, None
        try:
            assert error is not None
            raise error
        finally:
            del error
