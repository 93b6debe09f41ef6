"""Keys of rows that are nothing but the texts of columns: taken by the column, for many rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from imports.reading import Batch, FileShape, Stretch
from schemas import CLEAR


class PlainKey(NamedTuple):
    """A key that is the text of one column, if it has any, and behind a tab that of another one, or a default."""

    column: str
    other: str = ""
    default: str = ""


class PlainKeys:
    """The plain keys of a file's rows."""

    def __init__(self, keys: Iterable[PlainKey], shape: FileShape, index: Mapping[str, int]) -> None:
        self.keys = [key for key in keys if key.column in index]
        self._shape, self._index = shape, index
        # Each once, that of the first key first.
        self._names = list(dict.fromkeys(name for key in self.keys for name in (key.column, key.other)
                                         if name in index))  # fmt: skip

    def of_stretch(self, stretch: Stretch) -> list[list[str]]:
        """By key the text of each row, empty where it has none; nothing if some lack the first key, or it does not do.

        Rows may be among them that have no keys, since the number of their cells is wrong.
        """
        columns = stretch.columns([self._index[name] for name in self._names]) if self.keys else None
        found = self._joined(columns) if columns else []
        return found if found and all(found[0]) else []

    def of_batch(self, batch: Batch) -> list[list[str]]:
        """The same; nothing if the rows do not all have as many cells, or some lack the first key."""
        sizes = batch.sizes() if self.keys else {0}
        if len(sizes) > 1 or not self._shape.width <= max(sizes) <= len(self._shape.columns):
            return []
        columns = batch.columns([self._index[name] for name in self._names])
        found = self._joined([list(map(str.strip, column)) for column in columns])
        return found if all(found[0]) else []

    def _joined(self, columns: Sequence[list[str]]) -> list[list[str]]:
        texts = dict(zip(self._names, map(_cleared, columns), strict=True))
        return [_texts_of(key, texts) for key in self.keys]


def _cleared(texts: list[str]) -> list[str]:
    return ["" if text == CLEAR else text for text in texts] if CLEAR in texts else texts


def _texts_of(key: PlainKey, texts: Mapping[str, list[str]]) -> list[str]:
    own = texts[key.column]
    if not key.other:
        return own
    others = texts.get(key.other) or [""] * len(own)
    others = [other or key.default for other in others] if "" in others else others
    if "" in own:
        return [text and f"{text}\t{other}" for text, other in zip(own, others, strict=True)]
    return list(map("\t".join, zip(own, others, strict=True)))
