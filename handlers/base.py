"""What a handler is: the rules by which the rows of one entity find their records and become part of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, ClassVar, TypeVar

from imports import store
from imports.rows import CREATED, UNCHANGED, UPDATED, Row, lines_named, live
from imports.scan import Key, Texts
from models import Record, new_system_id, now
from schemas import TemplateSchema
from schemas.fields import CellField

__all__ = ["Context", "Handler", "Row", "batched"]

Item = TypeVar("Item")


@dataclass
class Context:
    """What a handler knows while it works: whose file it is, by which schema, and what it wants to remember."""

    account: int
    """The account's database id."""
    schema: TemplateSchema
    dry_run: bool = False
    """What is written will be rolled back at the end of each chunk."""
    started: dt.datetime = field(default_factory=now)
    """When the run was begun, before any kill: what was made later may be its own."""
    memory: dict[str, Any] = field(default_factory=dict)
    """For the handler, for the length of one run over one file; a run that goes on after a kill starts with none."""


class Entangled(Exception):
    """What a row of a chunk means depends on what another one does: they are to be written one after the other."""


class Handler:
    """Base of the handlers. A subclass names its schema and model and overrides what its entity does otherwise.

    A chunk goes through `process`: `find` (keys to stored records), `refer` (references to other records), then the
    row is merged with what is stored, checked, and written if it differs.
    """

    schema: ClassVar[type[TemplateSchema]]
    model: ClassVar[type[Record]]
    key_columns: ClassVar[tuple[str, ...]] = ()
    """The columns that ids.csv repeats."""
    unique: ClassVar[dict[str, str]] = {}
    """The columns besides the System ID that can name one record alone, with their attributes."""
    after: ClassVar[tuple[str, ...]] = ()
    """Entities whose waiting files are imported first."""
    references: ClassVar[frozenset[str]] = frozenset()
    """Attributes of the schema that are no attributes of the model: `refer` turns them into some."""

    @property
    def entity(self) -> str:
        return self.schema.entity

    def keys(self, texts: Texts) -> Iterable[Key]:
        """The keys by which no two rows of a file may agree, from the cells' texts."""
        return ()

    def holders(self, account: int, column: str, values: list[str]) -> dict[str, str]:
        """The System IDs of the stored records with one of `values` in `column`; see imports.scan.Holders."""
        if column == self.schema.id_column:
            return {value: value for value in values}
        attribute = self.unique.get(column)
        return store.system_ids(self.model, account, attribute, values) if attribute else {}

    order: Any = None
    """None: rows are worked on in the file's order. Else a method like `keys`; see imports.scan.Scan."""

    def process(self, rows: list[Row], context: Context) -> None:
        """Write the rows of a chunk; those that can't be are rejected. Runs inside a transaction."""
        self.prepare(rows, context)
        self.find(live(rows), context)
        self.refuse_same_record(rows)
        self.refer(live(rows), context)
        for row in live(rows):
            self.merge(row, context)
        self.write(live(rows), context)

    def prepare(self, rows: list[Row], context: Context) -> None:
        """Before anything is looked up."""

    def find(self, rows: list[Row], context: Context) -> None:
        """Set `row.stored` of the rows whose record exists, or reject them."""
        raise NotImplementedError(f"{type(self).__name__} must say how rows find their records")

    def refuse_same_record(self, rows: list[Row]) -> None:
        """Two rows that name one record by different keys are as ambiguous as two with the same key."""
        named: dict[str, list[Row]] = {}
        for row in live(rows):
            if row.stored is not None:
                named.setdefault(row.stored["system_id"], []).append(row)
        for system_id, group in named.items():
            if len(group) > 1:
                lines = [row.line for row in group]
                for row in group:
                    row.reject("DUPLICATE_IN_FILE", "", f"{lines_named(lines[:5], len(lines)).capitalize()} mean the "
                               f"same record ({system_id}): keep one of them")  # fmt: skip

    def remember(self, rows: list[Row], context: Context) -> None:
        """In a dry run, when a chunk was rolled back: what the accepted rows would have left for later chunks."""

    def refer(self, rows: list[Row], context: Context) -> None:
        """Look up what the rows refer to and put it into `row.write`, or reject the rows."""

    def merge(self, row: Row, context: Context) -> None:
        """Decide between created, updated and unchanged; put the whole record into `row.write`."""
        given = self.given(row, context) | row.write
        if row.stored is None:
            self.create(row, given, context)
        else:
            changed = {
                name: value for name, value in given.items() if not self.same(name, row.stored[name], value, context)
            }
            row.system_id = row.stored["system_id"]
            row.outcome = UPDATED if changed else UNCHANGED
            row.write = row.stored | changed | ({"updated_at": now()} if changed else {})
        self.check(row, context)

    def given(self, row: Row, context: Context) -> dict[str, Any]:
        """The attributes that the row sets, with what is to be stored: cleared ones have their default."""
        given: dict[str, Any] = {}
        opened = {column.attribute for column in context.schema.open_columns}
        for name, value in row.values.items():
            if name in self.references or name == "system_id":
                continue
            if name in opened:
                kept = {**((row.stored or {}).get(name) or {}), **value}
                given[name] = {key: each for key, each in kept.items() if each is not None}
            elif value is None:
                given[name] = store.defaults(self.model)[name]
            else:
                given[name] = self.stored_form(context.schema.fields[name], value)
        return given

    @staticmethod
    def stored_form(cell: Any, value: Any) -> Any:
        """Lists lie in JSON columns, so their items are packed."""
        return cell.pack(value) if isinstance(value, list) else value

    def create(self, row: Row, given: dict[str, Any], context: Context) -> None:
        missing = [column for column in context.schema.needed_columns if not self.has(row, column, context)]
        for column in missing:
            row.reject("REQUIRED", column, f"{column} is needed to create {article(self.entity)}: give a value "
                       "(or check the keys of the row, if the record should exist)")  # fmt: skip
        row.system_id = new_system_id()
        row.outcome = CREATED
        row.write = store.defaults(self.model) | given | {"account": context.account, "system_id": row.system_id}

    def has(self, row: Row, column: str, context: Context) -> bool:
        attribute = next(name for name, cell in context.schema.fields.items() if cell.data_key == column)
        return row.values.get(attribute) is not None

    def check(self, row: Row, context: Context) -> None:
        """Reject the row if the merged record in `row.write` is not right as a whole."""

    def same(self, name: str, stored: Any, new: Any, context: Context) -> bool:
        """Whether a stored attribute means the same as the new value."""
        if stored is None or new is None:
            return stored is new
        for column in context.schema.open_columns:
            if column.attribute == name:
                return stored.keys() == new.keys() and all(column.field.same(stored[key], new[key]) for key in new)
        cell = context.schema.fields.get(name)
        if isinstance(cell, CellField) and name not in self.references:
            return cell.same(stored, new)
        return bool(stored == new)

    def write(self, rows: list[Row], context: Context) -> None:
        """Insert and update; updates first, because they may free a key that a new record takes."""
        store.update(self.model, "system_id", [row.write for row in rows if row.outcome == UPDATED])
        store.insert(self.model, [row.write for row in rows if row.outcome == CREATED])

    def identify(self, row: Row) -> list[str]:
        """The cells of `key_columns` for ids.csv."""
        return [row.text(column) for column in self.key_columns]

    def export(self, account: int) -> Iterable[dict[str, Any]]:
        """All records of an account by attribute of the schema, in the order in which they were made."""
        return store.stream(store.in_order_made(self.model, account).dicts())

    def count(self, account: int) -> int:
        """How many rows `export` gives."""
        found: int = self.model.select().where(self.model._meta.fields["account"] == account).count()
        return found


def batched(items: Iterable[Item], size: int = store.STREAMED) -> Iterator[list[Item]]:
    """Some at a time, so that what they refer to is looked up together."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
