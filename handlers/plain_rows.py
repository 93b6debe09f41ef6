"""The rules by which plain rows of products and of stock go by the column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import compress
from operator import xor
from typing import ClassVar

from marshmallow import ValidationError

from handlers.base import Handler
from handlers.blocks import Blocks, Known, Names, Sight
from handlers.inventories import MAIN, InventoryHandler
from handlers.products import ProductHandler
from imports import store
from imports.bulk import as_json
from imports.codes import padded_lengths
from imports.columns import ColumnLoader, Loaded
from imports.reading import Batch, FileShape
from imports.row_hash import of_reference
from models import Category, Collection, Inventory, Product, Record
from schemas import CLEAR, TemplateSchema
from schemas.fields import Items


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
        codes, own_codes, *cells = self.texts(batch, *self.handler.key_columns,
                                              *(column for _, column, _, _ in self._refer))  # fmt: skip
        known = _known(Product, self.context.account, codes)
        own: list[int | None] = [value if code and code != CLEAR else None
                                 for code, value in zip(codes, hashes, strict=True)]  # fmt: skip
        given = {attribute: texts for (attribute, column, _, _), texts in zip(self._refer, cells, strict=True)
                 if column in self._places}  # fmt: skip
        named = self.resolve(given)
        references: dict[str, Sequence[str | None]] = {}
        for attribute, texts in given.items():
            # An empty cell keeps what is stored.
            stored = {text: to if text else None for text, to in named[attribute].items()}
            references[attribute] = list(map(stored.__getitem__, texts))
            parts = {text: None if to is None else of_reference(attribute, to)
                     for text, to in named[attribute].items()}  # fmt: skip
            own = _joined(own, list(map(parts.__getitem__, texts)))
        return Sight([known.get(code) for code in codes], own, [codes, own_codes], references, named)

    def resolve(self, texts: Mapping[str, Iterable[str]]) -> Names:
        return {attribute: self._resolved(set(texts[attribute]), attribute, column, model, named_by)
                for attribute, column, model, named_by in self._refer if attribute in texts}  # fmt: skip

    def _resolved(
        self, texts: set[str], attribute: str, column: str, model: type[Record], named_by: str
    ) -> dict[str, str | None]:
        """The cells of a column to the lists that are stored for them."""
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
        codes, named = self.texts(batch, *self.handler.key_columns)
        warehouses = [text or MAIN for text in named]
        products = store.system_ids(Product, self.context.account, "sku_id", codes)
        own = [products.get(code) for code in codes]
        stock = _stock(self.context.account, set(products.values()), set(warehouses))
        found = [stock.get(key) for key in zip(own, warehouses, strict=True)]
        told = [value if product and warehouse != CLEAR else None
                for value, product, warehouse in zip(hashes, own, warehouses, strict=True)]  # fmt: skip
        return Sight(found, told, [codes, named], {"product": own})


def _joined(own: list[int | None], parts: list[int | None]) -> list[int | None]:
    if None not in own and None not in parts:
        return list(map(xor, own, parts))
    return [None if value is None or part is None else value ^ part for value, part in zip(own, parts, strict=True)]


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
