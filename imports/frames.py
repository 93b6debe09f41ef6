"""Rows on their way between two processes, as bytes: columns go joined, or as numbers of what is there often."""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Sequence
from typing import Any

from imports.batches import Batch, by_cells
from imports.columns import Loaded

_BETWEEN, _NONE = "\x1e", "\0"
"""What stands between texts, and for None: no parameter holds a NUL."""
_FEW = 256
"""Different values that one byte can tell apart."""
_SAMPLE = 512
_TEXTS = frozenset({str, type(None)})

Packed = Any
"""What marshal takes."""


def pack(batch: Batch, hashes: Sequence[int], seen: Packed) -> bytes:
    """The rows, their hashes, and what was found out about them."""
    cells = list(batch.rows()) if batch.quoted else None
    texts = "\n".join(batch.texts) if cells is None else ""
    return marshal.dumps((batch.delimiter, _numbers(batch.lines), texts, cells, _numbers(hashes), seen), 2)


def unpack(data: bytes | bytearray) -> tuple[Batch, Sequence[int], Packed]:
    delimiter, lines, texts, cells, hashes, seen = marshal.loads(data)
    batch = (Batch(delimiter, _unnumbered(lines), texts.split("\n")) if cells is None
             else by_cells(delimiter, _unnumbered(lines), cells))  # fmt: skip
    return batch, _unnumbered(hashes), seen


def pack_loaded(loaded: Loaded) -> Packed:
    return _numbers(loaded.places), {name: pack_column(each) for name, each in loaded.columns.items()}


def unpack_loaded(packed: Packed) -> Loaded:
    places, columns = packed
    return Loaded(_unnumbered(places), {name: unpack_column(each) for name, each in columns.items()})


def pack_column(column: Sequence[Any]) -> Packed:
    """A column of a table. Texts that repeat go as numbers, other texts as one; what is no text goes as it is."""
    if not column or not set(map(type, column)) <= _TEXTS:
        return list(column)
    if len(set(column[:_SAMPLE])) <= _FEW and len(values := dict.fromkeys(column)) <= _FEW:
        numbers = {value: number for number, value in enumerate(values)}
        return list(values), bytes(map(numbers.__getitem__, column))
    joined = _BETWEEN.join([_NONE if value is None else value for value in column] if None in column else column)
    return joined if joined.count(_BETWEEN) == len(column) - 1 else list(column)


def unpack_column(packed: Packed) -> list[Any]:
    if isinstance(packed, list):
        return packed
    if isinstance(packed, tuple):
        values, numbers = packed
        return list(map(values.__getitem__, numbers))
    texts: list[Any] = packed.split(_BETWEEN)
    return [None if text == _NONE else text for text in texts] if _NONE in packed else texts


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
