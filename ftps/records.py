"""Many TLS records at once: OpenSSL gives and takes one (16 KB) at a time, and what surrounds it costs more than it."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from pyftpdlib.handlers import DTPHandler

from ftps.outgoing import Outgoing
from ftps.straight import PIECE, RECORD, STRETCH, Pieces, Room
from ftps.tls import forget_errors


class Records(DTPHandler):
    """Stands lowest, so that all above it sees larger pieces, and what ended them when it asks again."""

    ac_out_buffer_size = PIECE

    _next: SSL.Error | OSError | None = None
    """What came behind the last records."""
    _behind: Pieces
    _leaving = 0
    """Bytes of the stretch in the midst of which the socket was full."""

    def __init__(self, sock: Any, cmd_channel: Any) -> None:
        self._behind = []
        super().__init__(sock, cmd_channel)

    @property
    def more_to_tell(self) -> bool:
        """The next recv() says what came behind the last records, without asking the socket."""
        return self._next is not None

    @property
    def most_sent(self) -> int:
        """Bytes that the client may have got."""
        sent: int = self.tot_bytes_sent + self._leaving
        return sent

    def recv(self, buffer_size: int) -> bytes:
        """The first record; those right behind it are given by behind()."""
        if self._next is not None:
            self._tell()
        first: bytes = super().recv(RECORD)
        if first and isinstance(self.socket, SSL.Connection):
            self._read_on(self.socket)
        return first

    def behind(self) -> Pieces:
        """What was read together with the last record; not joined, because a copy costs a fifth of a hash."""
        behind, self._behind = self._behind, []
        return behind

    def _read_on(self, connection: SSL.Connection) -> None:
        room = self.cmd_channel.shared.room
        try:
            room.fill(connection)
        except (SSL.Error, OSError) as error:
            self._keep(error)
        self._behind = room.taken()

    def push_with_producer(self, producer: Any) -> None:
        producer.buffer_size = PIECE
        super().push_with_producer(producer)

    def initiate_send(self) -> None:
        """A piece of a file leaves straight from a buffer; whatever is not as simple goes pyftpdlib's way."""
        if not self._send_piece():
            super().initiate_send()

    def _send_piece(self) -> bool:
        """Whether a whole piece of a file has left. If not, what is left of it and what stopped it come next."""
        room, connection = self.cmd_channel.shared.room, self.socket
        source = getattr(self.producer_fifo[0], "file", None) if self.producer_fifo else None
        straight = isinstance(room, Room) and isinstance(connection, SSL.Connection) and isinstance(source, Outgoing)
        if not straight or self._next is not None:
            return False
        try:
            sent, left, error = room.send(connection, source)
        except OSError:
            return False  # It comes again when pyftpdlib reads, which has its own way to tell.
        self.tot_bytes_sent += sent
        if error is not None:
            self._leaving = min(STRETCH, len(left))
            self.producer_fifo.appendleft(left)
            self._keep(error)
        return error is None and sent > 0

    def send(self, data: bytes) -> int:
        """Hands over as much of `data` as the socket takes; what stopped it comes at the next call.

        That call has to give the same bytes again: TLS goes on in the midst of a stretch.
        """
        if not isinstance(self.socket, SSL.Connection):
            plain: int = super().send(data)
            return plain
        if self._next is not None:
            self._tell()
        sent = self._send_stretches(self.socket, memoryview(data))
        self.tot_bytes_sent += sent
        return sent

    def _send_stretches(self, connection: SSL.Connection, data: memoryview) -> int:
        sent = 0
        try:
            while sent < len(data):
                self._leaving = min(STRETCH, len(data) - sent)
                sent += connection.send(data[sent : sent + STRETCH])
            self._leaving = 0
        except (SSL.Error, OSError) as error:
            if not sent:
                raise
            self._keep(error)
        return sent

    def _keep(self, error: SSL.Error | OSError) -> None:
        if isinstance(error, (SSL.WantReadError, SSL.WantWriteError, SSL.ZeroReturnError)):
            # A fresh one: the one that was raised holds this call, and with it the records.
            self._next = type(error)()
        else:
            forget_errors()
            self._next = error.with_traceback(None)

    def _tell(self) -> None:
        error, self._next = self._next, None
        try:
            assert error is not None
            raise error
        finally:
            del error
