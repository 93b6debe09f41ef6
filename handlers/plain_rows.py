"""The rules by which plain rows of products and of stock go by the column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import compress
from operator import xor
from typing import Any, ClassVar

from marshmallow import ValidationError

from handlers.base import Handler
from handlers.blocks import Blocks, Names, Sight
from handlers.inventories import MAIN, InventoryHandler, is_like_main
from handlers.products import ProductHandler
from imports import store
from imports.bulk import as_json
from imports.codes import SKUS, padded_lengths
from imports.columns import ColumnLoader, Loaded
from imports.reading import Batch, FileShape
from imports.row_hash import of_reference
from models import Category, Collection, Product, Record, is_postgres
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
    refers = tuple(column for _, column, _, _ in _refer)

    def look(self, batch: Batch, hashes: Sequence[int]) -> Sight:
        codes, own_codes, *cells = self.texts(batch, *self.handler.key_columns, *self.refers)
        rows = store.select(
            Product, ("sku_id", "system_id", "row_hash", store.ADDRESS), self.context.account, {"sku_id": codes}
        )
        own: list[int | None] = list(hashes)
        if "" in codes or CLEAR in codes:
            own = [value if code and code != CLEAR else None for code, value in zip(codes, own, strict=True)]
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
            own = _joined(own, texts, parts)
        _, ids, kept, addresses = _columns({row[0]: row for row in rows}, codes, 4)
        return Sight(ids, kept, own, [codes, _cleared(own_codes, "")], references, named, addresses)

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
        lengths = padded_lengths(SKUS, self.context.account, self.context.started, self.context.memory)
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
        several = len(set(warehouses)) > 1  # mostly a batch is about one, and then the SKU tells
        rows = _stock(self.context.account, codes, warehouses)
        by_code = {row[0]: row for row in rows}
        _, own, _, ids, stored, addresses = _columns(by_code, codes, 6)
        if several:
            keys = list(zip(codes, warehouses, strict=True))
            *_, ids, stored, addresses = _columns({(row[0], row[2]): row for row in rows}, keys, 6)
        told = [value if product and warehouse != CLEAR else None
                for value, product, warehouse in zip(hashes, own, warehouses, strict=True)]  # fmt: skip
        return Sight(ids, stored, told, [codes, _cleared(named, MAIN)], {"product": own}, addresses=addresses)

    def fresh(self, loaded: Loaded, sight: Sight) -> list[bool]:
        new = super().fresh(loaded, sight)
        warehouses = loaded.columns.get("warehouse", ())
        if any(map(is_like_main, set(warehouses))):  # the handler looks whether there is stock in MAIN
            new = [one and not is_like_main(warehouse) for one, warehouse in zip(new, warehouses, strict=True)]
        return new


def _cleared(texts: list[str], default: str) -> list[str]:
    """What a column is after the import: the texts, but for those that clear it."""
    return [default if text == CLEAR else text for text in texts] if CLEAR in texts else texts


def _columns(rows: Mapping[Any, Sequence[Any]], keys: Sequence[Any], width: int) -> list[list[Any]]:
    """By the column what the rows of keys have; None where there is no row."""
    if not rows:
        return [[None] * len(keys) for _ in range(width)]
    missing = (None,) * width
    return list(map(list, zip(*[row or missing for row in map(rows.get, keys)], strict=True)))


def _joined(own: list[int | None], texts: Iterable[str], parts: Mapping[str, int | None]) -> list[int | None]:
    """Hashes of rows with those of what their texts refer to."""
    others = map(parts.__getitem__, texts)
    if None not in own and None not in parts.values():
        return list(map(xor, own, others))
    return [None if value is None or part is None else value ^ part for value, part in zip(own, others, strict=True)]


_STOCK = """
    SELECT product.sku_id, product.system_id, stock.warehouse, stock.system_id, stock.row_hash, stock.{address}
    FROM {product} LEFT JOIN {stock} WHERE product.account_id = {own}
"""
# Both go by the product alone: SQLite would look for each warehouse of each product, and Postgres, which does not know
# yet how large the table is, through all of it for each product.
_STOCK_ON_SQLITE = _STOCK.format(
    address="rowid",
    product="json_each(?) AS wanted CROSS JOIN product ON product.sku_id = wanted.value",
    stock="""inventory AS stock ON stock.product_id = product.system_id
    AND +stock.warehouse IN (SELECT value FROM json_each(?))""",
    own="?",
)
_STOCK_ON_POSTGRES = _STOCK.format(
    address="ctid",
    product="product",
    stock="""LATERAL (
    SELECT *, ctid FROM inventory WHERE product_id = product.system_id AND warehouse = ANY(%s) OFFSET 0
    ) AS stock ON TRUE""",
    own="%s AND product.sku_id = ANY(%s)",
)


def _stock(account: int, codes: Iterable[str], warehouses: Iterable[str]) -> list[tuple[Any, ...]]:
    """(SKU, System ID of the product, warehouse, and of the stock System ID, hash and address); without stock the last
    are None."""
    products, places = store.several(codes), store.several(warehouses)
    if is_postgres():
        return store.ask(_STOCK_ON_POSTGRES, (places, account, products))
    return store.ask(_STOCK_ON_SQLITE, (products, places, account))


_RULES: dict[type[Handler], type[Blocks]] = {rules.handler: rules for rules in (ProductBlocks, InventoryBlocks)}


def has_blocks(handler: Handler) -> bool:
    """Whether there are rules for a handler. One that is derived from ours has a mind of its own."""
    return type(handler) in _RULES


def blocks_for(handler: Handler, schema: TemplateSchema, shape: FileShape) -> type[Blocks] | None:
    """The rules for a file; None if there are none."""
    rules = _RULES.get(type(handler))
    if rules is None or not type(schema) is handler.schema is rules.handler.schema:
        return None
    names = {column.name for column in shape.columns if column.kind == "fixed"}
    fits = rules.columns <= names and not rules.without & names
    return rules if fits and ColumnLoader(schema, shape, handler.model).usable else None
