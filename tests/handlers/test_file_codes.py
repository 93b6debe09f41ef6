"""Each code of a file that can't be imported, from the upload to the report (design section 7)."""

from __future__ import annotations

from dataclasses import replace

import pytest

import layout
from tests.partner import Partner, counts

WIDE = "SKU_ID,Name\n"
LONG = "ß" * 101
FILES = {
    "empty": (b"", "EMPTY_FILE", 1, "", ""),
    "blank lines": (b"\r\n  \r\n,,\r\n", "EMPTY_FILE", 1, "", ""),
    "only a header": (b"SKU_ID,Name\r\n", "EMPTY_FILE", 1, "", ""),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0", "NOT_TEXT", 1, "", ""),
    "a stray byte": ("SKU_ID,Name\n1,Größe\n2,Fu".encode() + b"\xdf\n3,c\n", "NOT_TEXT", 3, "", ""),
    "an unknown column": (b"SKU_ID,Name,Colour\n1,a,b\n", "UNKNOWN_COLUMN", 1, "Colour", "Colour"),
    "a name that is long when folded": (f"SKU_ID,Name,Price: {LONG}\n1,a,1\n".encode(), "UNKNOWN_COLUMN", 1,
                                        f"Price: {LONG}", f"Price: {LONG}"),
    "no header": (b"1,Cup\n2,Mug\n", "UNKNOWN_COLUMN", 1, "1", "1"),
    "a missing column": (b"SKU_ID,MOQ\n1,2\n", "MISSING_COLUMN", 1, "Name", ""),
    "a column twice": (b"SKU_ID,Name,sku-id\n1,a,2\n", "DUPLICATE_COLUMN", 1, "SKU_ID", "sku-id"),
    "columns in disorder": (b"Name,SKU_ID\na,1\n", "COLUMN_ORDER", 1, "SKU_ID", "SKU_ID"),
    "an unclosed quote": (b'SKU_ID,Name\n1,a\n2,"b\n3,c\n', "UNCLOSED_QUOTE", 3, "", "b\n3,c\n"),
    "a huge cell": (b"SKU_ID,Name\n1," + b"x" * 5_000_000 + b"\n", "TOO_LARGE", 2, "", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_can_not_be_read(partner: Partner, name: str) -> None:
    """Failed, nothing stored, the source in failed/, one line in the report and no other file beside it."""
    content, code, line, column, value = FILES[name]

    event = partner.send("product", content)

    assert (event.status, event.code, event.rows, counts(event)) == ("failed", code, 0, (0, 0, 0, 0))
    (message,) = partner.messages(event)
    assert (message["line"], message["column"], message["value"], message["code"]) == (line, column, value, code)
    assert len(message["message"]) > 30
    assert partner.records("product") == []
    folder = layout.account_root(partner.settings, "acme") / "Products"
    stem = f"PRODUCT_18_09_2024.{event.number:06}"
    assert (folder / "failed" / f"{stem}.csv").read_bytes() == content
    assert [each.name for each in (folder / "reports").iterdir()] == [f"{stem}.report.csv"]
    assert not layout.spool_folder(partner.settings, event.number).exists()


def test_more_rows_than_allowed(partner: Partner) -> None:
    """max_rows is a limit of the whole file: none of it is stored."""
    partner.settings = replace(partner.settings, max_rows=2)

    assert partner.send("product", WIDE + "1,a\n2,b\n").code is None
    event = partner.send("product", WIDE + "3,a\n4,b\n5,c\n")

    assert (event.code, partner.messages(event)[0]["message"]) == (
        "TOO_LARGE", "The file has more than 2 rows: send it in parts")  # fmt: skip
    assert partner.column("product", "SKU_ID") == ["1", "2"]


def test_an_unclosed_quote_far_into_the_file_stores_nothing(partner: Partner) -> None:
    """The file is read to its end before the first chunk is written."""
    rows = "".join(f"{number},a\n" for number in range(50))

    event = partner.in_chunks(5).send("product", f'{WIDE}{rows}50,"b\n')

    assert (event.code, partner.messages(event)[0]["line"]) == ("UNCLOSED_QUOTE", 52)
    assert partner.records("product") == []


def test_any_order_of_columns_if_the_account_says_so(partner: Partner) -> None:
    """column_order = any."""
    partner.account.column_order = "any"
    partner.account.save()

    assert counts(partner.send("product", "Price: Retail,Name,SKU_ID\n5,a,1\n")) == (1, 0, 0, 0)


def test_without_a_needed_column_records_are_updated_only(partner: Partner) -> None:
    """A row that would create one is rejected; the column is missed only if every row would."""
    partner.send("product", WIDE + "1,a\n")

    event = partner.send("product", "SKU_ID,MOQ\n1,2\n2,3\n")

    assert (event.status, event.code, counts(event)) == ("completed_with_errors", None, (0, 1, 0, 1))
    (message,) = partner.messages(event)
    assert (message["line"], message["column"], message["code"]) == (3, "Name", "REQUIRED")


def test_rows_that_are_wrong_in_other_ways_keep_their_own_reports(partner: Partner) -> None:
    """A file of changes has no need of the column that it lacks, even if each of its rows is rejected."""
    partner.send("product", WIDE + "1,a\n")

    event = partner.send("product", "SKU_ID,MOQ\n1,x\n1,-1\n")

    assert (event.status, event.code) == ("completed_with_errors", None)
    assert {each["code"] for each in partner.messages(event)} == {"INVALID_VALUE", "OUT_OF_RANGE", "DUPLICATE_IN_FILE"}


@pytest.mark.parametrize(
    ("entity", "header", "column"),
    [("inventory", "SKU_ID,Warehouse\nx,y\n", "Available_Quantity"), ("customer", "Reference_ID\nx\n", "Company_Name"),
     ("category", "Reference_ID\nx\n", "Category"), ("collection", "Reference_ID\nx\n", "Name")],
)  # fmt: skip
def test_the_missing_column_is_named_for_each_entity(partner: Partner, entity: str, header: str, column: str) -> None:
    """A first file has to have what records are made of."""
    partner.send("product", WIDE + "x,a\n")

    event = partner.send(entity, header)

    assert (event.code, partner.messages(event)[0]["column"]) == ("MISSING_COLUMN", column)
