"""The rules of addresses (design section 7)."""

from __future__ import annotations

import pytest

from tests.partner import Partner, counts

HEADER = "Address_Reference_ID,Customer_Reference_ID,Type,Line_1,Line_2,City,Country,Phone\n"


@pytest.fixture
def partner(partner: Partner) -> Partner:
    """A partner with the customers K1 and K2."""
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\nK2,Echo\n")
    return partner


def test_an_address_is_found_by_its_own_ids(partner: Partner) -> None:
    """By Address_System_ID or Address_Reference_ID; the customer need not be named again."""
    partner.send("address", HEADER + "A1,K1,billing,Main St 1,,Leeds,gb,\nA2,K1,both,Main St 2,,Leeds,GB,\n")
    ids = partner.ids("address", "Address_Reference_ID")

    event = partner.send("address", f"Address_System_ID,Address_Reference_ID,City\n,A1,York\n{ids['A2']},A9,Hull\n")

    assert counts(event) == (0, 2, 0, 0)
    assert [(each["Address_Reference_ID"], each["City"], each["Country"]) for each in partner.records("address")] == [
        ("A1", "York", "GB"), ("A9", "Hull", "GB")]  # fmt: skip


def test_without_ids_an_equal_address_of_the_customer_is_the_same(partner: Partner) -> None:
    """Case and blanks don't count, phone and default are said about a place; another customer's is another."""
    partner.send("address", HEADER + "A1,K1,billing,Main St 1,,Leeds,GB,\n")

    event = partner.send("address", HEADER + ",K1,billing,MAIN  ST 1,,leeds,gb,55\n,K2,billing,Main St 1,,Leeds,GB,\n")

    assert counts(event) == (1, 1, 0, 0)
    assert [(each["Customer_Reference_ID"], each["Phone"]) for each in partner.records("address")] == [
        ("K1", "55"), ("K2", "")]  # fmt: skip


def test_any_part_of_the_place_makes_another_address(partner: Partner) -> None:
    """Also what is empty."""
    row = ",K1,billing,Main St 1,,Leeds,GB,\n"
    partner.send("address", HEADER + row)

    event = partner.send("address", HEADER + row.replace("billing", "both") + row.replace(",,L", ",Floor 2,L"))

    assert counts(event) == (2, 0, 0, 0)


def test_equal_addresses_of_one_customer_are_ambiguous(partner: Partner) -> None:
    """Two IDs may stand for one place; a row without an ID then means neither."""
    row = "K1,billing,Main St 1,,Leeds,GB,\n"
    assert counts(partner.send("address", f"{HEADER}A1,{row}A2,{row}")) == (2, 0, 0, 0)

    assert partner.codes("address", f"{HEADER},{row}") == [(2, "Line_1", "AMBIGUOUS_MATCH")]


def test_the_customer_must_exist(partner: Partner) -> None:
    """By either ID; a new address needs one, and two must agree."""
    ids = partner.ids("customer", "Reference_ID")
    header = HEADER.replace("Customer_R", "Customer_System_ID,Customer_R")
    rest = "billing,Main St 1,,Leeds,GB,\n"

    assert partner.codes("address", f"{header}A1,,K9,{rest}A2,,,{rest}A3,{ids['K1']},K2,{rest}") == [
        (2, "Customer_Reference_ID", "UNKNOWN_REFERENCE"),
        (3, "Customer_Reference_ID", "REQUIRED"),
        (4, "Customer_Reference_ID", "KEY_CONFLICT"),
    ]


def test_an_address_moves_to_another_customer_by_system_id_only(partner: Partner) -> None:
    """A Reference_ID under another customer is more likely a slip."""
    partner.send("address", HEADER + "A1,K1,billing,Main St 1,,Leeds,GB,\n")
    (system_id,) = partner.column("address", "Address_System_ID")

    assert partner.codes("address", "Address_Reference_ID,Customer_Reference_ID\nA1,K2\n") == [
        (2, "Address_Reference_ID", "KEY_CONFLICT")
    ]
    assert counts(partner.send("address", f"Address_System_ID,Customer_Reference_ID\n{system_id},K2\n")) == (0, 1, 0, 0)


def test_one_address_under_two_names_of_its_customer_is_a_duplicate(partner: Partner) -> None:
    """Customer_System_ID and Customer_Reference_ID may mean one customer: both rows are rejected."""
    ids = partner.ids("customer", "Reference_ID")
    header = "Customer_System_ID,Customer_Reference_ID,Type,Line_1,City,Country\n"

    assert partner.codes("address", f"{header}{ids['K1']},,both,A,B,DE\n,K1,both,a,b,DE\n,K2,both,A,B,DE\n") == [
        (2, "Line_1", "DUPLICATE_IN_FILE"),
        (3, "Line_1", "DUPLICATE_IN_FILE"),
    ]
    messages = partner.rejected("address", f"{header},K1,both,A,B,DE\n,K2,both,A,B,DE\n,K1,both,a ,b,DE\n")
    assert [(each["line"], each["column"], each["value"], each["message"]) for each in messages] == [
        (line, "Line_1", value, "Lines 2 and 4 are the same address of one customer, and this row has neither "
         "Address_System_ID nor Address_Reference_ID: give it one, or take it out; if none of them has one, keep one "
         "of them")
        for line, value in ((2, "A"), (4, "a"))]  # fmt: skip
    assert len(partner.records("address")) == 1


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [("Type", "home", "INVALID_VALUE"), ("Country", "XX", "INVALID_VALUE"), ("Country", "DEU", "INVALID_VALUE"),
     ("Line_1", "x" * 201, "TOO_LONG"), ("City", "\\N", "REQUIRED"), ("City", "", "REQUIRED")],
)  # fmt: skip
def test_a_bad_cell_is_named(partner: Partner, column: str, value: str, code: str) -> None:
    """Type is one of three words, Country of ISO 3166."""
    cells = {"Customer_Reference_ID": "K1", "Type": "both", "Line_1": "A", "City": "B", "Country": "DE", column: value}

    assert partner.codes("address", f"{','.join(cells)}\n{','.join(cells.values())}\n") == [(2, column, code)]
