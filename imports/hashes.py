"""Which of many texts may be there twice, in eight bytes for each."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import NamedTuple, Self

PART = 1_000_000
"""Hashes that are in a dict together, at about 100 bytes each."""


MOST = 200_000
"""Texts that were there before, at some 300 bytes each. A file of which nearly all is there twice is one by mistake."""


class Twice(NamedTuple):
    """Hashes that were added more than once, and the places of all texts that have one, in the order of adding."""

    hashes: set[int]
    places: set[int]

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]], held: Sequence[int]) -> Self:
        places = set(chain.from_iterable(pairs))
        return cls({held[place] for place in places}, places)


class Hashes:
    """Collects the hashes of texts. Two texts may have one hash, so whoever finds it twice has to look again."""

    def __init__(self) -> None:
        self._held = array("q")

    def add(self, texts: Iterable[str | int]) -> None:
        """Numbers stand in the place of what is no text, and must differ."""
        self._held.extend(map(hash, texts))

    def twice(self) -> Twice | None:
        """What was added more than once; None if that is too much to be kept."""
        parts = -(-len(self._held) // PART)
        pairs = chain.from_iterable(_pairs(self._part(part, parts)) for part in range(parts))
        kept = list(islice(pairs, MOST + 1))
        return Twice.of(kept, self._held) if len(kept) <= MOST else None

    def _part(self, part: int, parts: int) -> Iterable[tuple[int, int]]:
        """(place, hash) of some, among which are all that have one of their hashes."""
        held = enumerate(self._held)
        return held if parts == 1 else ((place, each) for place, each in held if each % parts == part)


def _pairs(hashes: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """The places of hashes that were there before, each with the first place of the same."""
    first = dict[int, int]().setdefault
    return ((place, before) for place, each in hashes if (before := first(each, place)) != place)
