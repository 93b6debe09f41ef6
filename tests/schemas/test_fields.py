from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from schemas import SCHEMAS, Fault, Formats, TemplateSchema
from schemas.address import AddressSchema
from schemas.category import CategorySchema
from schemas.collection import CollectionSchema
from schemas.customer import CustomerSchema
from schemas.inventory import InventorySchema
from schemas.order import OrderSchema
from schemas.product import ProductSchema

GERMAN = Formats("DD.MM.YYYY", ",")
UUID = "0192d4e0-7a3b-7c11-8a55-0123456789ab"
ERRORS = ["#N/A", "#NV", "#NAME?", "#REF!", "#VALUE!", "#WERT!", "#BEZUG!", "#DIV/0!", "#ZAHL!", "#N/D", "#¡VALOR!",
          "#¿NOMBRE?", "#ÜBERLAUF!", "#ЗНАЧ!", "#\u041d/\u0414", "########", "Err:502"]  # fmt: skip
"""What spreadsheets of several countries write where they could not reckon."""


def value(schema: TemplateSchema, column: str, text: str) -> Any:
    """What one cell loads as."""
    [found] = schema.load({column: text}).values()
    return found


def fault(schema: TemplateSchema, column: str, text: str) -> Fault:
    """The one thing that is wrong with a cell."""
    with pytest.raises(ValidationError) as caught:
        schema.load({column: text})
    messages: Any = caught.value.normalized_messages()[column]
    while isinstance(messages, dict):
        [messages] = messages.values()
    [message] = messages
    assert isinstance(message, Fault)
    return message


@pytest.mark.parametrize(
    ("schema", "column", "text", "expected"),
    [
        (ProductSchema(), "SKU_ID", "000123", "000123"),
        (ProductSchema(), "SKU_ID", "x" * 100, "x" * 100),
        (ProductSchema(), "System_ID", UUID.upper(), UUID),
        (ProductSchema(), "System_ID", "{" + UUID.replace("-", "") + "}", UUID),
        (ProductSchema(), "Description", "<p>\n</p>", "<p>\n</p>"),
        (ProductSchema(), "Status", "ACTIVE", "active"),
        (ProductSchema(), "Category", "A>B |C > D| ", ["A > B", "C > D"]),
        (ProductSchema(), "Collection", "Summer|Winter|Summer", ["Summer", "Winter"]),
        (ProductSchema(), "MOQ", "0", Decimal(0)),
        (ProductSchema(), "Weight", "0.210", Decimal("0.21")),
        (ProductSchema(), "Weight", ".5", Decimal("0.5")),
        (ProductSchema(), "Weight", "999999999999999999.999999", Decimal("999999999999999999.999999")),
        (ProductSchema(), "Weight", "000000000000000000001", Decimal(1)),
        (ProductSchema(GERMAN), "Weight", "1234,5", Decimal("1234.5")),
        (ProductSchema(), "Media", "https://a.example/1.jpg | http://b.example/x?y=1", ["https://a.example/1.jpg",
                                                                                      "http://b.example/x?y=1"]),
        (InventorySchema(), "Available_Quantity", "-3.5", Decimal("-3.5")),
        (InventorySchema(), "Available_Quantity", "-0.0", Decimal(0)),
        (InventorySchema(), "On_Order_Quantity", "5|5", [Decimal(5), Decimal(5)]),
        (InventorySchema(), "On_Order_ETA", "2024-09-18|2024-02-29", [dt.date(2024, 9, 18), dt.date(2024, 2, 29)]),
        (InventorySchema(GERMAN), "On_Order_ETA", "18.09.2024", [dt.date(2024, 9, 18)]),
        (InventorySchema(), "Back_Order_Allowed", "y", True),
        (InventorySchema(), "Back_Order_Allowed", "N", False),
        (CustomerSchema(), "Email", "first.last+tag@sub.example.com", "first.last+tag@sub.example.com"),
        (CustomerSchema(), "Currency", "eur", "EUR"),
        (AddressSchema(), "Country", "de", "DE"),
        (AddressSchema(), "Country", "xk", "XK"),
        (AddressSchema(), "Type", "Both", "both"),
        (CategorySchema(), "Category", " A >B>  C", "A > B > C"),
        (CategorySchema(), "Position", "7", 7),
        (OrderSchema(), "Order_Date", "2024-09-18", dt.date(2024, 9, 18)),
        (OrderSchema(), "Status", "Confirmed", "confirmed"),
        (ProductSchema(), "Barcode", '="x"&"y"', '="x"&"y"'),
    ],
)  # fmt: skip
def test_good_values(schema: TemplateSchema, column: str, text: str, expected: object) -> None:
    """What a cell means."""
    assert value(schema, column, text) == expected


@pytest.mark.parametrize(
    ("schema", "column", "text", "code", "words"),
    [
        (ProductSchema(), "SKU_ID", "x" * 101, "TOO_LONG", "101 characters: at most 100 fit, so shorten it"),
        (ProductSchema(), "SKU_ID", "a\0b", "INVALID_VALUE", "NUL"),
        (ProductSchema(), "Barcode", '="007"', "INVALID_VALUE", "is a formula: write 007"),
        (ProductSchema(), "Barcode", '="a""b"', "INVALID_VALUE", 'is a formula: write a"b'),
        *((ProductSchema(), "SKU_ID", error, "INVALID_VALUE", "is an error of a spreadsheet") for error in ERRORS),
        (CustomerSchema(), "Reference_ID", "K\u2060-1", "INVALID_VALUE", "invisible character U+2060"),
        (ProductSchema(), "Name", "x" * 501, "TOO_LONG", "at most 500"),
        (ProductSchema(), "System_ID", "12", "INVALID_VALUE", "take it from ids.csv"),
        (ProductSchema(), "System_ID", UUID.replace("-", "_"), "INVALID_VALUE", "System ID"),
        (ProductSchema(), "System_ID", "+" + UUID.replace("-", "")[1:], "INVALID_VALUE", "System ID"),
        (ProductSchema(), "Status", "on", "INVALID_VALUE", "write one of active, inactive"),
        (ProductSchema(), "Category", "A>>B", "INVALID_VALUE", "empty name"),
        (ProductSchema(), "Category", "|", "INVALID_VALUE", "list is empty"),
        (ProductSchema(), "Collection", "x" * 201, "TOO_LONG", "at most 200"),
        (ProductSchema(), "MOQ", "-1", "OUT_OF_RANGE", "'-1' is too small: give a number of at least 0"),
        (ProductSchema(), "MOQ", "1e3", "INVALID_VALUE", "is not a number"),
        (ProductSchema(), "MOQ", "1_000", "INVALID_VALUE", "is not a number"),
        (ProductSchema(), "MOQ", "1,000", "INVALID_VALUE", "'.' before decimals"),
        (ProductSchema(), "MOQ", "NaN", "INVALID_VALUE", "is not a number"),
        (ProductSchema(), "MOQ", "٣", "INVALID_VALUE", "is not a number"),
        (ProductSchema(), "MOQ", "5.", "INVALID_VALUE", "is not a number"),
        (ProductSchema(GERMAN), "MOQ", "1.5", "INVALID_VALUE", "',' before decimals"),
        (
            ProductSchema(),
            "Weight",
            "1" * 19,
            "OUT_OF_RANGE",
            "1' is too large: at most 18 digits fit before the decimals, so give fewer",
        ),
        (ProductSchema(), "Weight", "0.1234567", "OUT_OF_RANGE", "' has 7 decimals: at most 6 fit, so round it"),
        (ProductSchema(), "Media", "cup.jpg", "INVALID_VALUE", "web address"),
        (ProductSchema(), "Media", "javascript:alert(1)", "INVALID_VALUE", "web address"),
        (InventorySchema(), "On_Order_Quantity", "5||5", "INVALID_VALUE", "a value before and behind each bar (|)"),
        (InventorySchema(), "On_Order_Quantity", "-5", "OUT_OF_RANGE", "at least 0"),
        (InventorySchema(), "On_Order_ETA", "18.09.2024", "INVALID_VALUE", "write it as YYYY-MM-DD"),
        (InventorySchema(), "Back_Order_Allowed", "yes", "INVALID_VALUE", "neither Y nor N: write one of them"),
        (CustomerSchema(), "Email", "a@b", "INVALID_VALUE", "name@example.com"),
        (CustomerSchema(), "Email", "a@b.example; c@d.example", "INVALID_VALUE", "one e-mail address"),
        (CustomerSchema(), "Email", "x" * 320 + "@b.example", "TOO_LONG", "at most 320"),
        (CustomerSchema(), "Currency", "EURO", "INVALID_VALUE", "three letters"),
        (AddressSchema(), "Country", "uk", "INVALID_VALUE", "is no code of ISO 3166: the United Kingdom is GB"),
        (AddressSchema(), "Country", "EL", "INVALID_VALUE", "is no code of ISO 3166: Greece is GR"),
        (AddressSchema(), "Country", "\u00df", "INVALID_VALUE", "is not a country"),
        (AddressSchema(), "Country", "\ufb00", "INVALID_VALUE", "is not a country"),
        (AddressSchema(), "Country", "Germany", "INVALID_VALUE", "ISO 3166"),
        (CategorySchema(), "Category", "A > ", "INVALID_VALUE", "empty name"),
        (CategorySchema(), "Category", "A|B", "INVALID_VALUE", "separates lists"),
        (CategorySchema(), "Category", ">".join(["x"] * 300), "TOO_LONG", "1197 characters"),
        (CategorySchema(), "Position", "1.5", "INVALID_VALUE", "write digits only, such as 12"),
        (CategorySchema(), "Position", "-1", "OUT_OF_RANGE", "'-1' is too small: give a number between 0 and "),
        (
            CategorySchema(),
            "Position",
            "2147483648",
            "OUT_OF_RANGE",
            "'2147483648' is too large: give a number between 0 and 2147483647",
        ),
        (CollectionSchema(), "Name", "A|B", "INVALID_VALUE", "separates lists"),
        (OrderSchema(), "Order_Date", "2024-02-30", "INVALID_VALUE", "is not a date"),
        (OrderSchema(), "Order_Date", "2024-9-18", "INVALID_VALUE", "is not a date"),
        (OrderSchema(), "Order_Date", "2024-09- 1", "INVALID_VALUE", "is not a date"),
        (OrderSchema(), "Order_Date", "2024-09-18T10:00", "INVALID_VALUE", "for example 2024-09-18"),
        (OrderSchema(GERMAN), "Order_Date", "2024-09-18", "INVALID_VALUE", "for example 18.09.2024"),
        (OrderSchema(), "Status", "open", "INVALID_VALUE", "draft, confirmed, shipped, invoiced, cancelled"),
    ],
)
def test_bad_values(schema: TemplateSchema, column: str, text: str, code: str, words: str) -> None:
    """Each has its code, and a message that says what is expected."""
    found = fault(schema, column, text)

    assert found.code == code
    assert words in found


def test_lists_of_unequal_length() -> None:
    """Each quantity on order has its date."""
    with pytest.raises(ValidationError) as caught:
        InventorySchema().load({"On_Order_Quantity": "1|2", "On_Order_ETA": "2024-09-18"})

    [message] = caught.value.normalized_messages()["On_Order_ETA"]
    assert message.code == "INVALID_VALUE"
    assert "2 quantities, but 1 dates" in message


def test_one_list_alone() -> None:
    """The other one may be stored already."""
    assert value(InventorySchema(), "On_Order_Quantity", "1|2") == [1, 2]


def test_all_faults_of_a_row_are_told() -> None:
    """Not only the first."""
    with pytest.raises(ValidationError) as caught:
        ProductSchema().load({"SKU_ID": "x" * 101, "Status": "on", "MOQ": "-1"})

    assert set(caught.value.normalized_messages()) == {"SKU_ID", "Status", "MOQ"}


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.entity)
def test_a_column_that_the_template_lacks(schema: type[TemplateSchema]) -> None:
    """Unknown columns do not pass in silence."""
    with pytest.raises(ValidationError):
        schema().load({"Nonsense": "x"})


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.entity)
@given(text=st.text(min_size=1).map(str.strip).filter(bool))
def test_any_text_is_a_value_or_a_fault(schema: type[TemplateSchema], text: str) -> None:
    """No cell raises anything but ValidationError, with a code; what it takes can be written and read again."""
    bound = schema()
    for name, field in bound.columns.items():
        faults = bound.validate({name: text})
        assert faults.keys() <= {name}
        if not faults:
            [found] = bound.load({name: text}).values()
            assert value(bound, name, field.write(found, bound.formats)) == found


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**18) + 1, max_value=10**18 - 1))
def test_numbers_are_exact(number: Decimal) -> None:
    """Whatever fits is read as it was written, in either separator."""
    for formats in (Formats(), GERMAN):
        schema = InventorySchema(formats)
        assert value(schema, "Available_Quantity", formats.write_decimal(number)) == number


@pytest.mark.parametrize("text", ["1,5", "1.234,50", "-1.234.567,5", "1.234.567", ",5", "1000,5", "3,5-"])
def test_a_number_with_the_other_separator(text: str) -> None:
    """The message says so of either one: others of the file may have been taken for what they are not."""
    mirrored = text.translate(str.maketrans(",.", ".,"))

    for formats, written, other in ((Formats(), text, ","), (GERMAN, mirrored, ".")):
        message = fault(InventorySchema(formats), "Available_Quantity", written)
        assert f"looks like a number with {other!r}: other cells" in message
        assert f"such as 1{formats.decimal_separator}234, may have been read otherwise than meant" in message
        assert "The admin can set decimal_separator for the account" in message
        assert len(message) < 450, "report.csv cuts longer ones"


@pytest.mark.parametrize("text", ["six", "1,000", "1,000.50", "1.2.3", "1,2,3", "1e5", "2024-09-18", "1,", "--"])
def test_what_is_a_number_with_no_separator(text: str) -> None:
    """Nothing is guessed about the file."""
    assert fault(InventorySchema(), "Available_Quantity", text).endswith("without a thousands separator")


@pytest.mark.parametrize("text", ["3-", "3.5-", "\u22123", "\u2013 3", "- 3", "-3-"])
def test_a_minus_stands_before_the_digits(text: str) -> None:
    """Some programs write it behind them, or as a character of print."""
    message = fault(InventorySchema(), "Available_Quantity", text)

    assert message.endswith("without a thousands separator, and a minus (-), if there is one, right before the digits")


@given(st.dates())
def test_dates_in_every_order(date: dt.date) -> None:
    """A date written in a format is read in it."""
    for written in ("YYYY-MM-DD", "DD.MM.YYYY", "MM/DD/YYYY", "YYYYMMDD"):
        formats = Formats(written)
        assert formats.read_date(formats.write_date(date)) == date
