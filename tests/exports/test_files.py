"""The CSV files of exports: columns, exact money, and cells as the account's settings say."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.files import (
    CUSTOMER_COLUMNS,
    ITEM_COLUMNS,
    ORDER_COLUMNS,
    CustomerRecord,
    OrderRecord,
    Style,
    Unexportable,
    customer_files,
    digest,
    line_total,
    order_files,
    totals,
)
from exports.records import read_customers, read_orders
from models import Address, Contact, Customer, Order
from schemas import Formats
from schemas.customer import CustomerSchema
from settings import Settings
from tests.shop import Shop

ROOT = Path(__file__).parent.parent.parent
PLAIN = Style()
NAMES = ("quantity", "unit_price", "line_discount")


@pytest.fixture
def shop(make_settings: Callable[..., Settings]) -> Shop:
    return Shop(make_settings())


@pytest.fixture
def any_shop(settings: Settings) -> Shop:
    """One on each engine."""
    return Shop(settings)


def read(content: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def order_row(order: Order, style: Style = PLAIN) -> dict[str, str]:
    [row] = read(files_of(order, style)[f"order_data_{order.system_id}.csv"], style.delimiter)
    return row


def item_rows(order: Order, style: Style = PLAIN) -> list[dict[str, str]]:
    return read(files_of(order, style)[f"order_items_{order.system_id}.csv"], style.delimiter)


def files_of(order: Order, style: Style = PLAIN) -> dict[str, bytes]:
    record = read_orders([order.system_id])[order.system_id]
    assert isinstance(record, OrderRecord)
    return order_files(record, style)


def filled(row: dict[str, str]) -> dict[str, str]:
    return {column: cell for column, cell in row.items() if cell}


@pytest.mark.parametrize(
    ("title", "columns"),
    [("order_data", ORDER_COLUMNS), ("order_items", ITEM_COLUMNS), ("customer_data", CUSTOMER_COLUMNS)],
)
def test_columns_are_those_that_are_documented(title: str, columns: tuple[str, ...]) -> None:
    """In that order, each once: a partner's program relies on them."""
    text = (ROOT / "docs" / "exports.md").read_text()
    section = text.partition(f"### `{title}_<UUID>.csv`")[2].partition("\n#")[0]
    documented = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]

    assert documented == list(columns)
    assert len(set(columns)) == len(columns)


def test_customer_file_has_all_columns_of_the_template() -> None:
    """What a partner can tell of a customer is told back."""
    assert set(CustomerSchema().columns) <= set(CUSTOMER_COLUMNS)


def test_order_tells_all_that_an_erp_needs(any_shop: Shop) -> None:
    """The customer's IDs and terms, the contact, both addresses in full, price list, currency and sums."""
    shop = any_shop
    Customer.update(email="office@delta.example", phone="+49 30 1", tax_id="DE123", payment_terms="30 days",
                    sales_rep="Ada", pricelist="Retail").execute()  # fmt: skip
    shop.contact("Alan")
    contact = shop.contact("Grace", last_name="Hopper", email="grace@delta.example", phone="1", role="Buyer",
                           reference_id="C1", is_primary=True)  # fmt: skip
    billing = shop.address("billing", reference_id="B1", attention="Accounts", line_2="Hof", state="BE",
                           postal_code="01115", phone="2")  # fmt: skip
    shipping = shop.address("shipping", line_1="Weg 2", city="Köln")
    order = shop.order({"line_discount": Decimal("1.98")}, {"product": shop.bulb, "quantity": Decimal("1.5"),
                       "unit_price": Decimal("0.333")}, reference_id="PO1", billing_address=billing,
                       shipping_address=shipping, notes="Ring\ntwice", shipping_amount=Decimal("4.90"),
                       tax_amount=Decimal("7.2"))  # fmt: skip

    assert filled(order_row(order)) == {
        "Order_ID": order.system_id, "Reference_ID": "PO1", "Status": "confirmed", "Order_Date": "2026-11-23",
        "Customer_System_ID": shop.customer.system_id, "Customer_Reference_ID": "K1",
        "Customer_Company_Name": "Delta Cafe GmbH", "Customer_Email": "office@delta.example",
        "Customer_Phone": "+49 30 1", "Customer_Tax_ID": "DE123", "Payment_Terms": "30 days", "Sales_Rep": "Ada",
        "Contact_System_ID": contact.system_id, "Contact_Reference_ID": "C1", "Contact_First_Name": "Grace",
        "Contact_Last_Name": "Hopper", "Contact_Email": "grace@delta.example", "Contact_Phone": "1",
        "Contact_Role": "Buyer", "Billing_Address_System_ID": billing.system_id, "Billing_Address_Reference_ID": "B1",
        "Billing_Attention": "Accounts", "Billing_Line_1": "Hauptstr. 1", "Billing_Line_2": "Hof",
        "Billing_City": "Berlin", "Billing_State": "BE", "Billing_Postal_Code": "01115", "Billing_Country": "DE",
        "Billing_Phone": "2", "Shipping_Address_System_ID": shipping.system_id, "Shipping_Line_1": "Weg 2",
        "Shipping_City": "Köln", "Shipping_Country": "DE", "Pricelist": "Retail", "Currency": "EUR", "Lines": "2",
        "Subtotal": "38.4995", "Discount_Amount": "1.98", "Shipping_Amount": "4.90", "Tax_Amount": "7.2",
        "Total": "50.5995", "Notes": "Ring\ntwice",
    }  # fmt: skip
    assert [filled(row) for row in item_rows(order)] == [
        {"Order_ID": order.system_id, "Line": "1", "SKU_ID": "001", "Product_System_ID": shop.lamp.system_id,
         "Product_Reference_ID": "P1", "Name": "Lamp", "UOM": "piece", "Quantity": "2", "Unit_Price": "19.99",
         "Line_Discount": "1.98", "Line_Total": "38.00"},
        {"Order_ID": order.system_id, "Line": "2", "SKU_ID": "002", "Product_System_ID": shop.bulb.system_id,
         "Name": "Bulb", "Quantity": "1.5", "Unit_Price": "0.333", "Line_Total": "0.4995"},
    ]  # fmt: skip


def test_customers_defaults_stand_in(shop: Shop) -> None:
    """For an order without addresses of its own: the default ones; without a primary contact: the oldest."""
    shop.address("both", line_1="Not the default")
    both = shop.address("both", is_default=True)
    shipping = shop.address("shipping", is_default=True, line_1="Dock 4")
    first = shop.contact("Alan")
    shop.contact("Grace")

    row = order_row(shop.order())

    assert row["Billing_Address_System_ID"] == both.system_id
    assert row["Shipping_Address_System_ID"] == shipping.system_id
    assert row["Contact_System_ID"] == first.system_id


def test_the_newest_default_counts(shop: Shop) -> None:
    """Who moves sends the new address, and need not take the mark from the old one; a use goes before both."""
    shop.address("both", is_default=True)
    shop.address("shipping", is_default=True)
    dock = shop.address("shipping", is_default=True, line_1="Dock 4")
    moved = shop.address("both", is_default=True, line_1="New street 1")
    shop.contact("Alan", is_primary=True)
    grace = shop.contact("Grace", is_primary=True)
    shop.contact("Ada")

    row = order_row(shop.order())

    assert row["Billing_Address_System_ID"] == moved.system_id
    assert row["Shipping_Address_System_ID"] == dock.system_id
    assert row["Contact_System_ID"] == grace.system_id


def test_missing_price_leaves_sums_empty(shop: Shop) -> None:
    """A sum of which a part is not known is not known; the rest is told."""
    order = shop.order({}, {"unit_price": None}, tax_amount=Decimal("1"))

    row = order_row(order)

    assert (row["Subtotal"], row["Total"], row["Tax_Amount"]) == ("", "", "1")
    assert [item["Line_Total"] for item in item_rows(order)] == ["39.98", ""]


@pytest.mark.parametrize(
    ("quantity", "price", "discount", "expected"),
    [
        ("2", "19.99", None, "39.98"),
        ("2.000", "19.99", None, "39.98"),
        ("1.5", "19.99", None, "29.985"),
        ("3", "10.00", "0.005", "29.995"),
        ("10", "5", None, "50"),
        ("0", "5.00", None, "0.00"),
        ("999999999999999999.999999", "999999999999999999.999999", None,
         "999999999999999999999998000000000000.000000000001"),
        ("1", "5", "7", "-2"),
        (None, "5", None, None),
    ],
)  # fmt: skip
def test_line_total_is_exact(quantity: str | None, price: str, discount: str | None, expected: str | None) -> None:
    """Nothing is rounded, and no zeros are left behind by a quantity's decimals."""
    values = (None if each is None else Decimal(each) for each in (quantity, price, discount))

    found = line_total(dict(zip(NAMES, values, strict=True)))

    assert (None if found is None else format(found, "f")) == expected


money = st.decimals(0, 10**18 - 1, places=6)


@given(st.lists(st.tuples(money, money, money), max_size=20), money, money)
def test_sums_are_exact(lines: list[tuple[Decimal, Decimal, Decimal]], shipping: Decimal, tax: Decimal) -> None:
    """Whatever the amounts are: counted in fractions everything comes out the same."""
    records: list[dict[str, Any]] = [dict(zip(NAMES, line, strict=True)) for line in lines]
    for record in records:
        record["line_total"] = line_total(record)

    found = totals({"shipping_amount": shipping, "tax_amount": tax}, records)

    subtotal = sum(Fraction(quantity) * Fraction(price) - Fraction(discount) for quantity, price, discount in lines)
    assert Fraction(found["subtotal"]) == subtotal
    assert Fraction(found["total"]) == subtotal + Fraction(shipping) + Fraction(tax)


@pytest.mark.parametrize("text", ["NaN", "Infinity"])
def test_what_is_no_number_is_refused(text: str) -> None:
    """Postgres's NUMERIC takes it, an ERP does not."""
    with pytest.raises(Unexportable, match="quantity is"):
        line_total({"quantity": Decimal(text), "unit_price": Decimal(1), "line_discount": None})


def test_account_decides_about_the_format(shop: Shop) -> None:
    """BOM, delimiter, decimals and dates; a comma in a comma-separated file is quoted."""
    order = shop.order(notes='He said "no, thanks"; twice')
    style = Style(Formats("DD.MM.YYYY", ","), bom=True, delimiter=";")

    assert files_of(order, style)[f"order_data_{order.system_id}.csv"].startswith(b"\xef\xbb\xbfOrder_ID;")
    assert order_row(order, style)["Order_Date"] == "23.11.2026"
    assert order_row(order, style)["Notes"] == 'He said "no, thanks"; twice'
    assert item_rows(order, style)[0]["Unit_Price"] == "19,99"
    assert b',"19,99",' in files_of(order, Style(Formats(decimal_separator=",")))[f"order_items_{order.system_id}.csv"]


def test_files_are_rfc_4180(shop: Shop) -> None:
    """UTF-8 without BOM, CRLF, quotes where they are needed, nothing altered, formulas neither."""
    order = shop.order({"line_notes": "=1+1"}, {"line_notes": 'a "b"\r\nc'}, notes="Ä,ß ")

    data, items = (files_of(order)[f"{name}_{order.system_id}.csv"] for name in ("order_data", "order_items"))

    assert data.endswith(',"Ä,ß "\r\n'.encode())
    assert items.count(b"\r\n") == 4
    assert b",=1+1\r\n" in items
    assert items.endswith(b',"a ""b""\r\nc"\r\n')


def test_customer_is_told_with_what_belongs_to_it(any_shop: Shop) -> None:
    """All columns of the template, attributes as one JSON object, and what the customer has by default."""
    shop = any_shop
    customer = Customer.create(account=shop.account, company_name="Echo", status="inactive", tax_id="007",
                               attributes={"Zone": "B", "Region": "Süd|West"})  # fmt: skip
    address = shop.address("billing", customer=customer, is_default=True)

    [row] = read(customer_files(read_customers([customer.system_id])[customer.system_id], PLAIN)
                 [f"customer_data_{customer.system_id}.csv"])  # fmt: skip

    assert filled(row) == {
        "System_ID": customer.system_id, "Company_Name": "Echo", "Status": "inactive", "Tax_ID": "007",
        "Attributes": '{"Region":"Süd|West","Zone":"B"}', "Billing_Address_System_ID": address.system_id,
        "Billing_Line_1": "Hauptstr. 1", "Billing_City": "Berlin", "Billing_Country": "DE",
    }  # fmt: skip


def test_equal_records_give_equal_bytes(any_shop: Shop) -> None:
    """Nothing depends on the moment or on what the database happens to return first."""
    shop = any_shop
    order = shop.order({}, {"product": shop.bulb})
    before = digest(files_of(order))

    Order.update(updated_at=dt.datetime(2030, 1, 1, tzinfo=dt.UTC)).execute()

    assert digest(files_of(order)) == before
    assert digest({"a": b"1", "b": b""}) != digest({"a": b"", "b": b"1"})


def test_many_are_read_at_once(shop: Shop) -> None:
    """Each with its own lines and customer."""
    orders = [shop.order({"quantity": Decimal(number)}) for number in range(1, 4)]

    found = read_orders([order.system_id for order in orders])

    quantities = [line["quantity"] for record in found.values() if isinstance(record, OrderRecord)
                  for line in record.lines]  # fmt: skip
    assert sorted(quantities) == [1, 2, 3]
    assert isinstance(read_customers([shop.customer.system_id])[shop.customer.system_id], CustomerRecord)


def test_what_hangs_on_a_customer_from_another_account_is_not_told(
    any_shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """Plain SQL may give a customer another partner's contact and address. The account's own are told as ever."""
    shop = any_shop
    other = Shop(shop.settings, "beta")
    contact = Contact.create(account=other.account, customer=shop.customer, first_name="Eve", is_primary=True)
    address = Address.create(account=other.account, customer=shop.customer, type="both", line_1="Weg 1", city="Ulm",
                             country="DE", is_default=True)  # fmt: skip
    order = shop.order()

    row = order_row(order)

    assert [row[name] for name in ("Contact_System_ID", "Billing_Address_System_ID", "Shipping_City")] == [""] * 3
    assert [f"{kind} {record.system_id} is not written" in message for (kind, record), message in zip(
        (("contact", contact), ("address", address)), caplog.messages, strict=True)] == [True, True]  # fmt: skip
    own = shop.contact("Ada")
    assert order_row(order)["Contact_System_ID"] == own.system_id
    [told] = customer_files(read_customers([shop.customer.system_id])[shop.customer.system_id], PLAIN).values()
    assert own.system_id.encode() in told
    assert contact.system_id.encode() not in told
