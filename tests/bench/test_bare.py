"""The limit that imports are measured by has to do the same work: it ends with the same stored data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.apart import apart
from bench.bare import Ids, bare
from bench.homes import account
from bench.imports import ids
from bench.partner_files import (
    PRODUCT,
    PRODUCT_NAME,
    STOCK,
    STOCK_NAME,
    numbered_products,
    product_rows,
    stock_rows,
    write,
)
from bench.plain_way import plain_way
from bench.turn import import_file
from models import Account, Category, Collection, Inventory, Product
from models.base import Record
from settings import Settings

OWN = {"system_id", "created_at", "updated_at", "account", "row_hash"}
"""What differs from one store to the other, and the hash, by which only we know a row again."""


def stored(model: type[Record], owner: Account) -> dict[Any, dict[str, Any]]:
    """Records by their key, with names in place of System IDs."""
    names = {each.system_id: each.path for each in Category.select()}
    names |= {each.system_id: each.name for each in Collection.select()}
    names |= {each.system_id: each.sku_id for each in Product.select()}
    found = {}
    for record in model.select().where(model._meta.fields["account"] == owner).dicts():
        record = {name: _named(value, names) for name, value in record.items() if name not in OWN}
        found[record.get("sku_id"), record.get("product"), record.get("warehouse")] = record
    return found


def _named(value: Any, names: dict[str, str]) -> Any:
    return [names.get(each, each) for each in value] if isinstance(value, list) else names.get(str(value), value)


@pytest.mark.parametrize("streamed", [False, True])
def test_it_stores_what_an_import_stores(settings: Settings, tmp_path: Path, streamed: bool) -> None:
    """Value by value, on either engine; and besides only rows that an import rejects."""
    products = write(tmp_path / PRODUCT_NAME, PRODUCT, product_rows(3_000))
    stock = write(tmp_path / STOCK_NAME, STOCK, stock_rows(4_000, 3_000))
    limit = account("limit")
    known = ids()
    ours = account("ours")
    for entity, path in (("product", products), ("inventory", stock)):
        bare(settings.database_url, entity, path, known, streamed)
        cost, run = import_file(settings, ours, entity, path)
        assert cost.seconds > 0
        assert cost.peak > 10_000_000
        assert 10 < run.rejected < 200

    for model in (Product, Inventory):
        mine, theirs = stored(model, ours), stored(model, limit)
        assert len(mine) > 2_900
        assert len(mine) < len(theirs)
        assert mine == {key: theirs[key] for key in mine}


def plain_alone(url: str, entity: str, path: Path, known: Ids) -> None:
    """It opens a connection of its own, so that the process has to be another one."""
    apart(plain_way, url, path, known)


@pytest.mark.parametrize("way", [bare, plain_alone])
def test_it_changes_what_an_import_changes(
    settings: Settings, tmp_path: Path, way: Callable[[str, str, Path, Ids], object]
) -> None:
    """So does the plain way, a rival: products that are there are overwritten (by an import, where a cell says so)."""
    limit = account("limit")
    known = ids()
    ours = account("ours")
    for seed in (1, 2):
        rows = ([*row[:-1], row[-1] or "any"] for row in numbered_products(range(300), seed))
        path = write(tmp_path / PRODUCT_NAME, PRODUCT, rows)
        way(settings.database_url, "product", path, known)
        _, run = import_file(settings, ours, "product", path)

    assert run.updated == 300
    assert stored(Product, ours) == stored(Product, limit)
