"""Factories for files as partners send them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imports.reading import FileShape, Record, inspect, records
from schemas.product import ProductSchema

FIXTURES = Path(__file__).parents[1] / "fixtures"
WriteFile = Callable[[str | bytes], Path]
ReadFile = Callable[..., tuple[FileShape, list[Record]]]


@pytest.fixture
def write_file(tmp_path: Path) -> WriteFile:
    """write_file(text or bytes) -> the path of a file that holds it; text is written as UTF-8."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "PRODUCT_18_09_2024.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def read_file(write_file: WriteFile) -> ReadFile:
    """read_file(content, schema=products, **options of inspect) -> the shape and all records."""

    def read(content: str | bytes, schema: Any = None, **options: Any) -> tuple[FileShape, list[Record]]:
        path = write_file(content)
        shape = inspect(path, schema or ProductSchema(), **options)
        limit = {name: value for name, value in options.items() if name == "max_record"}
        return shape, list(records(path, shape, **limit))

    return read


@pytest.fixture
def fixtures() -> Path:
    """The folder of files as Shopify, Excel and others export them."""
    return FIXTURES
