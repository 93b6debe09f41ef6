"""The ports on which data connections are awaited."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

KERNEL = Path("/proc/sys/net/ipv4")
TRIES = 16
"""How many ports are tried before the kernel is asked. Even with half of them taken that is once in 65,000 times."""


class DataPorts:
    """Ports picked at random: of `passive_ports`, or of those that the kernel gives to programs that ask for any.

    To ask the kernel is simpler, but its search becomes slow where many connections were closed within the last minute
    (docs/performance.md), which is what small files leave behind. At random and not in turn: a port that can be told
    beforehand is one that somebody else may connect to.
    """

    def __init__(self, given: range | None, kernel: Path = KERNEL) -> None:
        self._given = given is not None
        self._ports: Sequence[int] = _ephemeral(kernel) if given is None else given

    def picks(self) -> Iterator[int]:
        """The ports to try, in their order. All those of a given range; of any at most TRIES, then 0 (the kernel's)."""
        count = len(self._ports)
        # As if they were shuffled, of which no more is done than is asked for.
        moved: dict[int, int] = {}
        for left in range(count, 0 if self._given else max(0, count - TRIES), -1):
            place = secrets.randbelow(left)
            yield self._ports[moved.get(place, place)]
            moved[place] = moved.get(left - 1, left - 1)
        if not self._given:
            yield 0


def _ephemeral(kernel: Path) -> list[int]:
    """Ports that the kernel gives to whoever asks for any. Empty where it does not tell (it does on Linux)."""
    try:
        first, last = (int(word) for word in (kernel / "ip_local_port_range").read_text().split())
        kept = _reserved((kernel / "ip_local_reserved_ports").read_text())
    except (OSError, ValueError):
        return []
    return [port for port in range(first, last + 1) if port not in kept]


def _reserved(listed: str) -> set[int]:
    """`8080,9000-9010` and the like. Raises ValueError."""
    ports: set[int] = set()
    for each in filter(None, listed.strip().split(",")):
        first, _, last = each.partition("-")
        ports.update(range(int(first), int(last or first) + 1))
    return ports
