"""The data connection, always with TLS."""

from __future__ import annotations

import socket
from typing import Any

from pyftpdlib.handlers import TLS_DTPHandler

from ftps.ending import Ending
from ftps.tls import OwnSteps
from ftps.waits import acknowledge


class DataChannel(OwnSteps, TLS_DTPHandler, Ending):
    """One data connection."""

    def __init__(self, sock: socket.socket, cmd_channel: Any) -> None:
        acknowledge(sock)
        super().__init__(sock, cmd_channel)
        if not self._ssl_requested:
            self.abort("522 TLS is required on the data connection.")

    def __repr__(self) -> str:
        return f"<data connection of {self.cmd_channel!r}>"

    __str__ = __repr__

    def modify_ioloop_events(self, events: int, logdebug: bool = False) -> None:
        """Not for writing during the handshake: a socket is always ready for it, and the loop would spin."""
        if self._ssl_accepting and not self._ssl_want_write:
            events = self.ioloop.READ
        super().modify_ioloop_events(events, logdebug)

    def readable(self) -> bool:
        return self._farewell is not None or bool(super().readable())

    def writable(self) -> bool:
        return self._farewell is not None or bool(super().writable())

    def handle_read_event(self) -> None:
        if self._farewell is not None:
            self._part()
        else:
            super().handle_read_event()

    def handle_write_event(self) -> None:
        if self._farewell is not None:
            self._part()
        else:
            super().handle_write_event()

    def send(self, data: bytes) -> int:
        """Nothing (an empty listing) is not sent: OpenSSL takes it for the end of the connection."""
        sent: int = super().send(data) if data else 0
        return sent

    def handle_ssl_established(self) -> None:
        # In a resumed session the client's part comes last, and its first data wait for this.
        acknowledge(self.socket)
        if self.producer_fifo:
            # Not in another turn of the loop: there is room for them.
            self.initiate_send()
        if not self._closed and self._farewell is None:
            self.modify_ioloop_events(self._wanted_io_events)

    def handle_error(self) -> None:
        Ending.handle_error(self)

    def handle_failed_ssl_handshake(self) -> None:
        # RFC 4217, section 10.2.
        self.abort("522 The TLS handshake on the data connection failed.")
