"""What a row of a file was, in 64 bits: a record that was made from the same row needs no second look."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version

from imports.reading import FileShape
from schemas import TemplateSchema

_UNPACK: Callable[..., int] = int.from_bytes


class RowHasher:
    """Hashes the rows of one file together with all that decides what they mean."""

    def __init__(self, schema: TemplateSchema, shape: FileShape) -> None:
        columns = [(column.kind, column.name, column.open_prefix, column.open_name) for column in shape.columns]
        # Another version may read the same row otherwise.
        meaning = (version("ftpdock"), type(schema).__qualname__, schema.formats, shape.delimiter, columns)
        self._key = _digest(repr(meaning).encode(), 32)

    def of(self, texts: Iterable[str]) -> list[int]:
        """The hash of each row, a signed number of 64 bits, from its text in a Batch."""
        key = self._key
        digests = (blake2b(text.encode(errors="surrogatepass"), digest_size=8, key=key).digest() for text in texts)
        return [_UNPACK(digest, "big", signed=True) for digest in digests]


@lru_cache(10_000)
def of_reference(attribute: str, resolved: str) -> int:
    """The part of what a row refers to, which is combined by ^ with the row's own hash."""
    return _UNPACK(_digest(f"{attribute}\0{resolved}".encode(), 8), "big", signed=True)


def _digest(data: bytes, size: int) -> bytes:
    return blake2b(data, digest_size=size).digest()
