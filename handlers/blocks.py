"""How the plain rows of an entity find their records and become some, by the column instead of one by one.

This abridges what a handler does with each row; it decides only what is certain. Whatever may be otherwise (a record
that is there and differs, a reference that is unknown, a key that somebody has) goes to the handler as a Row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, ClassVar

from marshmallow import ValidationError

from handlers.base import Context, Handler
from handlers.differences import Differences, differences
from handlers.inventories import MAIN, InventoryHandler
from handlers.products import ProductHandler
from imports import store
from imports.bulk import as_json, insert_columns, sorted_by, update_columns
from imports.codes import padded_lengths
from imports.columns import ColumnLoader, Loaded
from imports.reading import Batch, FileShape
from imports.row_hash import of_reference
from models import Category, Collection, Inventory, Product, Record
from schemas import CLEAR, TemplateSchema
from schemas.fields import Items

__all__ = ["Blocks", "Sight", "blocks_for"]

Known = tuple[str, int | None]
"""The System ID and the row hash of a stored record."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the database has about the rows of a batch, place by place. Two that are equal saw the same."""

    found: Sequence[Known | None]
    """The record that the row's key names."""
    hashes: Sequence[int | None]
    """The hash of the row with what it refers to; None: it refers to something unknown, or has no key."""
    references: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    """Parameters by attribute of the model; None for an empty cell."""

    def id_of(self, place: int) -> str:
        """The System ID of the record that was found."""
        found = self.found[place]
        assert found is not None
        return found[0]

    def known(self, place: int) -> bool:
        """Whether the row has a record, and refers to nothing that is unknown."""
        return self.found[place] is not None and self.hashes[place] is not None

    def unchanged(self, place: int) -> bool:
        """Whether the row's record was made from the same row, and nothing has changed it since."""
        known, own = self.found[place], self.hashes[place]
        return known is not None and own is not None and known[1] == own


class Blocks:
    """Base of the rules. They hold for one file."""

    handler: ClassVar[type[Handler]]
    columns: ClassVar[frozenset[str]] = frozenset()
    """Columns that the file must have."""
    without: ClassVar[frozenset[str]] = frozenset()
    """Columns that it must not have."""
    sorts: ClassVar[str]
    """The attribute by which an index sorts the records of an account."""
    keys: ClassVar[frozenset[str]]
    """Attributes that a row which is found by them can't change as easily as others."""

    def __init__(self, shape: FileShape, context: Context) -> None:
        self.context, self.shape = context, shape
        self._places = {column.name: place for place, column in enumerate(shape.columns) if column.kind == "fixed"}

    def look(self, batch: Batch, hashes: Sequence[int]) -> Sight:
        """Find what is stored about the rows, whose own hashes are given."""
        raise NotImplementedError

    def fresh(self, loaded: Loaded, sight: Sight) -> list[bool]:
        """For each loaded row whether it surely makes a new record."""
        new = [sight.found[place] is None and sight.hashes[place] is not None for place in loaded.places]
        for column in self.context.needed if any(new) else ():
            given = loaded.columns.get(self.context.attributes[column])
            if given is None:
                return [False] * len(new)
            new = [one and value is not None for one, value in zip(new, given, strict=True)] if None in given else new
        return new

    def insert(self, loaded: Loaded, sight: Sight, ids: Sequence[str]) -> None:
        """Make the records of rows that are fresh, with these System IDs."""
        places, model = loaded.places, self.handler.model
        columns: dict[str, Sequence[Any]] = {"system_id": ids, "row_hash": [sight.hashes[place] for place in places]}
        references = {name: [each[place] for place in places] for name, each in sight.references.items()}
        given = {name: each for name, each in loaded.columns.items() if name in model._meta.fields}
        constants = store.fresh(model, self.context.moment) | {"account": self.context.account}
        for name, values in (given | references).items():
            columns[name] = _filled(values, constants[name], model, name)
        for name in columns:
            del constants[name]
        insert_columns(model, sorted_by(columns[self.sorts], columns), constants)

    def compare(self, loaded: Loaded, sight: Sight) -> Differences:
        """How loaded rows, all of which found a record and refer to nothing unknown, differ from it."""
        fields = self.handler.model._meta.fields
        given: dict[str, Sequence[Any]] = {name: each for name, each in loaded.columns.items() if name in fields}
        given |= {name: [each[place] for place in loaded.places] for name, each in sight.references.items()}
        return differences(self.handler.model, self.context.schema, self.context.account,
                           [sight.id_of(place) for place in loaded.places], given, self.keys)  # fmt: skip

    def update(self, places: Sequence[int], columns: Mapping[str, Sequence[Any]], sight: Sight) -> None:
        """Store what changes the records of the rows at `places`."""
        hashes = [sight.hashes[place] for place in places]
        columns = sorted_by(ids := [sight.id_of(place) for place in places],
                            {**columns, "row_hash": hashes, "system_id": ids})  # fmt: skip
        update_columns(self.handler.model, columns, {"updated_at": self.context.moment})

    def remember(self, places: Iterable[int], sight: Sight) -> None:
        """Store the hashes of rows that change nothing in records that have none."""
        new = [place for place in places if (found := sight.found[place]) and found[1] is None]
        if new:
            hashes = [sight.hashes[place] for place in new]
            ids = [sight.id_of(place) for place in new]
            update_columns(self.handler.model, {"row_hash": hashes, "system_id": ids}, {})

    def texts(self, batch: Batch, *columns: str) -> list[list[str]]:
        """The trimmed cells of columns; empty ones for rows, or a file, that do not have them."""
        known = {column: self._places[column] for column in columns if column in self._places}
        if min(batch.sizes()) > max(known.values(), default=0):
            cells = [list(map(str.strip, each)) for each in batch.columns(list(known.values()))]
        else:
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


class ProductBlocks(Blocks):
    handler = ProductHandler
    columns = frozenset({"SKU_ID"})
    without = frozenset({"System_ID"})
    sorts = "sku_id"
    keys = frozenset({"sku_id", "reference_id"})
    _refer: ClassVar[tuple[tuple[str, str, type[Record], str], ...]] = (
        ("categories", "Category", Category, "path"),
        ("collections", "Collection", Collection, "name"),
    )

    def look(self, batch: Batch, hashes: Sequence[int]) -> Sight:
        codes, *cells = self.texts(batch, "SKU_ID", *(column for _, column, _, _ in self._refer))
        known = _known(Product, self.context.account, codes)
        own: list[int | None] = [value if code and code != CLEAR else None
                                 for code, value in zip(codes, hashes, strict=True)]  # fmt: skip
        references: dict[str, Sequence[str | None]] = {}
        for (attribute, column, model, named_by), texts in zip(self._refer, cells, strict=True):
            if column in self._places:
                resolved = self._resolved(set(texts), attribute, column, model, named_by)
                # An empty cell keeps what is stored.
                references[attribute] = [resolved[text] if text else None for text in texts]
                parts = {text: None if to is None else of_reference(attribute, to) for text, to in resolved.items()}
                own = [_joined(value, parts[text]) for value, text in zip(own, texts, strict=True)]
        return Sight([known.get(code) for code in codes], own, references)

    def _resolved(
        self, texts: set[str], attribute: str, column: str, model: type[Record], named_by: str
    ) -> dict[str, str | None]:
        """The cells of a column to the lists that are stored for them; None where a name is unknown."""
        cell = self.context.schema.fields[attribute]
        assert isinstance(cell, Items)
        names: dict[str, list[str]] = {}
        for text in texts - {CLEAR}:
            with suppress(ValidationError):
                names[text] = cell.deserialize(text, column, {}) if text else []
        wanted = [name for each in names.values() for name in each]
        ids = store.system_ids(model, self.context.account, named_by, wanted)
        lists = {text: as_json([ids[name] for name in each])
                 for text, each in names.items() if all(name in ids for name in each)}  # fmt: skip
        return {text: lists.get(text) for text in texts}

    def fresh(self, loaded: Loaded, sight: Sight) -> list[bool]:
        new = super().fresh(loaded, sight)
        if not any(new):
            return new
        references = [value for value in compress(loaded.columns.get("reference_id", ()), new) if value]
        taken = store.system_ids(Product, self.context.account, "reference_id", references)
        if taken:
            new = [one and value not in taken for one, value in zip(new, loaded.columns["reference_id"], strict=True)]
        lengths = padded_lengths(self.context.account, self.context.started, self.context.memory)
        if lengths:  # a spreadsheet may have dropped zeros
            new = [one and not (code.isdecimal() and len(code) < max(lengths))
                   for one, code in zip(new, loaded.columns.get("sku_id", ()), strict=True)]  # fmt: skip
        return new


class InventoryBlocks(Blocks):
    handler = InventoryHandler
    columns = frozenset({"SKU_ID"})
    sorts = "product"
    keys = frozenset({"product", "warehouse"})

    def look(self, batch: Batch, hashes: Sequence[int]) -> Sight:
        codes, named = self.texts(batch, "SKU_ID", "Warehouse")
        warehouses = [text or MAIN for text in named]
        products = store.system_ids(Product, self.context.account, "sku_id", codes)
        own = [products.get(code) for code in codes]
        stock = _stock(self.context.account, set(products.values()), set(warehouses))
        found = [stock.get(key) for key in zip(own, warehouses, strict=True)]
        told = [value if product and warehouse != CLEAR else None
                for value, product, warehouse in zip(hashes, own, warehouses, strict=True)]  # fmt: skip
        return Sight(found, told, {"product": own})


def _joined(own: int | None, part: int | None) -> int | None:
    return None if own is None or part is None else own ^ part


def _known(model: type[Record], account: int, codes: Sequence[str]) -> dict[str, Known]:
    rows = store.select(model, ("sku_id", "system_id", "row_hash"), account, {"sku_id": codes})
    return {code: (system_id, row_hash) for code, system_id, row_hash in rows}


def _stock(account: int, products: set[str], warehouses: set[str]) -> dict[tuple[str | None, str], Known]:
    rows = store.select(Inventory, ("product", "warehouse", "system_id", "row_hash"), account,
                        {"product": products, "warehouse": warehouses})  # fmt: skip
    return {(product, warehouse): (system_id, row_hash) for product, warehouse, system_id, row_hash in rows}


_RULES: dict[type[Handler], type[Blocks]] = {rules.handler: rules for rules in (ProductBlocks, InventoryBlocks)}


def blocks_for(handler: Handler, schema: TemplateSchema, shape: FileShape) -> type[Blocks] | None:
    """The rules for a file; None if there are none. A handler that is derived from ours has a mind of its own."""
    rules = _RULES.get(type(handler))
    if rules is None or not type(schema) is handler.schema is rules.handler.schema:
        return None
    names = {column.name for column in shape.columns if column.kind == "fixed"}
    fits = rules.columns <= names and not rules.without & names
    return rules if fits and ColumnLoader(schema, shape, handler.model).usable else None
