"""What a handler is: the rules by which the rows of one entity find their records and become part of them."""

from __future__ import annotations

import datetime as dt
import sys
from collections import ChainMap
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from handlers.further import Further, further
from imports import store
from imports.rows import CREATED, UNCHANGED, UPDATED, Row, lines_named, live
from imports.scan import Key, Meant, PlainKey, Texts
from imports.store import Stored
from imports.stored import is_text
from models import Record, new_system_id, now
from schemas import CLEAR, TemplateSchema, quoted
from schemas.fields import CellField, Number

__all__ = ["Context", "Handler", "Row", "batched"]

Item = TypeVar("Item")

_SAME_IF_EQUAL = (CellField.same, Number.same)
_RULES = frozenset({"process", "find", "refer", "merge", "create", "has", "look_further"})
"""What of a handler says which rows are taken."""
LONG = 36
"""Characters of a System ID."""
_SIMPLE = frozenset({str, Decimal, bool, int, dt.date})
"""Types whose values are stored as they are."""


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
    memory: dict[Any, Any] = field(default_factory=dict)
    """For the handler, for the length of one run over one file; a run that goes on after a kill starts with none."""
    plugins: bool = False
    """Whether plugins see the rows, and may make something else of a cell than what it says."""
    missing: Collection[str] = ()
    """Columns without which no record can be created, and which the file does not have."""
    folder: Path = Path()
    """For files of the handler's own, which are gone with the run."""
    closing: ExitStack = field(default_factory=ExitStack)
    """Closes what the handler has opened, when the rows are through."""
    moment: dt.datetime = field(default_factory=now)
    """When the rows at hand are written."""
    opened: frozenset[str] = field(init=False)
    """Attributes that are filled by open columns."""
    attributes: dict[str, str] = field(init=False)
    """Column of the template to attribute."""
    needed: list[str] = field(init=False)
    """Columns without which no record can be created."""
    plain: frozenset[str] = field(init=False)
    """Attributes of which equal values mean the same."""

    def __post_init__(self) -> None:
        self.opened = frozenset(column.attribute for column in self.schema.open_columns)
        self.attributes = {str(cell.data_key): name for name, cell in self.schema.fields.items()}
        self.needed = self.schema.needed_columns
        self.plain = frozenset(name for name, cell in self.schema.fields.items()
                               if isinstance(cell, CellField) and type(cell).same in _SAME_IF_EQUAL)  # fmt: skip


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

    plain_keys: ClassVar[tuple[PlainKey, ...]] = ()
    """Where `keys` gives nothing but the System ID and plain keys: these, in its order. It is a shortcut for files
    without System IDs, and stands where `keys` does."""

    def keys(self, texts: Texts) -> Iterable[Key]:
        """The keys by which no two rows of a file may agree, from the cells' texts."""
        return ()

    def duplicate(self, row: Row, column: str, lines: str) -> tuple[str, str]:
        """The report's column and words for a row whose key of `column` is the same on all of `lines`."""
        same = f"{quoted(row.text(column))} stands on {lines}"
        if column in self.unique and column not in self._main_columns and self._is_named_besides(row, column):
            return column, f"{same}: give each its own {column}, or, if they mean one {self.entity}, keep one of them"
        return column, f"{same}: keep one of them"

    @cached_property
    def _main_columns(self) -> frozenset[str]:
        """Those without which there is no record: rows that agree in one mostly mean one record twice."""
        return frozenset(self.schema().needed_columns)

    def _is_named_besides(self, row: Row, column: str) -> bool:
        """Whether a row says by something else than `column`, too, which record it means."""
        others = (self.schema.id_column, *self.key_columns)
        return any(row.text(each) not in ("", CLEAR) for each in others if each != column)

    def plain_keys_of(self, columns: Iterable[str]) -> tuple[PlainKey, ...]:
        """The plain keys of a file with `columns`; none if `keys` has to be asked."""
        owner = next(each for each in type(self).__mro__ if "keys" in vars(each) or "plain_keys" in vars(each))
        own = "plain_keys" in vars(owner) and self.schema.id_column not in columns
        return self.plain_keys if own else ()

    def holders(self, account: int, column: str, values: list[str]) -> dict[str, str]:
        """The System IDs of the stored records with one of `values` in `column`; see imports.scan.Holders."""
        if column == self.schema.id_column:
            return {value: value for value in values}
        attribute = self.unique.get(column)
        return store.system_ids(self.model, account, attribute, values) if attribute else {}

    next_holders: Any = None
    """None: a row whose first key no stored record has means none, as far as the first pass can tell. Else a method
    like `holders`, which is asked for the further keys of such rows."""

    def meaning(self, account: int, column: str, values: list[str]) -> dict[str, Meant | None]:
        """Whom rows mean that have no key but one of `values` in `column`; see imports.keys.Meaning."""
        return {}

    order: Any = None
    """None: rows are worked on in the file's order. Else a method like `keys`; see imports.gathering.Order."""

    longest_group: ClassVar[int] = sys.maxsize
    """Rows of a group that are held at once. A longer one comes in parts, and `process` has to reject all of them."""
    heaviest_group: ClassVar[int] = sys.maxsize
    """Characters of a group's rows that are; likewise."""

    def holds(self, row: Row) -> bool:
        """Whether the group of a row is held at once."""
        return row.group_size <= self.longest_group and row.group_weight <= self.heaviest_group

    def process(self, rows: list[Row], context: Context) -> None:
        """Write the rows of a chunk; those that can't be are rejected. Runs inside a transaction."""
        context.moment = now()
        if context.dry_run:
            self._leave_again(rows, context)
        self.prepare(rows, context)
        self.find(live(rows), context)
        self.refuse_same_record(rows)
        self.refer(live(rows), context)
        for row in live(rows):
            self.merge(row, context)
        self.write(live(rows), context)
        self.tell_more([row for row in rows if row.errors], context)

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
        """In a dry run, when a chunk was rolled back: what the accepted rows would have left for later chunks.

        These are keys that their records have given up.
        """
        changed = [row for row in rows if row.outcome == UPDATED and row.stored]
        for attribute in self._keys_with_room() if changed else ():
            left = context.memory.setdefault(f"left {attribute}", {})
            for row in changed:
                assert row.stored is not None
                if (old := row.stored[attribute]) not in (None, new := row.write.get(attribute, old)):
                    left[old] = row.stored["system_id"], new is None

    def tell_more(self, rows: list[Row], context: Context) -> None:
        """Say of rejected rows what else is wrong with them, so that all of it can be corrected at once.

        Not where a handler that is derived from another one has rules of its own, and says nothing of further looks.
        """
        owner = next(each for each in type(self).__mro__ if not _RULES.isdisjoint(vars(each)))
        if "look_further" in vars(owner) and (found := further(rows, context)):
            self.look_further(found, context)
            for each in found:
                each.tell()

    def look_further(self, rows: list[Further], context: Context) -> None:
        """Reject the rows for what they refer to in vain, and for what a new record needs, as far as that is certain
        however their faulty cells are corrected. Nothing is written."""

    def lacking(self, rows: Iterable[Further], context: Context) -> list[Further]:
        """The rows of which their keys tell more: that could not be created for want of a cell, or have a System ID.
        Most rejected rows are neither, and need not be looked up."""
        return [row for row in rows if row.text(self.schema.id_column) or any(
            row.text(column) in ("", CLEAR) for column in context.needed if column not in row.faulty
        )]  # fmt: skip

    def _keys_with_room(self) -> list[str]:
        """The unique attributes that can hold a System ID; in a plugin's model they may be shorter, or numbers."""
        fields = self.model._meta.fields
        return [each for each in self.unique.values()
                if is_text(fields[each]) and (getattr(fields[each], "max_length", None) or LONG) >= LONG]  # fmt: skip

    def _leave_again(self, rows: list[Row], context: Context) -> None:
        """In a dry run: take from records what rows of former chunks have taken from them, as far as it is wanted.

        What they got instead is no other row's of the file, so that anything will do for it.
        """
        for attribute in self.unique.values():
            left = context.memory.get(f"left {attribute}") or {}
            taken = [left[each] for each in left.keys() & {row.values.get(attribute) for row in rows if left}]
            store.update(self.model, "system_id", [{"system_id": system_id, attribute: None if cleared else system_id}
                                                   for system_id, cleared in taken])  # fmt: skip

    def refer(self, rows: list[Row], context: Context) -> None:
        """Look up what the rows refer to and put it into `row.write`, or reject the rows."""

    def merge(self, row: Row, context: Context) -> None:
        """Decide between created, updated and unchanged; put the whole record into `row.write`."""
        given = self.given(row, context)
        given.update(row.write)
        if row.stored is None:
            self.create(row, given, context)
        else:
            changed = self.changed(row.stored, given, context)
            row.system_id = row.stored["system_id"]
            row.outcome = UPDATED if changed else UNCHANGED
            if changed:
                changed["updated_at"] = context.moment
            row.write = ChainMap(changed, row.stored)  # type: ignore[arg-type]
        self.check(row, context)

    def changed(self, stored: Mapping[str, Any], given: dict[str, Any], context: Context) -> dict[str, Any]:
        """What of `given` is not the same as what is stored."""
        changed: dict[str, Any] = {}
        raw = stored.holds if isinstance(stored, Stored) and type(self).same is Handler.same else _holds_nothing
        for name, value in given.items():
            if name in context.plain and raw(name, value):
                continue
            if not self.same(name, stored[name], value, context):
                changed[name] = value
        return changed

    def given(self, row: Row, context: Context) -> dict[str, Any]:
        """The attributes that the row sets, with what is to be stored: cleared ones have their default."""
        given: dict[str, Any] = {}
        elsewhere, opened, fields = self._elsewhere, context.opened, context.schema.fields
        as_is = type(self).stored_form is Handler.stored_form
        for name, value in row.values.items():
            if type(value) in _SIMPLE and as_is:
                if name not in elsewhere:
                    given[name] = value
            elif name in elsewhere:
                continue
            elif name in opened:
                kept = _objects(row.stored[name]) | value if row.stored else value
                given[name] = _without_cleared(kept) if None in kept.values() else kept
            elif value is None:
                given[name] = store.defaults(self.model)[name]
            else:
                given[name] = self.stored_form(fields[name], value)
        return given

    @cached_property
    def _elsewhere(self) -> frozenset[str]:
        """Attributes of the schema that are no values of the record."""
        return self.references | {"system_id"}

    @staticmethod
    def stored_form(cell: Any, value: Any) -> Any:
        """Lists lie in JSON columns, so their items are packed."""
        return cell.pack(value) if isinstance(value, list) else value

    def create(self, row: Row, given: dict[str, Any], context: Context) -> None:
        self.refuse_missing(row, context)
        row.system_id = row.new_id or new_system_id()
        row.outcome = CREATED
        row.write = store.fresh(self.model, context.moment)
        row.write.update(given, account=context.account, system_id=row.system_id)

    def refuse_missing(self, row: Row, context: Context) -> None:
        """Reject a row that finds no record, and lacks what one needs."""
        for column in self.lacks(row, context):
            row.reject("REQUIRED", column, f"{column} is needed to create {article(self.entity)}: give a value "
                       "(or check the keys of the row, if the record should exist)")  # fmt: skip

    def lacks(self, row: Row, context: Context) -> list[str]:
        """The columns that a new record needs, and that the row has no value for."""
        return [column for column in context.needed if not self.has(row, column, context)]

    def has(self, row: Row, column: str, context: Context) -> bool:
        return row.values.get(context.attributes[column]) is not None

    def check(self, row: Row, context: Context) -> None:
        """Reject the row if the merged record in `row.write` is not right as a whole."""

    def same(self, name: str, stored: Any, new: Any, context: Context) -> bool:
        """Whether a stored attribute means the same as the new value."""
        if stored is None or new is None:
            return stored is new
        for column in context.schema.open_columns if name in context.opened else ():
            if column.attribute == name:
                field = column.field
                if stored == new and type(field).same in _SAME_IF_EQUAL:
                    return True
                if not isinstance(stored, dict):  # another program wrote it
                    return False
                return stored.keys() == new.keys() and all(field.same(stored[key], new[key]) for key in new)
        cell = context.schema.fields.get(name)
        if isinstance(cell, CellField) and name not in self.references:
            return cell.same(stored, new)
        return bool(stored == new)

    def write(self, rows: list[Row], context: Context) -> None:
        """Insert and update; updates first, because they may free a key that a new record takes."""
        if "row_hash" in self.model._meta.fields:
            for row in rows:
                if row.outcome != UNCHANGED:
                    # A row with a warning is to be looked at, and warned of, again.
                    row.write["row_hash"] = None if row.warnings else row.hash
        store.update(self.model, "system_id", [row.write for row in rows if row.outcome == UPDATED])
        store.insert(self.model, [row.write for row in rows if row.outcome == CREATED])

    def identify(self, row: Row) -> list[str]:
        """The cells of `key_columns` for ids.csv: as they came, or what the record has if they clear it."""
        return ["" if (text := row.text(column)) == CLEAR else text for column in self.key_columns]

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


def _objects(stored: Any) -> dict[str, Any]:
    """What of an open column's attribute can be kept: other programs may have written anything."""
    return stored if isinstance(stored, dict) else {}


def _without_cleared(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _holds_nothing(name: str, value: Any) -> bool:
    return False


def article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
