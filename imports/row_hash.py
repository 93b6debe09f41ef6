"""What a row of a file was, in 64 bits: a record that was made from the same row needs no second look."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from struct import unpack

from imports.reading import FileShape
from schemas import TemplateSchema

_ALGORITHM = "blake2b of 64 bits by person"
"""Also a hash that was made in another way is that of another row."""

_UNPACK: Callable[..., int] = int.from_bytes


_MEANING = ("handlers", "imports", "models", "schemas")
"""The packages that decide what a row means and what becomes of it."""


@lru_cache
def release() -> str:
    """What this ftpdock is: its version, and its sources, which may change between two versions."""
    from importlib.metadata import version  # takes a while to load, and who reads ahead is told

    return f"{version('ftpdock')} {sources(Path(__file__).parents[1])}"


def sources(root: Path) -> str:
    """Of the packages in this folder that decide what a row means, as a digest."""
    digest = blake2b(digest_size=8)
    for package in _MEANING:
        for path in sorted((root / package).glob("*.py")):
            content = path.read_bytes()
            digest.update(f"{package}/{path.name} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


class RowHasher:
    """Hashes the rows of one file together with all that decides what they mean."""

    def __init__(self, schema: TemplateSchema, shape: FileShape, release: str) -> None:
        columns = [(column.kind, column.name, column.open_prefix, column.open_name) for column in shape.columns]
        # Another state of ftpdock may read the same row otherwise.
        meaning = (_ALGORITHM, release, type(schema).__qualname__, schema.formats, shape.delimiter, columns)
        self._empty = blake2b(digest_size=8, person=_digest(repr(meaning).encode(), blake2b.PERSON_SIZE))

    def of(self, texts: Iterable[str]) -> list[int]:
        """The hash of each row, a signed number of 64 bits, from its text in a Batch."""
        begin, digests = self._empty.copy, list[bytes]()
        for text in texts:
            row = begin()
            row.update(text.encode("utf-8", "surrogatepass"))
            digests.append(row.digest())
        return list(unpack(f">{len(digests)}q", b"".join(digests)))


@lru_cache(10_000)
def of_reference(attribute: str, resolved: str) -> int:
    """The part of what a row refers to, which is combined by ^ with the row's own hash."""
    return _UNPACK(_digest(f"{attribute}\0{resolved}".encode(), 8), "big", signed=True)


def _digest(data: bytes, size: int) -> bytes:
    return blake2b(data, digest_size=size).digest()
