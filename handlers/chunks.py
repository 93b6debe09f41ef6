"""A batch of rows on its way through a BlockPass, and what is known of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from handlers.blocks import Sight
from handlers.differences import Differences
from handlers.foresight import Seen, unpacked
from imports.ahead import Read
from imports.columns import Loaded
from imports.reading import Batch
from imports.rows import UPDATED, Row


@dataclass(frozen=True, slots=True)
class Outline:
    """What is to become of the rows of a batch, as far as what was seen of the database tells."""

    sight: Sight
    unchanged: list[int]
    """Where rows are whose hash tells that they change nothing."""
    loaded: Loaded
    """The plainly good rows among the others."""
    new: list[bool]
    """Which of `loaded` make a record."""
    fresh: Loaded
    """Those."""
    known: Loaded
    """Those whose record is there."""
    rows: list[Row]
    """All others, validated for the handler."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The same with what the stored records themselves tell."""

    outline: Outline
    differences: Differences
    """How known rows differ from their records."""
    rows: list[Row]
    """All that is left for the handler, validated."""
    version: int
    """The state of the database, as SQLite tells it."""


@dataclass(slots=True)
class Chunk:
    """A batch on its way."""

    first: int
    """The number of its first row."""
    batch: Batch
    hashes: Sequence[int]
    seen: Seen | None
    """What the reader saw."""
    current: bool
    """Whether it holds still, as far as is known."""
    outline: Outline | None = None
    """By what the reader saw."""
    made: Mapping[str, Sequence[Any]] | None = None
    """The records of its fresh rows, with the reader's System IDs."""
    plan: Plan | None = None
    rows: list[Row] = field(default_factory=list)
    """Those that went to the handler."""
    new_ids: Mapping[int, str] | Sequence[str] = ()
    """By place a System ID for each row that may need one, in the order of the file."""
    ids: list[str | None] = field(default_factory=list)
    """System IDs of the others, by place."""
    outcomes: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def parts(self, size: int) -> list[Chunk]:
        """The same rows, before anything was found out about them here, in chunks of at most `size`."""
        if len(self.batch) <= size:
            return [self]
        return [Chunk(self.first + start, self.batch[start:end], self.hashes[start:end],
                      self.seen and self.seen.part(start, end), self.current)
                for start, end in self.batch.borders(size)]  # fmt: skip

    def begin(self) -> None:
        self.ids = [None] * len(self.batch)
        self.outcomes = [""] * len(self.batch)
        self.counts.clear()

    def note(self, places: Sequence[int], ids: Iterable[str], outcome: str) -> None:
        """Say what became of rows."""
        self.counts[outcome] += len(places)
        if len(places) == len(self.batch):
            self.ids, self.outcomes = list(ids), [outcome] * len(places)
            return
        for place, system_id in zip(places, ids, strict=True):
            self.ids[place] = system_id
            self.outcomes[place] = outcome

    def strays(self) -> bool:
        """Whether a row has changed a record that its key did not name: others may find it by that key no more."""
        return any(map(self._strayed, self.rows))

    def _strayed(self, row: Row) -> bool:
        assert self.plan is not None
        return row.outcome == UPDATED and row.system_id != self.plan.outline.sight.ids[row.number - self.first]


def chunk_of(first: int, read: Read) -> Chunk:
    return Chunk(first, read.batch, read.hashes, None if read.seen is None else unpacked(read.seen), read.current)
