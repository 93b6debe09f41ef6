"""The rows of a file by the batch, split only when somebody wants their cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, repeat

JOINT = "\x1f"
CLOSE = 512
"""Rows whose cells are split together: those of many more leave the caches before somebody comes back to them."""


class Batch:
    """Rows that follow each other; those without any text are left out, but their lines count."""

    __slots__ = ("_kept", "_rows", "_sizes", "delimiter", "lines", "quoted", "texts")

    def __init__(
        self, delimiter: str, lines: Sequence[int], texts: Sequence[str], rows: Sequence[list[str]] | None = None
    ) -> None:
        """`rows` are the raw cells, or imports.unread; without them the texts need only be split."""
        self.delimiter = delimiter
        self.lines = lines
        """The physical line on which each row starts."""
        self.texts = texts
        """Each row as one text: rows of one file have the same only if they have the same cells."""
        self.quoted = rows is not None
        """Whether it takes more than splitting to get from the texts to the cells."""
        self._rows = rows
        self._sizes: set[int] | None = None
        self._kept: dict[int, list[str]] = {}

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, part: slice) -> Batch:
        found = Batch(
            self.delimiter, self.lines[part], self.texts[part], None if self._rows is None else self._rows[part]
        )
        found._sizes = self._sizes if self._sizes and len(self._sizes) == 1 and len(found) else None
        return found

    def rows(self) -> Sequence[list[str]]:
        """The raw cells of each row, as many as it has."""
        if self._rows is None:
            self._rows = [text.split(self.delimiter) for text in self.texts]
        return self._rows

    def row(self, place: int) -> list[str]:
        return self.texts[place].split(self.delimiter) if self._rows is None else self._rows[place]

    def sizes(self) -> set[int]:
        """How many cells the rows have."""
        if self._sizes is None:
            if self._rows is None:
                self._sizes = {count + 1 for count in set(map(str.count, self.texts, repeat(self.delimiter)))}
            else:
                self._sizes = set(map(len, self._rows))
        return self._sizes

    def columns(self, places: Sequence[int]) -> list[list[str]]:
        """The raw cells of some columns. Raises IndexError: not all rows have them."""
        if kept := self.kept(places):
            return kept
        rows, most = self._rows, max(places, default=-1) + 1
        if rows is not None:
            return [[row[place] for row in rows] for place in places]
        found: list[list[str]] = [[] for _ in places]
        for start in range(0, len(self), CLOSE):
            rows = [text.split(self.delimiter, most) for text in self.texts[start : start + CLOSE]]
            for column, place in zip(found, places, strict=True):
                column += [row[place] for row in rows]
        return found

    def all_columns(self, width: int) -> list[list[str]]:
        """The raw cells of all columns; nothing if some row has not so many."""
        if self._rows is not None:
            return [] if self.sizes() != {width} else [[row[place] for row in self._rows] for place in range(width)]
        # No line end is part of a text, so that those put in between tell whether all rows are as long.
        between = f"{self.delimiter}\n{self.delimiter}"
        cells = between.join(self.texts).split(self.delimiter)
        whole = width + 1
        ends = cells[width::whole]
        if len(cells) != len(self) * whole - 1 or ends.count("\n") != len(ends):
            return []
        return [cells[place::whole] for place in range(width)]

    def keep(self, columns: Mapping[int, list[str]]) -> None:
        """Remember the raw cells of columns, by place, that somebody will ask for."""
        self._kept.update(columns)

    def kept(self, places: Sequence[int]) -> list[list[str]]:
        """The raw cells of columns if all of them are remembered, else nothing."""
        return [self._kept[place] for place in places] if self._kept.keys() >= set(places) else []

    def only(self, places: Sequence[int]) -> Batch:
        """Some of the rows."""
        texts, lines = self.texts, self.lines
        part = Batch(self.delimiter, [lines[place] for place in places], [texts[place] for place in places],
                     self._rows and [self._rows[place] for place in places])  # fmt: skip
        part._sizes = self._sizes if places and self._sizes and len(self._sizes) == 1 else None
        return part

    def parts(self, size: int) -> Iterator[Batch]:
        """Batches of at most `size` rows, as even as can be."""
        for start, end in self.borders(size):
            yield self[start:end]

    def borders(self, size: int) -> Iterator[tuple[int, int]]:
        """Where these begin and end."""
        count = -(-len(self) // size) or 1
        return pairwise(len(self) * number // count for number in range(count + 1))


def by_cells(delimiter: str, lines: Sequence[int], cells: Sequence[list[str]]) -> Batch:
    """Rows that the csv module has split."""
    # Their text stands behind a quote, so that it is no text of a row that needed none.
    texts = ['"' + JOINT.join(each) for each in cells]
    joints = sum(map(len, cells)) - len(cells) + cells.count([])  # what is not read has no cells
    if "".join(texts).count(JOINT) != joints:  # it stands within cells, too
        texts = ['"' + repr(each) for each in cells]
    return Batch(delimiter, lines, texts, cells)
