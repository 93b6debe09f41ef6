"""Rows on their way between two processes, as bytes: columns of text go joined, which is the quickest."""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Sequence
from typing import Any

from imports.batches import Batch, by_cells
from imports.columns import Loaded

_BETWEEN, _NONE = "\x1e", "\0"
"""What stands between texts, and for None: no parameter holds a NUL."""

Numbers = tuple[int, int] | bytes


def pack(batch: Batch, hashes: Sequence[int], loaded: Loaded | None) -> bytes:
    """The rows, their hashes, and what was made of them."""
    cells = list(batch.rows()) if batch.quoted else None
    texts = "\n".join(batch.texts) if cells is None else ""
    read = None
    if loaded is not None:
        read = _numbers(loaded.places), {name: _packed(each) for name, each in loaded.columns.items()}
    return marshal.dumps((batch.delimiter, _numbers(batch.lines), texts, cells, _numbers(hashes), read), 2)


def unpack(data: bytes) -> tuple[Batch, Sequence[int], Loaded | None]:
    delimiter, lines, texts, cells, hashes, read = marshal.loads(data)
    batch = (Batch(delimiter, _unnumbered(lines), texts.split("\n")) if cells is None
             else by_cells(delimiter, _unnumbered(lines), cells))  # fmt: skip
    if read is None:
        return batch, _unnumbered(hashes), None
    places, columns = read
    loaded = Loaded(_unnumbered(places), {name: _unpacked(each) for name, each in columns.items()})
    return batch, _unnumbered(hashes), loaded


def _numbers(numbers: Sequence[int]) -> Numbers:
    return (numbers.start, numbers.stop) if isinstance(numbers, range) else array("q", numbers).tobytes()


def _unnumbered(numbers: Numbers) -> Sequence[int]:
    return range(*numbers) if isinstance(numbers, tuple) else array("q", numbers)


def _packed(column: list[Any]) -> str | list[Any]:
    """A column as one text, if it is nothing but texts and None."""
    if column and set(map(type, column)) <= {str, type(None)}:
        joined = _BETWEEN.join([_NONE if value is None else value for value in column] if None in column else column)
        if joined.count(_BETWEEN) == len(column) - 1:
            return joined
    return column


def _unpacked(column: str | list[Any]) -> list[Any]:
    if not isinstance(column, str):
        return column
    texts: list[Any] = column.split(_BETWEEN)
    return [None if text == _NONE else text for text in texts] if _NONE in column else texts
