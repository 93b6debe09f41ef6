"""Ports for the servers of tests."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator

FIRST, SLICE, SLICES = 12_000, 2_500, 8
"""All below 32768, where the kernel's ephemeral ports begin: a server that is killed and started again finds its port
free, because no client's connection was given it meanwhile. Each process of a test run has a slice of its own."""


def _mine() -> Iterator[int]:
    """The ports of this process in turn, from a random one on: another run of tests may be under way."""
    start = FIRST + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % SLICES * SLICE
    # Not the module's generator, which hypothesis seeds.
    offset = random.SystemRandom().randrange(SLICE)
    while True:
        yield start + offset
        offset = (offset + 1) % SLICE


_ports = _mine()


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on, and that no other test is given."""
    return next(port for port in _ports if _is_free(port))


def free_ports(count: int) -> list[int]:
    """Free ports in a row."""
    ports = [free_port() for _ in range(count)]
    return ports if ports[-1] - ports[0] == count - 1 else free_ports(count)


def has_ipv6() -> bool:
    """Not in some containers."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: what is left of former connections (TIME_WAIT) is no reason against it.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
