"""A file by the stretch of lines: text without quotes is split at once, all other goes through the csv module."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence, Set
from functools import lru_cache
from itertools import compress
from operator import itemgetter
from typing import NamedTuple

from errors import FileProblem
from imports.batches import Batch, by_cells
from imports.encoding import END
from imports.lines import Reading, Source, reading
from imports.text_file import TextFile

BLOCK = 1 << 20
"""Characters that are read together."""

_FIRST = itemgetter(slice(1))


class Spot(NamedTuple):
    """Where a stretch is in the file: its first line and its bytes."""

    line: int
    offset: int
    size: int


class Stretch:
    """What begins in some lines of a file that were read together; to be taken before the next one is read."""

    def __init__(self, opened: Reading, text: str, start: int | None) -> None:
        self._opened, self._text, self._start = opened, text, start
        self.line = opened.line

    @property
    def spot(self) -> Spot | None:
        """Where it is, known when it has been taken; None if text can't be read from there."""
        end = self._opened.offset
        return None if self._start is None or end is None else Spot(self.line, self._start, end - self._start)

    def batches(self) -> Iterator[Batch]:
        """Take the rows."""
        return filter(len, self._batches())

    def _batches(self) -> Iterator[Batch]:
        opened, lines = self._opened, _plain_lines(self._text)
        limit, letters = opened.source.max_record, set(map(_FIRST, lines))
        plain = lines and not opened.header.may_be_in(self._text, letters)
        if plain and (len(self._text) < limit or max(map(len, lines)) < limit):
            yield _split(opened, lines, letters)
        else:
            yield from _by_csv(opened, self._text)

    def columns(self, places: Sequence[int]) -> list[list[str]] | None:
        """Trimmed cells of all rows, found without splitting these; some of the rows may lack other cells.

        None if that does not do: the first of the columns must have a text in each row.
        """
        text, ends = self._text, "\r\n" if "\r" in self._text else "\n"
        if '"' in text or len(text) >= self._opened.source.max_record:
            return None
        lines = text.count("\n") + (not text.endswith("\n"))
        first, last = min(places), max(places)
        delimiter = self._opened.delimiter
        cells = _cells_of(delimiter, first, last, ends).findall(f"{ends}{text.removesuffix(ends)}{ends}")
        if len(cells) != lines:
            return None
        joined = delimiter.join(cells)
        split = joined.split(delimiter)
        found = {place: split[place - first :: last - first + 1] for place in places}
        if " " in joined or not joined.isascii() or not joined.isprintable():
            if END in joined:  # maybe all that a line has
                return None
            found = {place: list(map(str.strip, column)) for place, column in found.items()}
        if not all(found[places[0]]):
            return None
        return [found[place] for place in places]

    def skip(self, rows: int) -> None:
        """Take the rows, which `columns` has found, without looking at them."""
        self._opened.line += rows


def read_stretches(source: Source, delimiter: str, block: int = BLOCK) -> Iterator[Stretch]:
    """What follows the header, in stretches of about `block` characters."""
    with reading(source, delimiter) as opened:
        # The header may go over several lines, and the rows begin behind its last.
        header = opened.records()
        next(header, None)
        header.close()
        yield from _stretches(opened, block)


def read_again(source: Source, delimiter: str, spot: Spot) -> Iterator[Batch]:
    """The rows of a stretch that was taken before."""
    with source.path.open("rb", buffering=0) as file:
        file.seek(spot.offset)
        text = TextFile(io.BytesIO(file.read(spot.size)), source.encoding.removesuffix("-sig"))
    opened = Reading(source._replace(skip=0), delimiter, text)
    opened.line = spot.line
    for stretch in _stretches(opened, spot.size):
        yield from stretch.batches()


def _stretches(opened: Reading, block: int) -> Iterator[Stretch]:
    try:
        start = opened.offset
        while text := opened.block(block):
            yield Stretch(opened, text, start)
            start = opened.offset
    except UnicodeDecodeError as error:
        raise opened.undecodable() from error


@lru_cache
def _cells_of(delimiter: str, first: int, last: int, ends: str) -> re.Pattern[str]:
    """Finds the cells from one place to another, as one text, in each line that stands between `ends`."""
    between = re.escape(delimiter)
    cell = f"[^{between}\r\n]*"
    cells = f"(?:{cell}{between}){{{first}}}({cell}(?:{between}{cell}){{{last - first}}})"
    # Where CRLF ends lines, a lone LF makes one of two lines, and a lone CR none.
    return re.compile(f"{ends}{cells}[^{ends[0]}]*(?={ends})")


def _plain_lines(text: str) -> list[str]:
    """The lines of a text that the csv module would split by the delimiter only; none if there are others."""
    if '"' in text:
        return []
    if "\r" not in text:
        return text.removesuffix("\n").split("\n")
    lines = text.removesuffix("\r\n").split("\r\n")
    if text.count("\r") == text.count("\n") == len(lines) - (not text.endswith("\r\n")):
        return lines
    plain = text.replace("\r\n", "\n")
    return [] if "\r" in plain else plain.removesuffix("\n").split("\n")


def _by_csv(opened: Reading, text: str) -> Iterator[Batch]:
    lines, rows, rest = opened.take(text)
    opened.put_back(rest)
    problem: FileProblem | None = None
    try:
        for record in opened.records(all=False) if rest else ():
            lines.append(record.line)
            rows.append(record.cells)
    except FileProblem as error:  # after the rows before it
        problem = error
    yield by_cells(opened.delimiter, lines, rows)
    if problem is not None:
        raise problem


def _split(opened: Reading, texts: list[str], letters: Set[str]) -> Batch:
    """The rows of lines that begin with `letters`."""
    delimiter, first = opened.delimiter, opened.line
    opened.line += len(texts)
    lines: Sequence[int] = range(first, opened.line)
    # What begins with a letter has text; the others are looked at.
    if "" in letters or not "".join(letters).isalnum():
        told = [text[:1].isalnum() or bool(text.replace(delimiter, " ").replace(END, " ").strip()) for text in texts]
        if not all(told):
            lines, texts = list(compress(lines, told)), list(compress(texts, told))
    return Batch(delimiter, lines, texts)
