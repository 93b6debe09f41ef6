"""Reads TLS records into one buffer. pyOpenSSL's recv copies each of them, and has no public way around it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL

log = logging.getLogger("ftpdock.ftps")

AT_ONCE = 31
"""TLS records that are read behind a first one before the other sessions get their turn."""
RECORD = 16 * 1024

Pieces = list[bytes | memoryview]
Read = Callable[[SSL.Connection, Any, int], int]
"""Read up to so many bytes to where a pointer points; raises what Connection.recv raises."""


def _find() -> Read | None:
    """A read by pyOpenSSL's own binding, if it is as it is known here."""
    try:
        binding: Any = SSL._lib
        read_record, check = binding.SSL_read, SSL.Connection._raise_ssl_error

        def read(connection: SSL.Connection, place: Any, most: int) -> int:
            count: int = read_record(connection._ssl, place, most)
            if count <= 0:
                check(connection, connection._ssl, count)
            return count

        _try(read)
    except Exception as error:
        log.info("TLS records are read by the slower way: %r", error)
        return None
    return read


def _try(read: Read) -> None:
    """Raises unless a connection that nobody answers says what it has to say."""
    connection = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD))
    connection.set_connect_state()
    try:
        read(connection, SSL._ffi.from_buffer(bytearray(1)), 1)
    except SSL.WantReadError:
        return
    raise TypeError("nothing to read is no error")


read = _find()
"""None when pyOpenSSL is another one than is known here."""


class Room:
    """Reads into the one buffer of a loop: what was read has to be used before anything else is read."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(AT_ONCE * RECORD))
        self._place = SSL._ffi.from_buffer(self._buffer)
        self._filled = 0

    def fill(self, connection: SSL.Connection) -> None:
        """Read records until there are none, which raises what Connection.recv raises, or a turn is over."""
        assert read is not None
        self._filled = 0
        for _ in range(AT_ONCE):
            self._filled += read(connection, self._place + self._filled, RECORD)

    def taken(self) -> Pieces:
        """What was read, in any case."""
        return [self._buffer[: self._filled]] if self._filled else []


class Heap:
    """The same by the public way: each record is a piece of its own."""

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
    return Room() if read is not None else Heap()
