from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import pytest

from errors import FILE_CODES, ROW_CODES, WARNING_CODES
from imports.reading import inspect, records
from imports.templates import README, template_csv, write_templates
from schemas import SCHEMAS, Formats, TemplateSchema
from schemas.filenames import example
from schemas.product import ProductSchema

GERMAN = Formats("DD.MM.YYYY", ",")
entities = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.entity)


@entities
@pytest.mark.parametrize("formats", [Formats(), GERMAN], ids=["iso", "german"])
def test_a_template_can_be_uploaded_as_it_is(schema: type[TemplateSchema], formats: Formats, tmp_path: Path) -> None:
    """Its header is whole and in order, and its example rows are what the schema takes, in the account's formats."""
    path = tmp_path / example(schema.entity)
    path.write_bytes(template_csv(schema, formats).encode())
    bound, plain = schema(formats), schema()

    shape = inspect(path, bound)
    rows = list(records(path, shape))

    assert shape.missing_needed == ()
    assert [c.name for c in shape.columns] == [*bound.columns, *(column.example for column in bound.open_columns)]
    assert len(rows) == len(schema.example_rows)
    for record, noted in zip(rows, schema.example_rows, strict=True):
        cells = {
            c.name: cell for c, cell in zip(shape.columns, record.cells, strict=True) if c.kind == "fixed" and cell
        }
        assert bound.load(cells) == plain.load({column: text for column, text in noted.items() if ":" not in column})


def test_examples_in_the_formats_of_the_account() -> None:
    """An account with a decimal comma gets 7,90 and therefore semicolons."""
    assert template_csv(ProductSchema).splitlines()[1].endswith(",0.21,https://example.com/cup.jpg,7.90,white")
    assert template_csv(ProductSchema, GERMAN).splitlines()[1].endswith(";0,21;https://example.com/cup.jpg;7,90;white")


def test_the_folder_of_templates(tmp_path: Path) -> None:
    """A file for each entity, the README, and nothing left over from writing them."""
    write_templates(tmp_path / "Templates", SCHEMAS, GERMAN)

    names = sorted(path.name for path in (tmp_path / "Templates").iterdir())
    assert names == sorted([*(f"{schema.entity.upper()}.csv" for schema in SCHEMAS), README])


def test_writing_again_touches_nothing(tmp_path: Path) -> None:
    """What has not changed keeps its time; what has is replaced."""
    write_templates(tmp_path, SCHEMAS)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    (tmp_path / "ORDER.csv").write_text("old")

    write_templates(tmp_path, SCHEMAS)

    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert {name for name in before if after[name] != before[name]} <= {"ORDER.csv"}
    assert (tmp_path / "ORDER.csv").read_text() != "old"


@pytest.fixture
def readme(tmp_path: Path) -> str:
    """The README of an account with German formats."""
    write_templates(tmp_path, SCHEMAS, GERMAN)
    return (tmp_path / README).read_bytes().decode()


def test_the_readme_is_plain_text_of_78_characters(readme: str) -> None:
    """CRLF line ends, for Notepad; no line is wider than a terminal, none has blanks at its end."""
    lines = readme.split("\r\n")

    assert all(len(line) <= 78 and line == line.rstrip() and "\n" not in line for line in lines)
    assert lines[0] == "How to send files"


def test_the_readme_says_how_to_try_a_file(readme: str) -> None:
    """By a dry run: an example that is uploaded under a right name would make records in the live account."""
    begin = readme.index("To try a file, upload it under a name that does not count yet")

    path = "/Products/PRODUCT_18_09_2024.csv.part"
    assert f"\r\n  put PRODUCT_18_09_2024.csv -o {path}\r\n  quote SITE VALIDATE {path}\r\n" in readme[begin:]
    assert "Take these rows out of a file that you send" in " ".join(readme[:begin].split())


@entities
def test_the_readme_explains_each_column(schema: type[TemplateSchema], readme: str) -> None:
    """Each entity has its folder, an example name, its columns, which of them are needed, and its hints."""
    bound = schema()
    begin = readme.index(f"{schema.entity.upper()}, into /{schema.folder}/")
    section = readme[begin:]

    assert f"/{schema.folder}/ " in readme
    assert example(schema.entity, dt.date(2024, 9, 18)) in readme
    for name, field in bound.columns.items():
        assert f"\r\n  {name}{' *' if field.needed else ''}" in section
    for hint in (*schema.hints, *(field.help for field in bound.columns.values())):
        assert hint in " ".join(section.split())


def test_the_readme_says_what_a_discount_is(readme: str) -> None:
    """Exports take it as money for the line."""
    assert "Line_Discount a number; an amount of money for the whole line, no percentage" in " ".join(readme.split())


def test_the_readme_says_that_orders_without_a_number_come_twice(readme: str) -> None:
    """Many clients send again when they have lost the 226."""
    assert "without it, or an Order_ID, each upload of the file makes a new order" in " ".join(readme.split())


def test_the_readme_explains_each_code(readme: str) -> None:
    """Every code that a partner can meet stands there with its meaning."""
    text = " ".join(readme.split())

    for code, meaning in {**ROW_CODES, **FILE_CODES, **WARNING_CODES}.items():
        assert f"{code} {meaning}" in text


def test_the_readme_speaks_of_the_formats_of_the_account(readme: str) -> None:
    """Dates and decimals as this account writes them."""
    assert "Dates are written DD.MM.YYYY, for example 18.09.2024." in readme
    assert "1234,50" in readme


def test_template_rows_have_one_cell_for_each_column() -> None:
    """csv reads a template evenly."""
    rows = list(csv.reader(template_csv(ProductSchema).splitlines()))

    assert {len(row) for row in rows} == {16}
