"""TLS records by pyOpenSSL's own binding, past its copies and calls, to which it has no public way around."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from OpenSSL import SSL

log = logging.getLogger("ftpdock.ftps")

AT_ONCE = 31
"""TLS records that are read behind a first one before the other sessions get their turn."""
RECORD = 16 * 1024
PIECE = 256 * 1024
"""Bytes of a file that are read at a time."""
STRETCH = 64 * 1024
"""Bytes that OpenSSL is given with one call. While the socket is full nobody knows how many of them have left."""

Pieces = list[bytes | memoryview]


@dataclass(frozen=True, slots=True)
class Binding:
    """What is used of pyOpenSSL that it does not show."""

    read: Callable[[Any, Any, int], int]
    """SSL_read and SSL_write: the connection, a place in memory, bytes; what is not positive is an error."""
    write: Callable[[Any, Any, int], int]
    check: Callable[[SSL.Connection, Any, int], None]
    """Raises what Connection.recv or send would raise for such a result."""


def _find() -> Binding | None:
    """The binding, if it is as it is known here."""
    try:
        library: Any = SSL._lib
        found = Binding(library.SSL_read, library.SSL_write, SSL.Connection._raise_ssl_error)
        for step in (found.read, found.write):
            _try(found, step)
    except Exception as error:
        log.info("TLS records go the slower way: %r", error)
        return None
    return found


def _try(binding: Binding, step: Callable[[Any, Any, int], int]) -> None:
    """Raises unless a connection that nobody answers says what it has to say."""
    connection = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD))
    connection.set_connect_state()
    try:
        binding.check(connection, connection._ssl, step(connection._ssl, SSL._ffi.from_buffer(bytearray(1)), 1))
    except SSL.WantReadError:
        return
    raise TypeError("a connection without an answer is no error")


binding = _find()
"""None when pyOpenSSL is another one than is known here."""


class Room:
    """The one buffer of a loop: what lies in it has to be used before anything else is read."""

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        data = bytearray(AT_ONCE * RECORD)
        self._buffer = memoryview(data)
        self._piece = self._buffer[:PIECE]
        # Of the bytes, not of a view: until 3.12.7 Python crashes when it collects a view that has users (gh-77894).
        self._place = SSL._ffi.from_buffer(data)
        self._filled = 0

    def fill(self, connection: SSL.Connection) -> None:
        """Read records until there are none, which raises what Connection.recv raises, or a turn is over."""
        read, ssl, place, filled = self._binding.read, connection._ssl, self._place, 0
        self._filled = 0
        try:
            for _ in range(AT_ONCE):
                count = read(ssl, place + filled, RECORD)
                if count <= 0:
                    self._binding.check(connection, ssl, count)
                filled += count
        finally:
            self._filled = filled

    def taken(self) -> Pieces:
        """What was read, in any case."""
        return [self._buffer[: self._filled]] if self._filled else []

    def send(self, connection: SSL.Connection, file: io.RawIOBase) -> tuple[int, bytes, SSL.Error | OSError | None]:
        """Send a piece of a file: bytes that left, those that did not, and what stopped them.

        No bytes at all are the end of the file. Raises the OSError of the file.
        """
        write, ssl, place, sent = self._binding.write, connection._ssl, self._place, 0
        count = file.readinto(self._piece) or 0
        try:
            while sent < count:
                done = write(ssl, place + sent, min(STRETCH, count - sent))
                if done <= 0:
                    self._binding.check(connection, ssl, done)
                sent += done
        except (SSL.Error, OSError) as error:
            return sent, bytes(self._piece[sent:count]), error
        return sent, b"", None


class Heap:
    """Reads by the public way: each record is a piece of its own."""

    def __init__(self) -> None:
        self._pieces: Pieces = []

    def fill(self, connection: SSL.Connection) -> None:
        self._pieces = []
        for _ in range(AT_ONCE):
            self._pieces.append(connection.recv(RECORD))

    def taken(self) -> Pieces:
        pieces, self._pieces = self._pieces, []
        return pieces


def room() -> Room | Heap:
    """For one loop."""
    return Heap() if binding is None else Room(binding)
