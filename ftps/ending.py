"""How a transfer ends: tells a whole one from a cut one.

pyftpdlib calls every end of a receiving channel a finished transfer and answers 226 at once (its issues 655 and 624).
"""

from __future__ import annotations

import errno
import os
from typing import Any

from OpenSSL import SSL
from pyftpdlib.exceptions import _RetryError
from pyftpdlib.ioloop import AsyncChat

from ftps.farewell import IN_ORDER, Farewell
from ftps.outgoing import Outgoing
from ftps.partials import DiskFull, TooLarge
from ftps.records import Records
from ftps.straight import Pieces
from ftps.tls import OwnErrors
from ftps.waits import acknowledge

TURN = 2
"""Pieces (256 KB) that one transfer may send before the other sessions get their turn."""

LOOK_EVERY = 0.05
"""Seconds between two looks at a connection whose end is awaited: an acknowledgement is no event."""

LOOKS = 10
"""Within the shorter limit of a transfer: so much of it, a tenth, may a client have more than it is told. The first
comes when small transfers are long over."""

ABORTED = "426 The connection was cut before the file was whole."


def cut_by(error: OSError) -> str:
    """The reply to a transfer that ended because the file system could not go on."""
    return f"426 {os.strerror(error.errno or errno.EIO)}; transfer aborted."


class Ending(OwnErrors, Records):
    """How a transfer ends. It stands below pyftpdlib's TLS mixin, whose handle_close calls past a subclass."""

    whole = False
    """The other side ended the data in order."""
    cut = False
    """The data ended by FIN without TLS close_notify."""
    reply = ABORTED
    """What the client is told when the transfer was not whole."""
    _farewell: Farewell | None = None
    """Everything was sent, and the client's end is awaited."""

    secures_within: float
    """Seconds for the TLS handshake."""
    stalls_after: float
    """Seconds without a byte after which a transfer is given up; not less than those for the handshake."""
    timeout: float
    """Seconds between two looks at these, LOOKS of which are the limit of the handshake."""
    _seen = (True, 0)
    """At the last look: whether the handshake went on, and the bytes that had moved."""
    _still = 0
    """Looks since then at which all was the same."""

    # pyftpdlib's own.
    file_obj: Any
    _error: bool
    _idler: Any

    def recv(self, buffer_size: int) -> bytes:
        try:
            data: bytes = super().recv(buffer_size)
        except SSL.SysCallError as error:
            self.cut = error.args == (-1, "Unexpected EOF")
            raise
        return data

    def handle_read(self) -> None:
        """One record for each turn of the loop costs a third of the speed, so recv() gives many."""
        while self._read_records() and self.more_to_tell:
            pass
        if not self._closed:
            acknowledge(self.socket)

    # pyftpdlib makes the same short cut.
    handle_read_event = handle_read

    def _read_records(self) -> bool:
        try:
            chunk = self.recv(self.ac_in_buffer_size)
        except _RetryError:
            return False
        if chunk:
            pieces: Pieces = [chunk, *self.behind()]
            self.tot_bytes_received += sum(map(len, pieces))
            self._store(pieces)
        return bool(chunk) and not self._closed

    def _store(self, pieces: Pieces) -> None:
        try:
            self.file_obj.write(pieces)
        except TooLarge:
            self.abort("552 The file is larger than this server takes.")
        except DiskFull:
            self.abort("426 The disk is full; transfer aborted.")
        except OSError as error:
            self.abort(cut_by(error))

    def initiate_send(self) -> None:
        """Send on until the socket is full, for the same reason as in handle_read.

        Not before the handshake, in the midst of which an empty answer would close the connection.
        """
        if self._ssl_accepting:
            return
        for _ in range(TURN):
            before = self.tot_bytes_sent
            super().initiate_send()
            if self._closed or not self.producer_fifo or self._ssl_want_write or self._ssl_want_read:
                return
            if self.tot_bytes_sent == before and self._sending():
                return

    def _sending(self) -> bool:
        """Whether bytes (and not a producer that is about to give some) stand first in the queue."""
        return isinstance(self.producer_fifo[0], (bytes, bytearray))

    _looking: Any = None

    def handle_close(self) -> None:
        """The other side ended the connection, or everything was sent."""
        if self._closed:
            return None
        if self._farewell is not None:
            return self._part()
        # While TLS is closing the verdict is in; only our own goodbye was still to be sent.
        if not self._ssl_closing:
            self._judge()
        if self.whole and isinstance(self.file_obj, Outgoing) and self.file_obj.export is not None:
            strict = self.cmd_channel.needs_close_notify(self)
            self._farewell = Farewell(self.socket, self.tot_bytes_sent, strict)
            return self._part()
        if self._ssl_closing or not self.whole:
            # An alert "close_notify" would tell a client that what it has is all there is.
            self._error = True
        return self.close()

    def _part(self) -> None:
        """Take leave of the client: an export counts as fetched only when its end was seen."""
        assert self._farewell is not None
        if not self._farewell.said and not self._farewell.say():
            # Wanted, too: pyftpdlib goes back to that at the end of an event.
            self._wanted_io_events = self.ioloop.WRITE
            return self.modify_ioloop_events(self.ioloop.WRITE)
        self._wanted_io_events = self.ioloop.READ
        end = self._farewell.look()
        if end is None:
            return self._await_end()
        self.whole = end == IN_ORDER
        self.reply = end
        self._error = True
        return self.close()

    def _await_end(self) -> None:
        assert self._farewell is not None
        if self._farewell.ended:
            # What has ended is always ready: the loop would spin.
            self.del_channel()
        else:
            self.modify_ioloop_events(self.ioloop.READ)
        if self._looking is None or self._looking.cancelled:
            self._looking = self.ioloop.call_every(LOOK_EVERY, self._look_again, _errback=self.handle_error)

    def _look_again(self) -> None:
        if self._closed:
            self._stop_looking()
        else:
            self._part()

    def _stop_looking(self) -> None:
        if self._looking is not None and not self._looking.cancelled:
            self._looking.cancel()

    def _judge(self) -> None:
        if self.receive:
            self.whole = self._closed_in_order() or (self.cut and not self.cmd_channel.needs_close_notify(self))
        else:
            self.whole = self._initialized and not self.producer_fifo

    def _closed_in_order(self) -> bool:
        tls = isinstance(self.socket, SSL.Connection)
        return tls and bool(self.socket.get_shutdown() & SSL.RECEIVED_SHUTDOWN)

    def handle_timeout(self) -> None:
        """One of the looks by which it is known how long nothing has moved. When it did is not noted with each byte."""
        if self._farewell is not None and self._farewell.said:
            return  # It has a limit of its own.
        seen = (self._ssl_accepting, self.get_transmitted_bytes())
        if self.cmd_channel.working:
            # Until a listing is made the client waits, and it may begin TLS with the reply, which leaves after this.
            self._still = -1
            return
        if seen != self._seen:
            self._seen, self._still = seen, 0
            return
        self._still += 1
        if self._ssl_accepting and self._still >= LOOKS:
            self.abort(f"522 No TLS on the data connection within {self.secures_within:g} seconds.")
        elif self._still * self.timeout >= self.stalls_after:
            self.abort(f"426 Nothing moved for {self.stalls_after} seconds; transfer aborted.")

    def handle_error(self) -> None:
        self.log_exception(self)
        self.abort("426 The transfer failed.")

    def abort(self, reply: str) -> None:
        """End the transfer now, without TLS close_notify."""
        if not self._closed:
            self.whole = False
            self.reply = reply
            self._error = True
            self.close()

    def close(self) -> None:
        if self._closed:
            return
        AsyncChat.close(self)
        if self._idler is not None and not self._idler.cancelled:
            self._idler.cancel()
        self._stop_looking()
        self.cmd_channel.transfer_ended(self)
