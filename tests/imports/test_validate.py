"""Faulty rows leave nothing behind: while an import runs nobody collects what holds itself."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from imports.reading import inspect
from imports.rows import Row
from imports.validate import Validator
from schemas.product import ProductSchema

FILE = "SKU_ID,Name,MOQ,Price: a\nS1,Cup,1,1.00\n"


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    ("cells", "column"),
    [
        (["S2", "Cup", "many", "1.00"], "MOQ"),
        (["S2", "Cup", "1", "x"], "Price: a"),
        (["S" * 500, "Cup", "1", "1.00"], "SKU_ID"),
        (["\\N", "Cup", "1", "1.00"], "SKU_ID"),
    ],
)
@pytest.mark.parametrize("read_alone", [False, True])
def test_a_faulty_row_is_not_held_by_its_fault(cells: list[str], column: str, read_alone: bool, tmp_path: Path) -> None:
    path = tmp_path / "PRODUCT_18_09_2024.csv"
    path.write_text(FILE)
    validator = Validator(ProductSchema(), inspect(path, ProductSchema()))
    rows = [Row(0, 2, cells), Row(1, 3, ["S3", "Cup", "1", "1.00"])]
    gc.collect()

    if read_alone:
        for row in rows:
            validator.read(row)
    else:
        validator.read_all(rows)
    assert [[error.column for error in row.errors] for row in rows] == [[column], []]
    del rows[:]

    assert gc.collect() == 0
