"""The rows of a file by the batch: text without quotes is split at once, all other goes through the csv module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress, pairwise

from errors import FileProblem
from imports.lines import Reading, Record, Source, reading

BLOCK = 1 << 20
"""Characters that are read together."""

JOINT = "\x1f"


class Batch:
    """Rows that follow each other; those without any text are left out, but their lines count."""

    __slots__ = ("_rows", "_sizes", "delimiter", "lines", "quoted", "texts")

    def __init__(
        self, delimiter: str, lines: Sequence[int], texts: Sequence[str], rows: Sequence[list[str]] | None = None
    ) -> None:
        """`rows` are the raw cells; without them the texts need only be split."""
        self.delimiter = delimiter
        self.lines = lines
        """The physical line on which each row starts."""
        self.texts = texts
        """Each row as one text: rows of one file have the same only if they have the same cells."""
        self.quoted = rows is not None
        """Whether it takes more than splitting to get from the texts to the cells."""
        self._rows = rows
        self._sizes: set[int] | None = None

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, part: slice) -> Batch:
        return Batch(
            self.delimiter, self.lines[part], self.texts[part], None if self._rows is None else self._rows[part]
        )

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
            counts = (
                (text.count(self.delimiter) + 1 for text in self.texts) if self._rows is None else map(len, self._rows)
            )
            self._sizes = set(counts)
        return self._sizes

    def columns(self, places: Sequence[int]) -> list[list[str]]:
        """The raw cells of some columns, which all rows have."""
        rows, most = self._rows, max(places, default=-1) + 1
        if rows is None and self._sizes == {most}:
            cells = self.delimiter.join(self.texts).split(self.delimiter)
            return [cells[place::most] for place in places]
        if rows is None:
            rows = [text.split(self.delimiter, most) for text in self.texts]
        return [[row[place] for row in rows] for place in places]

    def only(self, places: Sequence[int]) -> Batch:
        """Some of the rows."""
        texts, lines = self.texts, self.lines
        part = Batch(self.delimiter, [lines[place] for place in places], [texts[place] for place in places],
                     self._rows and [self._rows[place] for place in places])  # fmt: skip
        part._sizes = self._sizes if places and len(self.sizes()) == 1 else None
        return part

    def parts(self, size: int) -> Iterator[Batch]:
        """Batches of at most `size` rows, as even as can be."""
        count = -(-len(self) // size) or 1
        borders = [len(self) * number // count for number in range(count + 1)]
        for start, end in pairwise(borders):
            yield self[start:end]


def read_batches(source: Source, delimiter: str, block: int = BLOCK) -> Iterator[Batch]:
    """What follows the header, in batches of about `block` characters."""
    with reading(source, delimiter) as opened:
        # The header may go over several lines, and the rows begin behind its last.
        header = opened.records()
        next(header, None)
        header.close()
        try:
            while text := opened.block(block):
                yield from filter(len, _batches(opened, text))
        except UnicodeDecodeError as error:
            raise opened.undecodable() from error


def _batches(opened: Reading, text: str) -> Iterator[Batch]:
    if '"' not in text:
        plain = text.replace("\r\n", "\n") if "\r" in text else text
        lines = plain.removesuffix("\n").split("\n")
        if "\r" not in plain and max(map(len, lines)) < opened.source.max_record:
            yield _split(opened, lines)
            return
    opened.put_back(text)
    yield from _by_csv(opened)


def _by_csv(opened: Reading) -> Iterator[Batch]:
    records: list[Record] = []
    problem: FileProblem | None = None
    try:
        records.extend(opened.records(all=False))
    except FileProblem as error:  # after the rows before it
        problem = error
    yield by_cells(opened.delimiter, [record.line for record in records], [record.cells for record in records])
    if problem is not None:
        raise problem


def by_cells(delimiter: str, lines: Sequence[int], cells: Sequence[list[str]]) -> Batch:
    """Rows that the csv module has split."""
    # Their text stands behind a quote, so that it is no text of a row that needed none.
    texts = ['"' + JOINT.join(each) for each in cells]
    if "".join(texts).count(JOINT) != sum(map(len, cells)) - len(cells):  # it stands within cells, too
        texts = ['"' + repr(each) for each in cells]
    return Batch(delimiter, lines, texts, cells)


def _split(opened: Reading, texts: list[str]) -> Batch:
    delimiter, first = opened.delimiter, opened.line
    opened.line += len(texts)
    lines: Sequence[int] = range(first, opened.line)
    # What begins with a letter has text; the others are looked at.
    told = [text[:1].isalnum() or bool(text.replace(delimiter, " ").strip()) for text in texts]
    if not all(told):
        lines, texts = list(compress(lines, told)), list(compress(texts, told))
    return Batch(delimiter, lines, texts)
