"""The compiled loader against the schema itself: whatever a row holds, both say the same."""

from __future__ import annotations

import csv
import io
import os
import random
from collections.abc import Callable
from decimal import Decimal
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
from marshmallow import ValidationError, post_load, validates_schema

from imports import compiled
from imports.compiled import Loader, compilable
from imports.header import Column
from imports.reading import FileShape, inspect
from imports.rows import Row
from imports.templates import template_csv, template_delimiter
from imports.validate import Validator
from schemas import SCHEMAS, Formats, ProductSchema, TemplateSchema
from schemas.fields import CellField, Code, Number, Text

ROWS = int(os.environ.get("FTPDOCK_RANDOM_ROWS", "1500"))
"""Random rows for each template and format."""
FORMATS = [Formats(date, point) for date, point in (("YYYY-MM-DD", "."), ("DD.MM.YYYY", ","), ("MM/DD/YYYY", "."))]
ODD = [
    *["", " ", "\\N", " \\N ", "a", " x ", "A > B", "A>B", "A >", "a|b", "a||b", "|", "'", '"', "nul\0", "line\nbreak"],
    *[
        "0",
        "-0",
        "00.10",
        "1.5",
        "1,5",
        "-1",
        "1e3",
        "1E+5",
        " 7E12",
        "1E5\n",
        "\n2E5",
        "1_000",
        "+4",
        ".5",
        "5.",
        "1|2",
        "1|",
    ],
    *["\u0661", "999999999999999999", "9999999999999999999", "0.000001", "0.0000001", "2147483648", "Y", "n", "yes"],
    *[
        "active",
        "INACTIVE",
        "shipping",
        "Billing",
        "confirmed",
        "DE",
        "de",
        "XX",
        "EUR",
        "eur",
        "EURO",
        "a@b.example",
        "a@b",
    ],
    *["http://a.example/x", "ftp://h/x|http://h/y", "http://h/y|http://h/y", "HTTPS://H.EXAMPLE", "http:///x"],
    *["2024-02-29", "2023-02-29", "29.02.2024", "02/29/2024", "2024-2-9", "2024-01-01|2024-01-02"],
    *[
        "01900000-0000-7000-8000-000000000000",
        "{01900000-0000-7000-8000-00000000000A}",
        "0190000000007000800000000000000a",
    ],
    *['="00123"', "#N/A", "#1", "\u200b00124", "+49E+11"],
    *["e\u0301", "\u00e9", "\U0001f99a", "\u2003b\u2003", "x" * 101, "x" * 201, "x" * 501, "x" * 1001],
]


def odd_cell(chance: random.Random) -> str:
    noise = "".join(chance.choices("0123456789.,-|>eE AbZ@:/\\N\t", k=chance.randrange(12)))
    return chance.choice([noise, *ODD])


def shape_of(schema: TemplateSchema, folder: Path) -> FileShape:
    """Of a file with every column of the template, two of each open kind, and a note."""
    opened = [f"{column.prefix}: {name}" for column in schema.open_columns for name in ("One", "Two")]
    path = folder / "random.csv"
    header = [*schema.columns, *opened, "_note"]
    path.write_text(",".join(header) + "\n" + ",".join("x" for _ in header) + "\n")
    return inspect(path, schema)


def random_rows(schema: TemplateSchema, shape: FileShape, count: int, seed: str) -> list[list[str]]:
    """What the examples hold, written as the account writes; in every other row some cells, or one, are odd."""
    chance = random.Random(seed)
    examples = list(csv.DictReader(io.StringIO(template_csv(type(schema), schema.formats)),
                                   delimiter=template_delimiter(schema.formats)))  # fmt: skip
    pools: dict[str, list[str]] = {}
    for example in examples:
        for name, text in example.items():
            pools.setdefault(name.partition(":")[0], []).append(text)
    made = []
    for _ in range(count):
        cells = [chance.choice([*pools.get(column.name.partition(":")[0], ["note"]), ""]) for column in shape.columns]
        for _ in range(chance.choice([0, 0, 1, 1, 2, 6])):
            cells[chance.randrange(len(cells))] = odd_cell(chance)
        made.append(chance.choices([cells, cells[:-2], [*cells, "more"]], [98, 1, 1])[0])
    return made


def one_by_one(validator: Validator, rows: list[Row]) -> None:
    for row in rows:
        validator.read(row)


def outcome(
    read: Callable[[Validator, list[Row]], None], schema: TemplateSchema, shape: FileShape, cells: list[list[str]]
) -> list[Any]:
    """What is known of each row: values with their types, errors, warnings, texts."""
    rows = [Row(number, number + 2, list(each)) for number, each in enumerate(cells)]
    validator = Validator(schema, shape)
    left, sizes = (
        iter(rows),
        cycle([1] * 40 + [2, 3] * 10 + [50]),
    )  # in a small chunk a column may be plain but for one odd cell
    while chunk := list(islice(left, next(sizes))):
        read(validator, chunk)
    return [
        (typed(row.values) if not row.errors else None, row.errors, sorted(map(repr, row.warnings)), row.texts)
        for row in rows
    ]


def typed(value: Any) -> Any:
    """`repr` tells 1 from True and 1.0 from 1.00."""
    if isinstance(value, dict):
        return {key: typed(each) for key, each in value.items()}
    return [typed(each) for each in value] if isinstance(value, list) else (type(value), repr(value))


@pytest.mark.parametrize("formats", FORMATS, ids=lambda formats: formats.date_format)
@pytest.mark.parametrize("kind", SCHEMAS, ids=lambda kind: kind.entity)
def test_random_rows_are_read_as_the_schema_reads_them(
    kind: type[TemplateSchema], formats: Formats, tmp_path: Path
) -> None:
    """Values, their types, messages, codes and warnings; most rows take the short way, many are bad."""
    schema = kind(formats)
    shape = shape_of(schema, tmp_path)
    cells = random_rows(schema, shape, ROWS, f"{kind.entity} {formats}")

    expected = outcome(one_by_one, schema, shape, cells)
    found = outcome(Validator.read_all, kind(formats), shape, cells)

    assert [each for each in zip(cells, found, expected, strict=True) if each[1] != each[2]][:3] == []
    assert sum(values is None for values, *_ in expected) > ROWS / 10
    assert sum(values is not None for values, *_ in expected) > ROWS / 50


def loaded(schema: TemplateSchema, *rows: list[str]) -> list[dict[str, Any] | None]:
    """What the compiled loader makes of rows of a file with all the schema's columns and nothing else."""
    columns = tuple(Column(name, "fixed", name) for name in schema.columns)
    return Loader(schema, FileShape("utf-8", 0, False, ",", 1, columns, ())).load(rows).values


class Plain(TemplateSchema):
    """A schema of a plugin."""

    entity, plural, folder = "thing", "things", "Things"

    code: CellField = Code("Code", 100)
    amount: CellField = Number("Amount")


class Upper(Text):
    """Reads otherwise than its base, whose shortcuts it inherits."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return value.upper()


class Neighbour(CellField):
    """Looks at another cell of its row."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return f"{value} {data.get('Code')}"


def test_a_field_that_overrides_reading_has_no_shortcut() -> None:
    class Shouting(Plain):
        code = Upper("Code", 100)

    assert loaded(Shouting(), ["a", "1"]) == [{"code": "A", "amount": 1}]


def test_a_field_with_a_validator_of_its_own_is_asked() -> None:
    def never_b(value: str) -> None:
        if value == "b":
            raise ValidationError("b")

    class Choosy(Plain):
        code = Code("Code", 100, validate=never_b)

    assert loaded(Choosy(), ["a", ""], ["b", ""]) == [{"code": "a"}, None]


def test_a_field_that_looks_at_its_row_is_left_to_the_schema() -> None:
    class Curious(Plain):
        amount = Neighbour("Amount")

    assert loaded(Curious(), ["a", "1"], ["a", ""]) == [None, {"code": "a"}]


def test_a_schema_with_a_hook_reads_every_row_itself() -> None:
    class Hooked(Plain):
        @post_load
        def _mark(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
            return data | {"code": "marked"}

    assert not compilable(Hooked())
    assert loaded(Hooked(), ["a", "1"]) == [None]


def test_a_validator_of_the_schema_is_run() -> None:
    """It sees what the row gives and no more; a row that it refuses, or stumbles over, is left to the schema."""
    seen = []

    class Checked(Plain):
        @validates_schema
        def _check(self, data: dict[str, Any], **kwargs: Any) -> None:
            seen.append(dict(data))
            if data["amount"] > 1:
                raise ValidationError("too much")

    assert loaded(Checked(), ["a", "1"], ["a", "2"], ["a", ""], ["a", "x"]) == [
        {"code": "a", "amount": 1},
        None,
        None,
        None,
    ]
    assert seen == [{"code": "a", "amount": 1}, {"code": "a", "amount": 2}, {"code": "a"}]


def test_rows_share_no_list() -> None:
    """A plugin may change what it finds in a row."""
    one, other = loaded(ProductSchema(), *([["A", *[""] * 12, "http://a.example/1|http://a.example/2"]] * 2))
    assert one is not None
    assert other is not None

    one["media"].append("x")

    assert len(other["media"]) == 2


def test_the_memory_of_a_column_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "MEMORY", 10)
    loader = Loader(Plain(), FileShape("utf-8", 0, False, ",", 1, (Column("Amount", "fixed", "Amount"),), ()))

    values = loader.load([[f"{number}.5"] for number in range(95)]).values

    assert [values[0], values[-1]] == [{"amount": Decimal("0.5")}, {"amount": Decimal("94.5")}]
    assert len(loader._fixed[0].memory) <= 10
