"""The loader by the column against the way row by row: the rows that it gives are stored just so."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers.base import Context
from handlers.registry import Registry
from imports.batches import Batch, by_cells
from imports.bulk import one_parameter
from imports.columns import ColumnLoader, Loaded
from imports.reading import FileShape, inspect
from imports.rows import Row
from imports.validate import Validator
from schemas import CLEAR, Formats, TemplateSchema
from settings import Settings
from tests.imports.test_compiled import FORMATS, ROWS, random_rows, shape_of

ENTITIES = ["product", "inventory"]
OPEN_NAMES = ['in "quotes"', "back\\slash", "ä 🦚", "%s", "{}"]
PLAIN = {"SKU_ID": "A1", "Available_Quantity": "5", "Name": "Cup"}


def handler_of(entity: str) -> Any:
    return Registry().handler(entity)


def batches(cells: list[list[str]], delimiter: str) -> Iterator[Batch]:
    """The rows in batches of all sizes; where it can be, as text that is only split."""
    chance, start = random.Random(len(cells)), 0
    while start < len(cells):
        part = cells[start : start + chance.choice([1, 2, 30, 200])]
        lines = range(start, start + len(part))
        start += len(part)
        joined = "".join(map("".join, part))
        if chance.random() < 0.5 and not any(each in joined for each in (delimiter, '"', "\n", "\r")):
            yield Batch(delimiter, lines, [delimiter.join(row) for row in part])
        else:
            yield by_cells(delimiter, lines, part)


def parameters(entity: str, schema: TemplateSchema, shape: FileShape, cells: list[list[str]]) -> list[Any]:
    """Row by row: the parameters of what each row sets, or what is said against it."""
    handler, rows = handler_of(entity), [Row(number, number, list(each)) for number, each in enumerate(cells)]
    Validator(schema, shape).read_all(rows)
    context = Context(1, schema)
    made: list[Any] = []
    for row in rows:
        if row.errors or row.warnings:
            made.append((row.errors, row.warnings))
            continue
        given = {name: value for name, value in row.values.items() if name in handler.references}
        given |= handler.given(row, context)
        made.append({name: typed(entity, name, value) for name, value in given.items() if value is not None})
    return made


def typed(entity: str, name: str, value: Any) -> Any:
    """A parameter as it is written; attributes that the model does not have stay as the schema reads them."""
    field = handler_of(entity).model._meta.fields.get(name)
    parameter = one_parameter(field, value)
    return (type(parameter), parameter)


def loaded_rows(entity: str, loaded: Loaded) -> dict[int, dict[str, Any]]:
    """What the loader gives, by place, without what is empty."""
    rows: dict[int, dict[str, Any]] = {}
    for number, place in enumerate(loaded.places):
        values = {name: column[number] for name, column in loaded.columns.items()}
        rows[place] = {name: (type(value), value) for name, value in values.items() if value is not None}
    return rows


def with_all_needed(shape: FileShape, cells: list[list[str]]) -> list[list[str]]:
    """In most rows: cells without which there is no record."""
    places = [(place, PLAIN[column.name]) for place, column in enumerate(shape.columns) if column.name in PLAIN]
    for number, row in enumerate(cells):
        for place, text in places if number % 10 else ():
            if len(row) > place and not row[place].strip():
                row[place] = text
    return cells


def named(shape: FileShape) -> FileShape:
    """With names of open columns that JSON has to escape."""
    names = iter(OPEN_NAMES)
    return replace(shape, columns=tuple(replace(column, open_name=next(names)) if column.kind == "open" else column
                                        for column in shape.columns))  # fmt: skip


@pytest.mark.parametrize("formats", FORMATS, ids=lambda formats: formats.date_format)
@pytest.mark.parametrize("entity", ENTITIES)
def test_what_is_given_is_what_the_handler_would_store(
    settings: Settings, entity: str, formats: Formats, tmp_path: Path
) -> None:
    """Value for value and type for type; what is not given at all is left to the handler."""
    schema = handler_of(entity).schema(formats)
    shape = named(shape_of(schema, tmp_path))
    if entity == "product":  # files with System IDs do not go by the column
        shape = replace(shape, columns=tuple(each for each in shape.columns if each.name != "System_ID"))
    cells = with_all_needed(shape, random_rows(schema, shape, ROWS, f"{entity} {formats}"))
    expected = parameters(entity, schema, shape, cells)
    loader = ColumnLoader(schema, shape, handler_of(entity).model)
    assert loader.usable

    given = 0
    for batch in batches(cells, shape.delimiter):
        start = batch.lines[0]
        for place, values in loaded_rows(entity, loader.load(batch)).items():
            assert values == expected[start + place], cells[start + place]
            given += 1

    assert ROWS / 20 < given < ROWS
    assert given > sum(isinstance(each, dict) for each in expected) / 2


def meaning(row: dict[str, Any]) -> dict[str, Any]:
    """Objects whatever the order of their members, which is not the same row by row."""
    return {name: json.loads(value) if name in ("prices", "attributes") else (kind, value)
            for name, (kind, value) in row.items()}  # fmt: skip


FAULTY = [
    ("MOQ", "x"), ("MOQ", "-1"), ("Media", "nowhere"), ("Media", "https://a.example|https://b.example"),
    ("Price: a", "1e3"), ("Price: b", ".5"), ("Price: b", "007"), ("Name", "\0"), ("Name", "x" * 501), ("Name", CLEAR),
    ("Price: a", CLEAR), ("MOQ", ""), ("Price: a", ""), ("Attribute: c", ""), ("Attribute: d", ""),
    ("Attribute: c", 'a "b"'), ("Media", "https://a.example/\u00e4"), ("SKU_ID", "1.2E+5"),
    ("SKU_ID", "#N/A"), ("SKU_ID", "\u200b1"), ("SKU_ID", "a#1"), ("SKU_ID", "\u00e4\u00a0b"),
]  # fmt: skip
"""Cells that are not plainly good, or good but not like the others of their column."""


@pytest.mark.parametrize("every", [3, 40, 700])
def test_a_few_other_cells_among_many_plain_ones(settings: Settings, every: int, tmp_path: Path) -> None:
    """Where each cell is there once, and those of hundreds of rows are looked at together."""
    columns = ["SKU_ID", "Name", "MOQ", "Media", "Price: a", "Price: b", "Attribute: c", "Attribute: d"]
    path = tmp_path / "PRODUCT_18_09_2024.csv"
    path.write_text(f"{','.join(columns)}\nS1")
    schema = handler_of("product").schema(Formats())
    shape = inspect(path, schema)
    cells = [[f"S{number}", f"Cup {number}", str(number), f"https://a.example/{number}", f"{number}.5",
              str(number + 1), f"c{number}", f"d{number}"] for number in range(3000)]  # fmt: skip
    for nth, row in enumerate(cells[5::every]):
        column, text = FAULTY[nth % len(FAULTY)]
        row[columns.index(column)] = text
    expected = parameters("product", schema, shape, cells)
    loader = ColumnLoader(schema, shape, handler_of("product").model)

    found = loader.load(Batch(",", range(3000), [",".join(row) for row in cells]))

    assert {place: meaning(expected[place]) for place in found.places} == {
        place: meaning(row) for place, row in loaded_rows("product", found).items()
    }
    left = set(range(3000)).difference(found.places)
    assert all(isinstance(expected[place], tuple) or CLEAR in cells[place] for place in left)
    assert left


@pytest.mark.parametrize("apart", [[], [0], [999], [0, 1, 998, 999], [500], list(range(0, 1000, 40)), list(range(900))])
def test_rows_are_taken_out(apart: list[int]) -> None:
    """A few of many, most, or none; the lists that they are taken from stay as they are."""
    loaded = Loaded(range(1000, 2000), {"name": [str(number) for number in range(1000)]})

    found = loaded.only([place not in apart for place in range(1000)])

    left = [place for place in range(1000) if place not in apart]
    assert list(found.places) == [1000 + place for place in left]
    assert found.columns == {"name": list(map(str, left))}
    assert (loaded.places, len(loaded.columns["name"])) == (range(1000, 2000), 1000)
