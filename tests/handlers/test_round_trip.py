"""Records written out as CSV import back with every row unchanged (issue 2, `records --format csv`)."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.partner import Partner, counts

SMALL = settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
ALPHABET = st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"])
TEXT = st.text(ALPHABET, max_size=30).map(str.strip).filter(lambda text: text != r"\N")
NAME = TEXT.filter(bool)
FREE = st.sampled_from(["", *"\";,|\t'=+-@#", "a\r\nb", "ä€🦚", 'x"y', "\\n"]) | TEXT
CODE = st.from_regex(r"[0-9A-Za-z/._-]{1,12}", fullmatch=True)
AMOUNT = st.decimals(0, 10**12, places=2).map(lambda value: format(value, "f")) | st.sampled_from(
    ["", "0", "0.00", "1.10", "999999999999999999.999999"]
)
DATE = st.dates().map(lambda date: f"{date.year:04}-{date.month:02}-{date.day:02}")
URLS = st.lists(st.sampled_from(["https://a.example/1.jpg?x=1,2", "ftp://b.example/ä"]), max_size=2).map("|".join)
YES = st.sampled_from(["", "Y", "N"])
EMAIL = st.sampled_from(["", "a@b.example", "Ä.b+c@d-e.example"])

ROWS: dict[str, dict[str, st.SearchStrategy[str]]] = {
    "category": {"Category": st.sampled_from(["A > Ü", "A > B, C", 'A > "q"', "A > \\N"]), "Description": FREE,
                 "Media": URLS, "Position": st.sampled_from(["", "0", "2147483647"])},
    "collection": {"Reference_ID": CODE, "Name": NAME.filter(lambda text: "|" not in text), "Description": FREE},
    "product": {"SKU_ID": CODE, "Name": NAME, "Description": FREE, "Status": st.sampled_from(["", "inactive"]),
                "Category": st.sampled_from(["", "A", "A > x"]), "MOQ": AMOUNT, "UOM": FREE, "Weight": AMOUNT,
                "Media": URLS, "Price: Rétail, net": AMOUNT, "Attribute: =1+1": FREE, "Attribute: b;c": FREE},
    "inventory": {"SKU_ID": st.sampled_from(["S1", "S2"]), "Warehouse": CODE, "Available_Quantity": AMOUNT.filter(bool),
                  "On_Order_Quantity": st.sampled_from(["1|1", "2.50|0"]),
                  "On_Order_ETA": st.tuples(DATE, DATE).map("|".join), "Back_Order_Allowed": YES},
    "customer": {"Reference_ID": st.just("") | CODE, "Company_Name": NAME, "Email": EMAIL, "Phone": FREE,
                 "Currency": st.sampled_from(["", "eur"]), "Attribute: Région": FREE},
    "address": {"Customer_Reference_ID": st.just("K1"), "Type": st.sampled_from(["billing", "shipping", "both"]),
                "Attention": FREE, "Line_1": NAME, "City": NAME, "Country": st.sampled_from(["DE", "gb"]),
                "Phone": FREE, "Is_Default": YES},
    "contact": {"Contact_Reference_ID": CODE, "Customer_Reference_ID": st.just("K1"), "First_Name": NAME,
                "Email": EMAIL, "Role": FREE, "Is_Primary": YES},
    "order": {"Reference_ID": CODE, "Customer_Reference_ID": st.just("K1"), "Order_Date": DATE, "Notes": FREE,
              "Shipping_Amount": AMOUNT, "SKU_ID": st.sampled_from(["S1", "S2"]), "Quantity": AMOUNT.filter(bool),
              "Unit_Price": AMOUNT, "Line_Notes": FREE},
}  # fmt: skip
UNIQUE = {"category": "Category", "collection": "Reference_ID", "product": "SKU_ID", "inventory": "Warehouse",
          "contact": "Contact_Reference_ID", "order": "Reference_ID"}  # fmt: skip
_names = itertools.count()


@pytest.fixture
def fresh(partner: Partner) -> Callable[..., Partner]:
    """fresh(**account): a partner with an account of its own, and what the rows refer to."""

    def make(**account: str) -> Partner:
        made = partner.neighbour(f"n{next(_names)}", **account)
        made.send("category", "Category\nA\nA > x\n")
        made.send("product", "SKU_ID,Name\nS1,a\nS2,b\n")
        made.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
        return made

    return make


def written(rows: list[dict[str, str]], columns: list[str]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns)
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def returns_unchanged(partner: Partner, entity: str, content: str) -> None:
    event = partner.send(entity, content)
    assert event.created > 0, partner.messages(event)
    out = partner.csv(entity)

    again = partner.send(entity, out)

    assert (again.status, counts(again)) == ("completed", (0, 0, again.rows, 0)), partner.messages(again)
    assert again.rows == len(partner.records(entity))
    assert partner.csv(entity) == out


@pytest.mark.parametrize("entity", ROWS)
def test_records_import_back_unchanged(fresh: Callable[..., Partner], entity: str) -> None:
    """Whatever valid values they have."""

    @SMALL
    @given(st.lists(st.fixed_dictionaries(ROWS[entity]), min_size=1, max_size=4, unique_by=_key(entity)))
    def check(rows: list[dict[str, str]]) -> None:
        returns_unchanged(fresh(), entity, written(rows, list(ROWS[entity])))

    check()


@pytest.mark.parametrize("entity", ["product", "inventory", "order"])
def test_records_import_back_unchanged_in_german(fresh: Callable[..., Partner], entity: str) -> None:
    """Dates as DD.MM.YYYY and decimals with a comma, on the way in and on the way out."""

    @SMALL
    @given(st.lists(st.fixed_dictionaries(ROWS[entity]), min_size=1, max_size=4, unique_by=_key(entity)))
    def check(rows: list[dict[str, str]]) -> None:
        german = [{name: _german(name, cell) for name, cell in row.items()} for row in rows]
        partner = fresh(date_format="DD.MM.YYYY", decimal_separator=",")
        returns_unchanged(partner, entity, written(german, list(ROWS[entity])))

    check()


def _key(entity: str) -> Callable[[dict[str, str]], Any]:
    if entity in ("address", "customer"):
        return lambda row: tuple(cell.casefold() for name, cell in row.items() if name in ("Line_1", "Company_Name"))
    return lambda row: row[UNIQUE[entity]]


def _german(column: str, cell: str) -> str:
    if column in ("Order_Date", "On_Order_ETA"):
        return "|".join(".".join(reversed(date.split("-"))) for date in cell.split("|"))
    if "Notes" in column or column in ("Name", "Description", "UOM", "SKU_ID", "Reference_ID", "Warehouse", "Media"):
        return cell
    return cell if column.startswith("Attribute") else cell.replace(".", ",")


def test_a_german_file_is_stored_as_any_other(fresh: Callable[..., Partner]) -> None:
    """What is stored does not depend on how it was written; `records` writes as the account does."""
    partner = fresh(date_format="DD.MM.YYYY", decimal_separator=",")

    event = partner.send("inventory", "SKU_ID;Available_Quantity;On_Order_Quantity;On_Order_ETA\n"
                         "S1;1,50;2,5|3;18.09.2024|01.02.2025\nS2;1.50;;\n")  # fmt: skip

    assert counts(event) == (1, 0, 0, 1)
    assert partner.messages(event)[0]["message"] == (
        "'1.50' is not a number: write digits, with ',' before decimals, for example 1234,50, without a thousands "
        "separator. The account's decimal separator is ',', and this looks like a number with '.': other cells of the "
        "file, such as 1,234, may have been read otherwise than meant. The admin can set decimal_separator for the "
        "account"
    )
    (record,) = partner.records("inventory")
    assert (record["Available_Quantity"], record["On_Order_ETA"]) == ("1,50", "18.09.2024|01.02.2025")
    partner.account.date_format, partner.account.decimal_separator = "YYYY-MM-DD", "."
    partner.account.save()
    (record,) = partner.records("inventory")
    assert (record["Available_Quantity"], record["On_Order_ETA"]) == ("1.50", "2024-09-18|2025-02-01")
