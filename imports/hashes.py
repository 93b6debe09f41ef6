"""Which of many texts may be there twice, in eight bytes for each."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

PART = 1_000_000
"""Hashes that are in a set together, at about 64 bytes each."""


class Hashes:
    """Collects the hashes of texts. Two texts may have one hash, so whoever finds it twice has to look again."""

    def __init__(self) -> None:
        self._held = array("q")

    def add(self, texts: Iterable[str | int]) -> None:
        """Numbers stand in the place of what is no text, and must differ."""
        self._held.extend(map(hash, texts))

    def twice(self) -> set[int]:
        """The hashes that were added more than once."""
        parts = -(-len(self._held) // PART)
        return set().union(*map(_twice, (self._part(part, parts) for part in range(parts))))

    def _part(self, part: int, parts: int) -> Iterable[int]:
        return self._held if parts == 1 else (each for each in self._held if each % parts == part)

    def places(self, hashes: set[int]) -> Iterator[int]:
        """Which of the texts, counted in the order in which they came, have one of the hashes."""
        return (place for place, each in enumerate(self._held) if each in hashes)


def _twice(hashes: Iterable[int]) -> list[int]:
    seen = set[int]()
    add = seen.add
    return [each for each in hashes if each in seen or add(each)]
