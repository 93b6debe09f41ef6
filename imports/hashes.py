"""Which of many texts may be there twice, in eight bytes for each."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import pairwise

PART = 1_000_000
"""Hashes that are sorted together: sorting makes objects of them, of 32 bytes."""


class Hashes:
    """Collects the hashes of texts. Two texts may have one hash, so whoever finds it twice has to look again."""

    def __init__(self) -> None:
        self._held = array("q")

    def add(self, texts: Iterable[str | int]) -> None:
        """Numbers stand in the place of what is no text, and must differ."""
        self._held.extend(map(hash, texts))

    def twice(self) -> set[int]:
        """The hashes that were added more than once."""
        parts = len(self._held) // PART + 1
        found: set[int] = set()
        for part in range(parts):
            ordered = sorted(self._held if parts == 1 else [each for each in self._held if each % parts == part])
            found.update(one for one, other in pairwise(ordered) if one == other)
        return found

    def places(self, hashes: set[int]) -> Iterator[int]:
        """Which of the texts, counted in the order in which they came, have one of the hashes."""
        return (place for place, each in enumerate(self._held) if each in hashes)
