"""What keeps TCP from waiting for the other side's timers."""

from __future__ import annotations

import contextlib
import socket
from typing import Any


def acknowledge(connection: Any) -> None:
    """Acknowledge at once what was received.

    Clients with Nagle's algorithm keep their close_notify back until the data before it is acknowledged, which the
    kernel puts off by 40 ms. It has to be asked time and again: it goes back to waiting whenever something is sent.
    """
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
