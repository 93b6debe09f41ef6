"""How a data connection comes about: the client comes to a port of ours (PASV), or is called at its own (PORT)."""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import socket
import sys
from typing import Any

from pyftpdlib.handlers.ftp.dispatchers import ActiveDTP, PassiveDTP

log = logging.getLogger("ftpdock.ftps")

GLANCE = 0.01
"""Seconds in which a client that is near has connected and sent its command. One timer for all: it wakes the loop."""


class PassiveListener(PassiveDTP):
    """Waits for the client's data connection, on a port of the range or not at all.

    Clients connect, then send their command. The connection is taken when the command has its reply, so that this does
    not wait for that; the loop watches the port for those who come earlier or later.
    """

    _probing = False
    _watched = False
    _refused = False
    """A stranger came; one is enough for the log."""

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
        try:
            self.handle_accept()
        except OSError:
            self.handle_error()
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

    def handle_accepted(self, sock: socket.socket, addr: Any) -> None:
        """pyftpdlib tells the client of a stranger's connection, who takes that for the reply to its next command."""
        session = self.cmd_channel
        if not session.connected or addr[0] != session.remote_ip:
            if not self._refused:
                log.warning("%r: data connections from %s are refused", session, addr[0])
            self._refused = True
            return sock.close()
        self.close()
        return begin(session, sock)

    def handle_timeout(self) -> None:
        self.close()
        self.cmd_channel.data_connection_missing()

    def handle_error(self) -> None:
        """No more open files, for one: that is told in a line, as it comes with each data connection."""
        error = sys.exc_info()[1]
        log.error("%r: no data connection can be taken: %s", self.cmd_channel, error,
                  exc_info=not isinstance(error, OSError))  # fmt: skip
        self.close()
        self.cmd_channel.data_connection_missing("425 The data connection can't be taken now. Try again later.")


class ActiveCall(ActiveDTP):
    """Calls the client at its own port (PORT, EPRT). Once it has answered, the connection is the data channel's alone.

    pyftpdlib goes on to hold it: the next PORT, PASV or QUIT would close whichever session has its number by then.
    """

    socket: Any

    def handle_connect(self) -> None:
        session = self.cmd_channel
        if error := self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, os.strerror(error))
        self.del_channel()
        session.respond("200 Active data connection established.")
        if self._closed or not session.connected:
            return self.close()
        connection, self.socket, self._fileno = self.socket, None, None
        self.close()
        session.forget_call(self)
        return begin(session, connection)

    def handle_timeout(self) -> None:
        self._fail(f"425 Nobody answered at {self._normalized_addr} within {self.timeout} seconds.")

    def handle_close(self) -> None:
        self._fail(f"425 Can't connect to {self._normalized_addr}.")

    def _fail(self, reply: str) -> None:
        if self._closed:
            return
        self.close()
        session = self.cmd_channel
        session.forget_call(self)
        if session.connected:
            session.respond(reply)
            session.data_connection_missing()


def as_the_kernel_spells(address: str) -> str:
    """IPv6 addresses may be spelled in many ways, and pyftpdlib compares that of EPRT with the client's as text."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(getattr(found, "ipv4_mapped", None) or found)


def begin(session: Any, connection: socket.socket) -> None:
    """Make it the session's data connection. If it is lost already, a command that waits for it is told."""
    channel = session.dtp_handler(connection, session)
    if channel.connected:
        session.data_channel = channel
        session._on_dtp_connection()
    else:
        session.data_connection_missing("425 The data connection was lost before it was used.")


def _watch(listeners: list[PassiveListener]) -> None:
    for each in listeners:
        if not each._closed:
            each.watch()
    listeners.clear()


class RangeUsedUp(Exception):
    """No port of passive_ports is free (any other is one that a firewall blocks), or no port at all."""
