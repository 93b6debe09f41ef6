"""Rows on their way between two processes, as bytes.

marshal, which both sides have of one Python, is cheaper for a list of texts than to join and to split them.
"""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, overload

from imports.batches import Batch, by_cells
from imports.columns import Loaded
from imports.unread import as_plain, from_plain

Packed = Any
"""What marshal takes."""


class Lines(Sequence[str]):
    """Lines that are cut out of one text when somebody wants them: mostly one in a hundred is."""

    def __init__(self, text: str, ends: bytes) -> None:
        """`ends` tells by 32 bits where each ends, and the line end behind it."""
        self._text, self._ends = text, array("I", ends)

    @staticmethod
    def packed(lines: Sequence[str]) -> tuple[str, bytes]:
        """What makes the same lines again."""
        return "\n".join(lines), array("I", accumulate([len(line) + 1 for line in lines])).tobytes()

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[str]:
        return iter(self._text.split("\n") if self._ends else ())

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...

    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, int):
            return self._between(place := range(len(self))[place], place + 1)
        start, end, step = place.indices(len(self))
        return self._between(start, end).split("\n")[::step] if start < end and step > 0 else []

    def _between(self, start: int, end: int) -> str:
        begin = self._ends[start - 1] if start else 0
        return self._text[begin : self._ends[end - 1] - 1]


def pack(batch: Batch, hashes: Sequence[int], seen: Packed) -> bytes:
    """The rows, their hashes, and what was found out about them."""
    cells = list(map(as_plain, batch.rows())) if batch.quoted else None
    texts = Lines.packed(batch.texts) if cells is None else None
    return marshal.dumps((batch.delimiter, _numbers(batch.lines), texts, cells, _numbers(hashes), seen))


def unpack(data: bytes | bytearray) -> tuple[Batch, Sequence[int], Packed]:
    delimiter, lines, texts, cells, hashes, seen = marshal.loads(data)
    batch = (Batch(delimiter, _unnumbered(lines), Lines(*texts)) if cells is None
             else by_cells(delimiter, _unnumbered(lines), list(map(from_plain, cells))))  # fmt: skip
    return batch, _unnumbered(hashes), seen


def pack_loaded(loaded: Loaded) -> Packed:
    return _numbers(loaded.places), dict(loaded.columns)


def unpack_loaded(packed: Packed) -> Loaded:
    places, columns = packed
    return Loaded(_unnumbered(places), columns)


def pack_numbers(numbers: Sequence[int | None]) -> Packed:
    """64 bits each; where there is none is told apart."""
    if None not in numbers:
        return array("q", numbers).tobytes(), []  # type: ignore[type-var]
    if not any(map(_is_number, numbers)):
        return len(numbers), []
    gaps = [place for place, number in enumerate(numbers) if number is None]
    return array("q", [number or 0 for number in numbers]).tobytes(), gaps


def unpack_numbers(packed: Packed) -> list[int | None]:
    data, gaps = packed
    if isinstance(data, int):
        return [None] * data
    numbers: list[int | None] = list(array("q", data))
    for place in gaps:
        numbers[place] = None
    return numbers


def _is_number(value: int | None) -> bool:
    return value is not None


def _numbers(numbers: Sequence[int]) -> tuple[int, int] | bytes:
    return (numbers.start, numbers.stop) if isinstance(numbers, range) else array("q", numbers).tobytes()


def _unnumbered(numbers: tuple[int, int] | bytes) -> Sequence[int]:
    return range(*numbers) if isinstance(numbers, tuple) else array("q", numbers)
