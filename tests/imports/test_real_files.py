"""Files as other programs export them, in tests/fixtures."""

from __future__ import annotations

import tracemalloc
from collections import deque
from pathlib import Path

import pytest

from errors import FileProblem
from imports.reading import FileShape, Record, inspect, records
from schemas import SCHEMAS
from schemas.filenames import parse
from schemas.inventory import InventorySchema


def read(path: Path) -> tuple[FileShape, list[Record]]:
    schema = next(schema for schema in SCHEMAS if schema.entity == parse(path.name, SCHEMAS).entity)
    shape = inspect(path, schema())
    return shape, list(records(path, shape))


def test_shopify(fixtures: Path) -> None:
    """Quoted HTML over lines, doubled quotes, emoji, commas and a blank line."""
    shape, found = read(fixtures / "shopify" / "PRODUCT_18_09_2024.csv")

    assert (shape.encoding, shape.delimiter) == ("utf-8", ",")
    assert [(record.line, record.cells[0]) for record in found] == [
        (2, "TEE-RED-S"),
        (9, "TEE-RED-M"),
        (10, "MUG-01"),
        (12, "PIPE-5"),
    ]
    assert found[0].cells[2].startswith("<p>Soft, <strong>organic</strong> cotton 🌱</p>\n<ul>")
    assert found[0].cells[1] == 'Organic Tee "Sunrise" \N{EN DASH} Red / S'
    assert found[0].cells[5] == "0012345678905"
    assert [c.open_name for c in shape.columns if c.kind == "open"] == ["Retail", "B2B Tier 1", "Color", "Handle"]


def test_excel_in_german(fixtures: Path) -> None:
    """Windows-1252, semicolons, CRLF, nameless columns and a row of nothing but semicolons."""
    shape, found = read(fixtures / "excel_german" / "PRODUCT_18_09_2024.csv")

    assert (shape.encoding, shape.guessed, shape.delimiter) == ("cp1252", 1, ";")
    assert shape.columns[7].name == "Attribute: Größe"
    assert [record.line for record in found] == [2, 4]
    assert found[0].cells[:3] == ["000815", "Müsli „Früchte“", "Ohne Zuckerzusatz; mit Äpfeln\nund Nüssen"]


def test_excel_csv_utf8(fixtures: Path) -> None:
    """Excel's "CSV UTF-8": a byte order mark, which is no part of the first column's name."""
    shape, found = read(fixtures / "excel_utf8" / "CUSTOMER_18_09_2024.csv")

    assert (shape.bom, shape.guessed, shape.delimiter) == (True, 0, ";")
    assert shape.columns[0].text == "Reference ID"
    assert found[1].cells[1] == 'Ωmega "Trading" A.E.'


def test_excel_with_a_sep_line(fixtures: Path) -> None:
    """The header is on line 2."""
    shape, found = read(fixtures / "excel_sep" / "INVENTORY_18_09_2024.csv")

    assert (shape.delimiter, shape.header_line) == (";", 2)
    assert [(record.line, record.cells[3]) for record in found] == [(3, "60|60"), (4, "")]


def test_excel_unicode_text(fixtures: Path) -> None:
    """UTF-16 with a byte order mark, delimited by tabs."""
    shape, found = read(fixtures / "excel_unicode_text" / "CUSTOMER_18_09_2024.csv")

    assert (shape.encoding, shape.bom, shape.delimiter) == ("utf-16", True, "\t")
    assert [record.cells[1] for record in found] == ["東京商事株式会社", "Яблоня, ДЖ", "Smile 😀 Ltd"]


def test_old_mac(fixtures: Path) -> None:
    """Lines that end in a lone CR, one within quotes."""
    _, found = read(fixtures / "old_mac" / "COLLECTION_18_09_2024.csv")

    assert [(record.line, record.cells[2]) for record in found] == [(2, "Light\rand bright"), (4, "")]


def test_erp_with_pipes(fixtures: Path) -> None:
    """A | delimits if the header says so; commas in cells are text."""
    shape, found = read(fixtures / "erp_pipe" / "ORDER_18_09_2024.csv")

    assert shape.delimiter == "|"
    assert found[0].cells[3] == "Ring twice, please"


def test_an_unclosed_quote(fixtures: Path) -> None:
    """The quote opens on line 4 and swallows the rest."""
    with pytest.raises(FileProblem) as caught:
        read(fixtures / "unclosed" / "PRODUCT_18_09_2024.csv")

    assert (caught.value.code, caught.value.line) == ("UNCLOSED_QUOTE", 4)


def test_a_workbook_with_the_name_of_a_csv(fixtures: Path) -> None:
    """A file that was renamed instead of saved as CSV."""
    with pytest.raises(FileProblem, match="Excel workbook") as caught:
        read(fixtures / "workbook" / "PRODUCT_18_09_2024.csv")

    assert caught.value.code == "NOT_TEXT"


def test_many_rows_in_little_memory(tmp_path: Path) -> None:
    """Reading 200,000 rows of 8 MB takes a few MB, whatever the length of the file."""
    path = tmp_path / "INVENTORY_18_09_2024.csv"
    path.write_bytes(b"SKU_ID,Warehouse,Available_Quantity\n" + b"0000001,SOMEWHERE,1234567890123456.5\n" * 200_000)

    tracemalloc.start()
    shape = inspect(path, InventorySchema())
    last = deque(records(path, shape), maxlen=1).pop()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert last.line == 200_001
    assert peak < 6_000_000
