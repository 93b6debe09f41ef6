"""Records that hold what is no value of their columns: the others are written, and the log names these."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest

from handlers import order_lines
from models import Product, database
from settings import Settings
from tests.partner import Partner, counts

PRODUCTS = "SKU_ID,Name,MOQ,Media,Price: Retail,Attribute: Color\n"
ONE_BAD: dict[str, tuple[str, str, str, str]] = {
    "a price with a comma": ("product", "product", "prices = '{\"Retail\":\"7,90\"}'", "Price: Retail is '7,90'"),
    "an empty price": ("product", "product", "prices = '{\"Retail\":\"\"}'", "Price: Retail is ''"),
    "prices that are no object": ("product", "product", "prices = '[\"Retail\"]'", "Price is \"['Retail']\""),
    "a text as a number": ("product", "product", "moq = 'abc'", "MOQ is 'abc'"),
    "NaN": ("product", "product", "moq = 'NaN'", "MOQ is 'NaN'"),
    "an address that is no list": ("product", "product", "media = '\"http://a.example\"'",
                                   "Media is 'http://a.example'"),
    "a list with nothing in it": ("product", "product", "media = '[null]'", "Media is '[None]'"),
    "categories that are no list": ("product", "product", "categories = '7'", "Category is '7'"),
    "a date of another form": ("order", "sales_order", "order_date = '23.11.2026'", "Order_Date is '23.11.2026'"),
    "a number as a date": ("order", "sales_order", "order_date = 7", "Order_Date is '7'"),
    "an amount of an order": ("order", "sales_order", "tax_amount = '7,90'", "Tax_Amount is '7,90'"),
    "a date of stock": ("inventory", "inventory", "on_order_eta = '[\"soon\"]'", "On_Order_ETA is \"['soon']\""),
    "what clears a value": ("product", "product", "name = '\\N'", "Name is '\\N'"),
    "what clears it, with blanks": ("product", "product", "description = ' \\N '", "Description is ' \\N '"),
    "what clears an open value": ("product", "product", "attributes = '{\"Color\":\"\\\\N\"}'",
                                  "Attribute: Color is '\\N'"),
    "a list of what clears it": ("product", "product", "media = '[\"\\\\N\"]'", "Media is '\\N'"),
    "a NUL": ("product", "product", "name = 'nul' || char(0) || 'x'", "Name holds a NUL character (byte 0)"),
    "a NUL in an order": ("order", "sales_order", "notes = char(0)", "Notes holds a NUL character (byte 0)"),
    "a place in a list": ("collection", "collection", "position = 'first'", "Position is 'first'"),
}  # fmt: skip
"""What plain SQL stores in the oldest record of a table: the entity that tells of it, and what the log says."""


@pytest.fixture
def stocked(make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]) -> Partner:
    """Two records of several entities, on SQLite, which stores any text anywhere."""
    partner = make_partner(make_settings("sqlite"))
    partner.send("product", PRODUCTS + "001,Cup,6,,7.90,red\n002,Mug,1,,1,\n")
    partner.send("inventory", "SKU_ID,Available_Quantity,On_Order_Quantity,On_Order_ETA\n001,1,1,2026-11-23\n002,2,,\n")
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
    partner.send("order", "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\n"
                 "PO1,K1,2026-11-23,001,1\nPO1,K1,2026-11-23,002,2\nPO2,K1,2026-11-23,001,3\n")  # fmt: skip
    partner.send("collection", "Name,Position\nSummer,1\nWinter,2\n")
    return partner


@pytest.mark.parametrize("what", ONE_BAD)
def test_one_bad_value_keeps_no_other_record_back(
    stocked: Partner, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    """Its own record is left out, and named with the column. What is written imports back unchanged."""
    entity, table, change, told = ONE_BAD[what]
    oldest = min(record[stocked.registry.handler(entity).schema.id_column] for record in stocked.records(entity))
    database.execute_sql(f"UPDATE {table} SET {change} WHERE system_id = '{oldest}'")
    caplog.clear()

    (row,) = stocked.records(entity)

    assert oldest not in row.values()
    assert [each.getMessage() for each in caplog.records] == [
        f"{entity} {oldest} is not written: its {told}, which is no value of that column; correct it"
    ]
    assert counts(stocked.send(entity, stocked.csv(entity))) == (0, 0, 1, 0)


def test_an_order_is_left_out_whole(stocked: Partner, caplog: pytest.LogCaptureFixture) -> None:
    """One whose second line can't be written would come back without that line."""
    database.execute_sql("UPDATE order_line SET quantity = 'two' WHERE quantity = '2'")

    assert stocked.column("order", "Reference_ID") == ["PO2"]
    assert "its Quantity is 'two'" in caplog.text


def test_numbers_in_json_are_written_as_they_were(stocked: Partner) -> None:
    """A float is not the number that was meant, but its shortest text is; the row comes back unchanged."""
    Product.update(prices={"Retail": 7.9, "Net": 7}).where(Product.sku_id == "001").execute()

    cup = stocked.records("product")[0]

    assert (cup["Price: Retail"], cup["Price: Net"]) == ("7.9", "7")
    assert counts(stocked.send("product", stocked.csv("product"))) == (0, 0, 2, 0)


def test_texts_that_are_like_what_clears_are_written(stocked: Partner) -> None:
    """A backslash before an N within a text, or at the border of two cells, clears nothing."""
    Product.update(name="C:\\New\\N", description="a\\", uom="N").where(Product.sku_id == "001").execute()

    assert stocked.column("product", "Name") == ["C:\\New\\N", "Mug"]
    assert counts(stocked.send("product", stocked.csv("product"))) == (0, 0, 2, 0)


def test_nothing_in_json_is_an_empty_cell(stocked: Partner) -> None:
    """Nor does it make a column of its own."""
    stored = json.dumps({"Color": None, "Size": None, "Shape": "round"})
    database.execute_sql(f"UPDATE product SET attributes = '{stored}', categories = 'null' WHERE sku_id = '002'")

    mug = stocked.records("product")[1]

    assert (mug["Attribute: Color"], mug["Attribute: Shape"], mug["Category"]) == ("", "round", "")
    assert "Attribute: Size" not in mug


def test_a_time_that_can_t_be_read_matters_to_nobody(stocked: Partner) -> None:
    """No template has a column for it."""
    database.execute_sql("UPDATE product SET created_at = 'yesterday' WHERE sku_id = '001'")

    assert stocked.column("product", "SKU_ID") == ["001", "002"]


def test_orders_of_many_lines_are_read_few_at_a_time(
    stocked: Partner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else a thousand of them would have to fit into memory. One that has too many is read alone."""
    monkeypatch.setattr(order_lines, "MOST", 1)
    caplog.set_level(logging.DEBUG, "peewee")

    assert stocked.column("order", "Reference_ID") == ["PO1", "PO1", "PO2"]
    assert len([each for each in caplog.messages if 'LEFT OUTER JOIN "product"' in each]) == 2
