"""The data connection: always with TLS, on a port of the range or not at all."""

from __future__ import annotations

import errno
import socket
from typing import Any

from pyftpdlib.handlers import TLS_DTPHandler
from pyftpdlib.handlers.ftp.dispatchers import PassiveDTP

from ftps.ending import Ending
from ftps.tls import OwnSteps
from ftps.waits import acknowledge

GLANCE = 0.01
"""Seconds in which a client that is near has connected and sent its command. One timer for all: it wakes the loop."""


class DataChannel(OwnSteps, TLS_DTPHandler, Ending):
    """One data connection, always with TLS."""

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


class PassiveListener(PassiveDTP):
    """Waits for a data connection, on a port of the range or not at all.

    Clients connect, then send their command. The connection is taken when the command has its reply, so that this does
    not wait for that; the loop watches the port for those who come earlier or later.
    """

    _probing = False
    _watched = False

    def __init__(self, cmd_channel: Any, extmode: bool = False) -> None:
        super().__init__(cmd_channel, extmode)
        unwatched = cmd_channel.shared.unwatched
        if not unwatched:
            self.ioloop.call_later(GLANCE, _watch, unwatched)
        unwatched.append(self)

    def add_channel(self, map: Any = None, events: int | None = None) -> None:
        """Called by all that makes a socket; it is watch() that adds it."""

    def del_channel(self, map: Any = None) -> None:
        if self._watched:
            super().del_channel(map)

    def watch(self) -> None:
        if not self._watched:
            self._watched = True
            super().add_channel()

    def look(self) -> None:
        """Take the connection if it is there."""
        self.handle_accept()
        if not self._closed:
            self.watch()

    def bind_af_unspecified(self, addr: tuple[str, int]) -> Any:
        """pyftpdlib binds once, to any port, only to learn the address family."""
        self._probing = True
        try:
            return super().bind_af_unspecified(addr)
        finally:
            self._probing = False

    def bind(self, addr: tuple[str, int]) -> None:
        """To a port of ours, whichever is asked for. Raises RangeUsedUp."""
        if self._probing:
            return
        # Else a port is taken for a minute by each connection that was closed there.
        self.set_reuse_addr()
        for port in self.cmd_channel.data_ports.picks():
            try:
                super().bind((addr[0], port))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EPERM):
                    raise
            else:
                return
        self.close()
        raise RangeUsedUp

    def handle_timeout(self) -> None:
        if self.cmd_channel.connected:
            self.cmd_channel.data_connection_missing()
        self.close()


def _watch(listeners: list[PassiveListener]) -> None:
    for each in listeners:
        if not each._closed:
            each.watch()
    listeners.clear()


class RangeUsedUp(Exception):
    """No port of passive_ports is free (any other is one that a firewall blocks), or no port at all."""
