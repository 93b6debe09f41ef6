"""How the plain rows of an entity find their records and become some, by the column instead of one by one.

This abridges what a handler does with each row; it decides only what is certain. Whatever may be otherwise (a record
that is there and differs, a reference that is unknown, a key that somebody has) goes to the handler as a Row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import eq, not_
from typing import Any, ClassVar

from handlers.base import Context, Handler
from handlers.differences import Differences, differences
from imports import store
from imports.bulk import insert_columns, ready_columns, sorted_by, update_columns
from imports.columns import Loaded
from imports.reading import Batch, FileShape
from models import Record

Names = Mapping[str, Mapping[str, str | None]]
"""By attribute what the cells that refer to something stand for, as a parameter; None where a name is unknown."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the database has about the rows of a batch, place by place. Two that are equal saw the same."""

    ids: Sequence[str | None]
    """The System ID of the record that the row's key names."""
    stored: Sequence[int | None]
    """The hash that this record keeps."""
    hashes: Sequence[int | None]
    """The hash of the row with what it refers to; None: it refers to something unknown, or has no key."""
    keys: Sequence[Sequence[str]]
    """The cells of the handler's key columns for ids.csv, by the column."""
    references: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    """Parameters by attribute of the model; None for an empty cell."""
    named: Names = field(default_factory=dict, compare=False)
    """What the cells that refer to something stand for, by attribute; of a part of a batch, what those of all do."""
    addresses: Sequence[Any] = field(default=(), compare=False)
    """Where the records lie, as store.ADDRESS says, or nothing; of a reader only those that its row may change."""

    def part(self, start: int, end: int) -> Sight:
        """What was seen of the rows from one place to another."""
        rows = slice(start, end)
        return Sight(self.ids[rows], self.stored[rows], self.hashes[rows], [each[rows] for each in self.keys],
                     {name: each[rows] for name, each in self.references.items()}, self.named,
                     self.addresses[rows])  # fmt: skip

    def ids_at(self, places: Iterable[int]) -> list[str]:
        """The System IDs of records that were found."""
        found = [self.ids[place] for place in places]
        assert None not in found
        return found  # type: ignore[return-value]

    def addresses_at(self, places: Sequence[int]) -> list[Any]:
        """Where their records lie, None where that was not seen."""
        return [self.addresses[place] for place in places] if self.addresses else [None] * len(places)

    def known(self) -> list[bool]:
        """For each row whether it has a record, and refers to nothing that is unknown."""
        return [found is not None and own is not None for found, own in zip(self.ids, self.hashes, strict=True)]

    def unchanged(self) -> list[bool]:
        """For each row whether its record was made from the same row, and nothing has changed it since."""
        if None not in self.hashes:
            return list(map(eq, self.hashes, self.stored))
        return [own is not None and own == known for own, known in zip(self.hashes, self.stored, strict=True)]

    def nothing_found(self) -> bool:
        """Whether no row has a record."""
        return not any(self.ids)

    def open_places(self) -> Sequence[int]:
        """Where rows are that may change something."""
        if self.nothing_found():
            return range(len(self.ids))
        return list(compress(range(len(self.ids)), map(not_, self.unchanged())))


class Blocks:
    """Base of the rules. They hold for one file."""

    handler: ClassVar[type[Handler]]
    columns: ClassVar[frozenset[str]] = frozenset()
    """Columns that the file must have."""
    without: ClassVar[frozenset[str]] = frozenset()
    """Columns that it must not have."""
    sorts: ClassVar[str]
    """The attribute by which an index sorts the records of an account."""
    refers: ClassVar[tuple[str, ...]] = ()
    """Columns that refer to something whose names `look` looks up."""
    keys: ClassVar[frozenset[str]]
    """Attributes that a row which is found by them can't change as easily as others."""

    def __init__(self, shape: FileShape, context: Context) -> None:
        self.context, self.shape = context, shape
        self._places = {column.name: place for place, column in enumerate(shape.columns) if column.kind == "fixed"}

    @property
    def looked_at(self) -> list[int]:
        """Where the columns are of which `look` takes the cells."""
        names = (*self.handler.key_columns, *self.refers)
        return [self._places[name] for name in names if name in self._places]

    def look(self, batch: Batch, hashes: Sequence[int]) -> Sight:
        """Find what is stored about the rows, whose own hashes are given."""
        raise NotImplementedError

    def resolve(self, texts: Mapping[str, Iterable[str]]) -> Names:
        """What cells, by attribute, stand for now. Nothing of what the database itself guards."""
        return {}

    def fresh(self, loaded: Loaded, sight: Sight) -> list[bool]:
        """For each loaded row whether it surely makes a new record."""
        new = [sight.ids[place] is None and sight.hashes[place] is not None for place in loaded.places]
        for column in self.context.needed if any(new) else ():
            given = loaded.columns.get(self.context.attributes[column])
            if given is None:
                return [False] * len(new)
            new = [one and value is not None for one, value in zip(new, given, strict=True)] if None in given else new
        return new

    def made(self, loaded: Loaded, sight: Sight, ids: Sequence[str]) -> Mapping[str, Sequence[Any]]:
        """The columns of the records that fresh rows make, with these System IDs, for `insert`; asks no database."""
        places, model = loaded.places, self.handler.model
        columns: dict[str, Sequence[Any]] = {"system_id": ids, "row_hash": [sight.hashes[place] for place in places]}
        references = {name: [each[place] for place in places] for name, each in sight.references.items()}
        given = {name: each for name, each in loaded.columns.items() if name in model._meta.fields}
        constants = self._constants()
        for name, values in (given | references).items():
            columns[name] = _filled(values, constants[name], model, name)
        return ready_columns(sorted_by(columns[self.sorts], columns))

    def insert(self, columns: Mapping[str, Sequence[Any]], meanwhile: Callable[[], None] = lambda: None) -> None:
        """Make records of what was `made`; see `insert_columns` for `meanwhile`."""
        constants = {name: value for name, value in self._constants().items() if name not in columns}
        insert_columns(self.handler.model, columns, constants, meanwhile)

    def _constants(self) -> dict[str, Any]:
        """What attributes are in records that know no better."""
        return store.fresh(self.handler.model, self.context.moment) | {"account": self.context.account}

    def compare(self, loaded: Loaded, sight: Sight) -> Differences:
        """How loaded rows, all of which found a record and refer to nothing unknown, differ from it."""
        fields = self.handler.model._meta.fields
        given: dict[str, Sequence[Any]] = {name: each for name, each in loaded.columns.items() if name in fields}
        given |= {name: [each[place] for place in loaded.places] for name, each in sight.references.items()}
        return differences(self.handler.model, self.context.schema, self.context.account,
                           sight.ids_at(loaded.places), sight.addresses_at(loaded.places), given,
                           self.keys)  # fmt: skip

    def update(self, known: Sequence[int], found: Differences, sight: Sight) -> None:
        """Store what was `found` to change the records of the rows at the `known` places."""
        if found.changed:
            columns = {**found.columns, **self._marks(known, found, found.changed, sight)}
            update_columns(self.handler.model, sorted_by(columns["system_id"], columns),
                           {"updated_at": self.context.moment})  # fmt: skip
        forgotten = [each for each in found.same if sight.stored[known[each]] is None]
        if forgotten:  # these records change by nothing but that they remember their rows
            update_columns(self.handler.model, self._marks(known, found, forgotten, sight), {})

    @staticmethod
    def _marks(
        known: Sequence[int], found: Differences, some: Sequence[int], sight: Sight
    ) -> Mapping[str, Sequence[Any]]:
        """Of some of the known rows the hash, and which record it is for."""
        places = [known[each] for each in some]
        return {"row_hash": [sight.hashes[place] for place in places], "system_id": sight.ids_at(places),
                store.ADDRESS: [found.addresses[each] for each in some]}  # fmt: skip

    def texts(self, batch: Batch, *columns: str) -> list[list[str]]:
        """The trimmed cells of columns; empty ones for rows, or a file, that do not have them."""
        known = {column: self._places[column] for column in columns if column in self._places}
        try:
            cells = [list(map(str.strip, each)) for each in batch.columns(list(known.values()))]
        except IndexError:
            cells = [
                [row[place].strip() if len(row) > place else "" for row in batch.rows()] for place in known.values()
            ]
        found = dict(zip(known, cells, strict=True))
        return [found[column] if column in found else [""] * len(batch) for column in columns]


def _filled(values: Sequence[Any], default: Any, model: type[Record], name: str) -> Sequence[Any]:
    """With the default in place of None."""
    if default is None or None not in values:
        return values
    parameter = store.one_parameter(model._meta.fields[name], default)
    return [parameter if value is None else value for value in values]
