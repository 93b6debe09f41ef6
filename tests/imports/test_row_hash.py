"""Two rows have one hash only if they say the same in files that are read alike."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from imports.reading import FileShape, inspect
from imports.row_hash import RowHasher, release, sources
from schemas import Formats, ProductSchema


@pytest.fixture
def shape(tmp_path: Path) -> FileShape:
    path = tmp_path / "PRODUCT_18_09_2024.csv"
    path.write_text("SKU_ID,Name\n1,a\n")
    return inspect(path, ProductSchema())


def test_a_row_has_its_hash_wherever_it_stands(shape: FileShape) -> None:
    """Also when somebody else reads it; it is a signed number of 64 bits, and other rows have others."""
    hashes = RowHasher(ProductSchema(), shape, "1.0").of(["1,a", "2,b", "1,a", "", "é\udc80"])
    assert RowHasher(ProductSchema(), shape, "1.0").of(["1,a"]) == hashes[:1] == hashes[2:3]
    assert len(set(hashes)) == 4
    assert all(-(2**63) <= each < 2**63 for each in hashes)
    assert RowHasher(ProductSchema(), shape, "1.0").of([]) == []


def test_what_decides_the_meaning_of_a_row_changes_its_hash(shape: FileShape) -> None:
    """The delimiter, the columns, the account's formats, and the version of ftpdock that reads it."""
    turned = replace(shape, columns=shape.columns[::-1])
    hashers = [RowHasher(ProductSchema(), each, "1.0") for each in (shape, turned, replace(shape, delimiter=";"))]
    hashers.append(RowHasher(ProductSchema(formats=Formats(decimal_separator=",")), shape, "1.0"))
    hashers.append(RowHasher(ProductSchema(), shape, "1.1"))
    assert len({hasher.of(["1,a"])[0] for hasher in hashers}) == 5


def test_changed_sources_are_another_ftpdock(tmp_path: Path) -> None:
    """Though its number is the same: of an upgrade between two versions, or a patch of somebody's own."""
    for name in ("handlers", "imports", "models", "schemas", "ftps"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "product.py").write_text("MOST = 1\n")
    found = [sources(tmp_path)]

    for change in (("schemas", "product.py", "MOST = 2\n"), ("models", "other.py", ""), ("ftps", "product.py", "")):
        folder, name, text = change
        (tmp_path / folder / name).write_text(text)
        found.append(sources(tmp_path))

    assert len(set(found[:3])) == 3
    assert found[3] == found[2], "what receives a file has no say in what its rows mean"
    assert release() == f"{version('ftpdock')} {sources(Path(__file__).parents[2])}"
