"""The rules of addresses (design section 7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models import Order
from settings import Settings
from tests.partner import Partner, counts

HEADER = "Address_Reference_ID,Customer_Reference_ID,Type,Line_1,Line_2,City,Country,Phone\n"


@pytest.fixture
def partner(partner: Partner) -> Partner:
    """A partner with the customers K1 and K2."""
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\nK2,Echo\n")
    return partner


@pytest.fixture
def quick_partner(make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]) -> Partner:
    """The same, where the engine makes no difference."""
    made = make_partner(make_settings("sqlite"))
    made.send("customer", "Reference_ID,Company_Name\nK1,Delta\nK2,Echo\n")
    return made


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


def test_a_place_that_several_have_says_nothing_against_their_ids(quick_partner: Partner) -> None:
    """Nor does one of an unknown customer against another row of that."""
    partner, place = quick_partner, "both,Weg 1,,Ulm,DE"
    ids = partner.ids("customer", "Reference_ID")
    header = HEADER.replace("Customer_R", "Customer_System_ID,Customer_R")
    partner.send("address", f"{header}A1,,K1,{place},\nA2,,K1,{place},\n")

    event = partner.send("address", f"{header}A1,,K1,{place},5\n,,K1,{place},6\nA2,{ids['K1']},,{place},7\n"
                         f",,K9,{place},9\n,,K9,{place},9\n")  # fmt: skip

    assert counts(event) == (0, 2, 0, 3)
    assert [(each["line"], each["code"]) for each in partner.messages(event)] == [
        (3, "AMBIGUOUS_MATCH"), (5, "UNKNOWN_REFERENCE"), (6, "UNKNOWN_REFERENCE")]  # fmt: skip


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


def test_an_address_with_orders_stays_its_customer_s(quick_partner: Partner) -> None:
    """Their exports would show another customer's address; an order of the customer it goes to is no hindrance."""
    partner = quick_partner
    partner.send("address", HEADER + "A1,K1,both,Main St 1,,Leeds,GB,\nA2,K1,both,Main St 2,,Leeds,GB,\n")
    partner.send("product", "SKU_ID,Name\nS,Cup\n")
    header = "Reference_ID,Customer_Reference_ID,Order_Date,{}_Address_Reference_ID,SKU_ID,Quantity\n"
    partner.send(
        "order", header.format("Billing") + "".join(f"P{number},K1,2024-09-18,A1,S,1\n" for number in range(5))
    )
    partner.send("order", header.format("Shipping") + "P0,K1,2024-09-18,A1,S,1\nP9,K1,2024-09-18,A2,S,1\n")
    ids = partner.ids("address", "Address_Reference_ID")
    Order.update(customer=partner.ids("customer", "Reference_ID")["K2"]).where(Order.reference_id == "P9").execute()
    move = f"Address_System_ID,Customer_Reference_ID\n{ids['A1']},K2\n{ids['A2']},K2\n"

    event = partner.send("address", move)

    assert counts(event) == (0, 1, 0, 1)
    (message,) = partner.messages(event)
    assert (message["line"], message["column"], message["value"], message["code"]) == (
        2, "Customer_Reference_ID", "K2", "KEY_CONFLICT")  # fmt: skip
    assert "orders of the former one have it ('P0', 'P1', 'P2' and 2 more): give these" in message["message"]
    assert {each["Address_Reference_ID"]: each["Customer_Reference_ID"] for each in partner.records("address")} == {
        "A1": "K1", "A2": "K2"}  # fmt: skip
    assert counts(partner.send("order", partner.csv("order")))[3] == 0


@pytest.mark.parametrize("chunk_rows", [1, 1000])
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("A1,,,Weg 2,,\n,K1,both,Weg 2,Ulm,DE\n", (0, 1, 1, 0)),
        ("A1,,,Weg 2,,\n,K1,both,Weg 1,Ulm,DE\n", (1, 1, 0, 0)),
        (",K1,both,Weg 1,Ulm,DE\nA1,,,Weg 2,,\n", (0, 1, 1, 0)),
        ("A9,K1,both,Weg 9,Ulm,DE\n,K1,both, Weg 9,Ulm,de\n", (0, 0, 0, 2)),
        ("A1,,,Weg 2,,\n,K2,both,Weg 2,Ulm,DE\n", (1, 1, 0, 0)),
    ],
    ids=["to", "from", "afterwards", "new", "another customer"],
)
def test_what_a_row_before_makes_of_an_address(
    quick_partner: Partner, chunk_rows: int, rows: str, expected: tuple[int, int, int, int]
) -> None:
    """A row without IDs finds what is like it when its turn has come, however many rows share a transaction."""
    header = "Address_Reference_ID,Customer_Reference_ID,Type,Line_1,City,Country\n"
    quick_partner.send("address", header + "A1,K1,both,Weg 1,Ulm,DE\n")

    assert counts(quick_partner.in_chunks(chunk_rows).send("address", header + rows)) == expected


@pytest.mark.parametrize("chunk_rows", [1, 1000])
@pytest.mark.parametrize("rows", [",K1,both,Weg 1,,Ulm,DE,1\nA1,,,,,,,2\n", "A1,,,,,,,1\n,K1,both,Weg 1,,Ulm,DE,2\n",
                                  ",K1,both,Weg 1,,Ulm,DE,1\nA1,K1,both,Weg 9,,Ulm,DE,2\n"])  # fmt: skip
def test_an_address_named_by_its_reference_and_found_by_its_place(
    quick_partner: Partner, chunk_rows: int, rows: str
) -> None:
    """Both rows are written, one after the other, however many share a transaction."""
    quick_partner.send("address", HEADER + "A1,K1,both,Weg 1,,Ulm,DE,\n")

    event = quick_partner.in_chunks(chunk_rows).send("address", HEADER + rows)

    assert counts(event) == (0, 2, 0, 0)
    assert quick_partner.column("address", "Phone") == ["2"]


@pytest.mark.parametrize("chunk_rows", [1, 1000])
@pytest.mark.parametrize("named_by", ["Customer_System_ID", "Customer_Reference_ID"])
def test_a_new_address_is_there_for_the_next_row(quick_partner: Partner, chunk_rows: int, named_by: str) -> None:
    """Which names the customer in another way, so that the texts do not tell that both are one address."""
    system_id = quick_partner.ids("customer", "Reference_ID")["K1"]
    header = "Address_Reference_ID,Customer_System_ID,Customer_Reference_ID,Type,Line_1,City,Country\n"
    first, second = (f"{system_id},", ",K1")[:: 1 if named_by == "Customer_System_ID" else -1]

    event = quick_partner.in_chunks(chunk_rows).send(
        "address", f"{header}A9,{first},both,Weg 9,Ulm,DE\n,{second},both,Weg 9,Ulm,DE\n"
    )

    assert counts(event) == (1, 0, 1, 0)


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


def test_addresses_of_which_no_customer_is_named_are_not_the_same(quick_partner: Partner) -> None:
    """They may be different customers', and a row that needs one rejects nobody but itself."""
    partner, place = quick_partner, "both,Weg 1,,Ulm,DE,\n"
    partner.send("address", f"{HEADER}A1,K1,both,Weg 8,,Ulm,DE,\nA2,K2,both,Weg 9,,Ulm,DE,\n")

    event = partner.send("address", f"{HEADER}A1,,{place}A2,,{place},,{place},\\N,{place}")

    assert counts(event) == (0, 2, 0, 2)
    assert [(each["line"], each["column"], each["code"]) for each in partner.messages(event)] == [
        (4, "Customer_Reference_ID", "REQUIRED"), (5, "Customer_Reference_ID", "REQUIRED")]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [("Type", "home", "INVALID_VALUE"), ("Country", "XX", "INVALID_VALUE"), ("Country", "DEU", "INVALID_VALUE"),
     ("Line_1", "x" * 201, "TOO_LONG"), ("City", "\\N", "REQUIRED"), ("City", "", "REQUIRED")],
)  # fmt: skip
def test_a_bad_cell_is_named(partner: Partner, column: str, value: str, code: str) -> None:
    """Type is one of three words, Country of ISO 3166."""
    cells = {"Customer_Reference_ID": "K1", "Type": "both", "Line_1": "A", "City": "B", "Country": "DE", column: value}

    assert partner.codes("address", f"{','.join(cells)}\n{','.join(cells.values())}\n") == [(2, column, code)]
