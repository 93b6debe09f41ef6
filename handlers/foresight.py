"""What the process that reads ahead finds in the database about plain rows, for whoever writes them."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import models
from handlers.base import Context
from handlers.blocks import Blocks, Sight
from imports.ahead import Task
from imports.columns import ColumnLoader, Loaded
from imports.frames import (
    Packed,
    pack_loaded,
    pack_numbers,
    unpack_loaded,
    unpack_numbers,
)
from imports.reading import Batch
from models import new_system_ids

PATIENCE = 2000
"""Milliseconds for which it waits for somebody who takes a whole table, as ALTER TABLE does."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a batch, before whoever writes comes to it."""

    sight: Sight
    loaded: Loaded
    """The plainly good rows among those whose hash tells nothing."""
    new: list[bool]
    """Which of them make a record."""
    ids: list[str]
    """New System IDs for all rows of the batch if most of them make a record, else none."""

    def part(self, start: int, end: int) -> Seen:
        """What was seen of the rows from one place to another."""
        first, last = (bisect_left(self.loaded.places, place) for place in (start, end))
        return Seen(self.sight.part(start, end), self.loaded.part(first, last, start), self.new[first:last],
                    self.ids[start:end])  # fmt: skip


def see(blocks: Blocks, loader: ColumnLoader, batch: Batch, hashes: Sequence[int], *, first: bool = False) -> Seen:
    """Look at the rows of a batch as the database is now. `first`: load them before, since all seem to be new."""
    early = loader.load_all(batch, blocks.looked_at) if first else None
    sight = blocks.look(batch, hashes)
    loaded = loader.load(batch, sight.open_places()) if early is None else _opened(early, sight)
    new = blocks.fresh(loaded, sight)
    return Seen(sight, loaded, new, new_system_ids(len(batch)) if sum(new) > len(batch) // 2 else [])


def _opened(loaded: Loaded, sight: Sight) -> Loaded:
    """Of all rows those that may change something."""
    if sight.nothing_found():
        return loaded
    return loaded.only(loaded.among(set(sight.open_places())))


@dataclass
class Looking:
    """Looks at rows by the rules of `blocks`, with a connection of its own."""

    url: str
    blocks: type[Blocks]
    account: int
    started: dt.datetime
    _begun: tuple[Blocks, ColumnLoader] | None = field(default=None, init=False)
    _new: bool = field(default=False, init=False)
    """Whether none of the rows that were seen last had a record: then the next are loaded first, and split but once."""
    _same: bool = field(default=False, init=False)
    """Whether most of them were unchanged: then there is little to do but to look, which whoever writes can, too."""
    near: bool = field(default=False, init=False)
    """Whether most of them change their records, whose pages the server should still have when they are written."""

    def see(self, task: Task, batch: Batch, hashes: Sequence[int], *, awaited: bool) -> Packed:
        if awaited and self._same:
            self._same = False  # no two in a row: it is seen soon when they are not unchanged any more
            return None
        if self._begun is None:
            models.bind(self.url).connect()
            models.by_keys(always=True)
            if models.is_postgres():  # or it might wait for who waits for whoever writes, who waits for it
                models.database.execute_sql(f"SET lock_timeout = {PATIENCE}")
            context = Context(self.account, task.schema(formats=task.formats), started=self.started)
            self._begun = self.blocks(task.shape, context), task.loader()
        seen = see(*self._begun, batch, hashes, first=self._new)
        self._new = seen.sight.nothing_found()
        opened = 0 if self._new else len(seen.sight.open_places())
        self._same = not self._new and opened * 10 < len(batch)
        self.near = opened * 2 > len(batch)
        return packed(seen)


def packed(seen: Seen) -> Packed:
    sight = seen.sight
    records = None
    if not sight.nothing_found():
        opened = list(sight.open_places())
        records = sight.ids, pack_numbers(sight.stored), opened, sight.addresses_at(opened)
    return (records, pack_numbers(sight.hashes), sight.references, sight.keys, sight.named,
            pack_loaded(seen.loaded), seen.new, seen.ids)  # fmt: skip


def unpacked(data: Packed) -> Seen:
    records, hashes, references, keys, named, loaded, new, new_ids = data
    own = unpack_numbers(hashes)
    nothing: list[None] = [None] * len(own)
    if records is None:
        return Seen(Sight(nothing, nothing, own, keys, references, named), unpack_loaded(loaded), new, new_ids)
    ids, stored, opened, there = records
    addresses: list[Any] = nothing
    for place, address in zip(opened, there, strict=True):
        addresses[place] = address
    sight = Sight(ids, unpack_numbers(stored), own, keys, references, named, addresses)
    return Seen(sight, unpack_loaded(loaded), new, new_ids)
