"""The rules of orders (design section 7)."""

from __future__ import annotations

import pytest

from models import Order, OrderLine
from tests.partner import Partner, counts

HEADER = "Reference_ID,Customer_Reference_ID,Order_Date,Notes,SKU_ID,Quantity,Unit_Price,Line_Notes\n"


@pytest.fixture
def partner(partner: Partner) -> Partner:
    """A partner with the customers K1 and K2, an address of each, and the products A, B and C."""
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\nK2,Echo\n")
    partner.send("address", "Address_Reference_ID,Customer_Reference_ID,Type,Line_1,City,Country\n"
                 "A1,K1,both,x,y,DE\nA2,K2,both,x,y,DE\n")  # fmt: skip
    partner.send("product", "SKU_ID,Name\nA,Cup\nB,Saucer\nC,Spoon\n")
    return partner


def lines(partner: Partner) -> list[tuple[str, str, str, str]]:
    """Reference_ID, SKU, quantity and price of each line."""
    return [(each["Reference_ID"], each["SKU_ID"], each["Quantity"], each["Unit_Price"])
            for each in partner.records("order")]  # fmt: skip


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_scattered_rows_of_one_reference_are_one_order(partner: Partner, chunk_rows: int) -> None:
    """Lines keep the file's order; no border of a chunk lies within an order."""
    event = partner.in_chunks(chunk_rows).send("order", HEADER + (
        "P1,K1,2024-09-18,,A,1,5,\nP2,K2,2024-09-18,,A,2,,\nP1,,,,B,3,,\nP2,,,,C,4,,\nP1,,,,C,5,,\n"))  # fmt: skip

    assert (event.status, event.rows, counts(event)) == ("completed", 5, (5, 0, 0, 0))
    assert lines(partner) == [
        ("P1", "A", "1", "5"), ("P1", "B", "3", ""), ("P1", "C", "5", ""), ("P2", "A", "2", ""), ("P2", "C", "4", ""),
    ]  # fmt: skip
    assert [each.position for each in OrderLine.select().order_by(OrderLine.order, OrderLine.position)] == [
        1,
        2,
        3,
        1,
        2,
    ]
    assert [row["Reference_ID"] for row in partner.read(event, ".ids.csv")] == ["P1", "P2"]


def test_a_new_order_is_a_draft(partner: Partner) -> None:
    """Unless the file says otherwise."""
    partner.send("order", HEADER + "P1,K1,2024-09-18,,A,1,,\n")

    assert partner.column("order", "Status") == ["draft"]


def test_header_cells_agree(partner: Partner) -> None:
    """The row that disagrees is named with both values; equal dates and numbers agree, empty cells too."""
    header = "Reference_ID,Customer_Reference_ID,Order_Date,Notes,Tax_Amount,SKU_ID,Quantity\n"
    event = partner.send("order", header + (
        "P1,K1,2024-09-18,x,1.50,A,1\nP1,K1,2024-09-18,,1.5,B,1\n"
        "P2,K1,2024-09-18,x,,A,1\nP2,K1,2024-09-19,y,,B,1\nP2,K1,2024-09-18,x,,C,1\n"))  # fmt: skip

    assert counts(event) == (2, 0, 0, 3)
    assert [(each["line"], each["column"], each["value"], each["code"]) for each in partner.messages(event)] == [
        (4, "", "", "ORDER_REJECTED"),
        (5, "Order_Date", "2024-09-19", "HEADER_CONFLICT"),
        (5, "Notes", "y", "HEADER_CONFLICT"),
        (6, "", "", "ORDER_REJECTED"),
    ]
    assert [each["message"] for each in partner.messages(event)][:2] == [
        "Line 5 of the same order was rejected, and an order is taken whole or not at all: correct that line, "
        "and send all lines of the order again",
        "Order_Date is '2024-09-19' here, but '2024-09-18' on line 4 of the same order: make them equal",
    ]


def test_a_disagreement_names_both_lines(partner: Partner) -> None:
    """Also if the cell that came first does not stand on the order's first row."""
    messages = partner.rejected("order", HEADER + "P1,K1,,,A,1,,\nP1,,2024-09-18,,B,1,,\nP1,,2024-09-19,,C,1,,\n")

    assert [(each["line"], each["code"]) for each in messages] == [
        (2, "ORDER_REJECTED"), (3, "ORDER_REJECTED"), (4, "HEADER_CONFLICT")]  # fmt: skip
    assert messages[2]["message"].startswith("Order_Date is '2024-09-19' here, but '2024-09-18' on line 3 of ")


def test_what_is_wrong_with_a_header_cell_is_said_where_it_stands(partner: Partner) -> None:
    """And of a cell that is nowhere, on the order's first row."""
    header = "Order_ID,Reference_ID,Customer_Reference_ID,Order_Date,Billing_Address_Reference_ID,SKU_ID,Quantity\n"
    event = partner.send("order", header + (
        ",P1,,2024-09-18,,A,1\n,P1,K9,,,B,1\n,P2,K1,2024-09-18,,A,1\n,P2,,,A2,B,1\n,P3,K1,2024-09-18,,A,1\n"
        "01890000-0000-7000-8000-000000000000,P3,,,,B,1\n,P4,,2024-09-18,,A,1\n,P4,,,,B,1\n"))  # fmt: skip

    assert [(each["line"], each["column"], each["value"], each["code"]) for each in partner.messages(event)] == [
        (2, "", "", "ORDER_REJECTED"),
        (3, "Customer_Reference_ID", "K9", "UNKNOWN_REFERENCE"),
        (4, "", "", "ORDER_REJECTED"),
        (5, "Billing_Address_Reference_ID", "A2", "UNKNOWN_REFERENCE"),
        (6, "", "", "ORDER_REJECTED"),
        (7, "Order_ID", "01890000-0000-7000-8000-000000000000", "UNKNOWN_SYSTEM_ID"),
        (8, "Customer_Reference_ID", "", "REQUIRED"),
        (9, "", "", "ORDER_REJECTED"),
    ]
    assert [each["message"][:24] for each in partner.messages(event) if each["code"] == "ORDER_REJECTED"] == [
        f"Line {line} of the same order" for line in (3, 5, 7, 8)]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [("P1,,,,X,1,,", "SKU_ID", "UNKNOWN_REFERENCE"), ("P1,,,,,1,,", "SKU_ID", "REQUIRED"),
     ("P1,,,,B,,,", "Quantity", "REQUIRED"), ("P1,,,,B,x,,", "Quantity", "INVALID_VALUE"),
     ("P1,,,,B,-1,,", "Quantity", "OUT_OF_RANGE"), ("P1,,,,B,1", "", "COLUMN_COUNT")],
)  # fmt: skip
def test_an_order_is_taken_whole_or_not_at_all(partner: Partner, row: str, column: str, code: str) -> None:
    """One bad line rejects them all; the next order goes on."""
    good = "P2,K1,2024-09-18,,A,1,,\n"
    event = partner.send("order", f"{HEADER}P1,K1,2024-09-18,,A,1,,\n{row}\n{good}")

    assert counts(event) == (1, 0, 0, 2)
    assert [(each["line"], each["column"], each["code"]) for each in partner.messages(event)] == [
        (2, "", "ORDER_REJECTED"), (3, column, code)]  # fmt: skip
    assert partner.column("order", "Reference_ID") == ["P2"]
    assert [row["_line"] for row in partner.read(event, ".rejected.csv")] == ["2", "3"]


def test_lines_are_replaced(partner: Partner) -> None:
    """The file's rows are the order's lines; the header stays if nothing is said about it."""
    partner.send("order", HEADER + "P1,K1,2024-09-18,n,A,1,5,\nP1,,,,B,2,,\nP2,K1,2024-09-18,,A,1,,\n")

    event = partner.send("order", HEADER + "P1,,,,C,9,,\nP1,,,,A,1,,\n")

    assert counts(event) == (0, 2, 0, 0)
    assert lines(partner) == [("P1", "C", "9", ""), ("P1", "A", "1", "5"), ("P2", "A", "1", "")]
    assert partner.column("order", "Notes") == ["n", "n", ""]


def test_cells_of_a_line_are_kept_and_cleared(partner: Partner) -> None:
    r"""Empty keeps what the stored line of the product has; \N clears it."""
    partner.send("order", HEADER + "P1,K1,2024-09-18,,A,1,5,x\nP1,,,,B,2,6,y\n")

    assert counts(partner.send("order", HEADER + "P1,,,,B,2,,\\N\nP1,,,,A,3,\\N,\n")) == (0, 2, 0, 0)
    assert lines(partner) == [("P1", "B", "2", "6"), ("P1", "A", "3", "")]
    assert partner.column("order", "Line_Notes") == ["", "x"]


def test_one_product_on_several_lines(partner: Partner) -> None:
    """They are lines of their own, matched in their order."""
    content = HEADER + "P1,K1,2024-09-18,,A,1,5,x\nP1,,,,A,1,5,x\nP1,,,,A,2,6,\n"
    assert counts(partner.send("order", content)) == (3, 0, 0, 0)
    assert counts(partner.send("order", content)) == (0, 0, 3, 0)

    partner.send("order", HEADER + "P1,,,,A,1,,\nP1,,,,A,7,,\n")
    assert lines(partner) == [("P1", "A", "1", "5"), ("P1", "A", "7", "5")]


def test_the_same_file_again_is_unchanged(partner: Partner) -> None:
    """Nothing is written, not even the lines."""
    content = HEADER + "P1,K1,2024-09-18,n,A,1.50,5,\nP1,,,,B,2,,z\n"
    partner.send("order", content)
    before = [list(model.select().order_by(model._meta.primary_key).dicts()) for model in (Order, OrderLine)]

    assert counts(partner.send("order", content.replace("1.50", "1.5"))) == (0, 0, 2, 0)
    assert [list(model.select().order_by(model._meta.primary_key).dicts()) for model in (Order, OrderLine)] == before


def test_a_changed_line_updates_the_order(partner: Partner) -> None:
    """updated_at moves, although the header is the same."""
    partner.send("order", HEADER + "P1,K1,2024-09-18,,A,1,,\n")
    before = Order.get().updated_at

    partner.send("order", HEADER + "P1,K1,2024-09-18,,A,2,,\n")

    assert Order.get().updated_at > before


def test_an_order_is_found_by_order_id(partner: Partner) -> None:
    """Its Reference_ID may change then; an unknown Order_ID is refused."""
    partner.send("order", HEADER + "P1,K1,2024-09-18,,A,1,,\nP2,K1,2024-09-18,,A,1,,\n")
    ids = partner.ids("order", "Reference_ID")
    header = "Order_ID,Reference_ID,SKU_ID,Quantity\n"

    event = partner.send("order", f"{header}{ids['P1'].upper()},P9,A,1\n{ids['P1']},,B,1\n")

    assert counts(event) == (0, 2, 0, 0)
    assert [line[:2] for line in lines(partner)] == [("P9", "A"), ("P9", "B"), ("P2", "A")]
    assert partner.codes("order", f"{header}{ids['P1']},P2,A,1\n01890000-0000-7000-8000-000000000000,,A,1\n") == [
        (2, "Reference_ID", "KEY_CONFLICT"),
        (3, "Order_ID", "UNKNOWN_SYSTEM_ID"),
    ]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_order_id_and_reference_id_of_one_order_gather_its_rows(partner: Partner, chunk_rows: int) -> None:
    """Some rows may carry the one and some the other."""
    partner.send("order", HEADER + "P1,K1,2024-09-18,,A,1,,\nP2,K1,2024-09-18,,A,1,,\n")
    ids = partner.ids("order", "Reference_ID")

    event = partner.in_chunks(chunk_rows).send(
        "order", f"Order_ID,Reference_ID,SKU_ID,Quantity\n{ids['P1']},,A,2\n,P2,B,3\n,P1,C,4\n"
    )

    assert counts(event) == (0, 3, 0, 0)
    assert lines(partner) == [("P1", "A", "2", ""), ("P1", "C", "4", ""), ("P2", "B", "3", "")]


BOTH = "Order_ID,Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\n"


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
@pytest.mark.parametrize("turned", [0, 1, 2])
def test_an_order_gets_its_reference_id_on_one_of_its_rows(partner: Partner, turned: int, chunk_rows: int) -> None:
    """Rows with nothing but the new Reference_ID are the order's too, wherever the row with both IDs stands."""
    partner.send("order", HEADER + ",K1,2024-09-18,,A,1,,\nP2,K1,2024-09-18,,A,1,,\n")
    order_id = partner.ids("order", "Reference_ID")[""]
    rows = [f"{order_id},P77,K1,2024-09-19,A,1\n", ",P77,,,B,2\n", ",P77,,,C,3\n"]
    rows = rows[turned:] + rows[:turned]

    event = partner.in_chunks(chunk_rows).send("order", f"{BOTH}{rows[0]},P2,,,B,1\n{rows[1]}{rows[2]}")

    assert counts(event) == (0, 4, 0, 0)
    assert [line[:2] for line in lines(partner)] == [
        *(("P77", sku) for sku in ("ABC"[turned:] + "ABC"[:turned])), ("P2", "B")]  # fmt: skip
    assert partner.ids("order", "Reference_ID")["P77"] == order_id


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
@pytest.mark.parametrize(
    ("order_id", "column", "code"),
    [("01890000-0000-7000-8000-000000000000", "Order_ID", "UNKNOWN_SYSTEM_ID"), ("X", "Order_ID", "INVALID_VALUE"),
     ("P1", "Reference_ID", "KEY_CONFLICT")],
)  # fmt: skip
def test_a_wrong_order_id_rejects_all_rows_of_the_order(
    partner: Partner, order_id: str, column: str, code: str, chunk_rows: int
) -> None:
    """None of them makes an order, or replaces the lines of the one that has the Reference_ID."""
    partner.send("order", HEADER + "P1,K1,2024-09-18,,A,1,,\nP2,K1,2024-09-18,,A,1,,\nP2,,,,C,1,,\n")
    order_id = partner.ids("order", "Reference_ID").get(order_id, order_id)

    found = partner.in_chunks(chunk_rows).codes(
        "order", f"{BOTH}{order_id},P2,K1,2024-09-18,A,1\n,P2,K1,2024-09-18,B,2\n"
    )

    assert found == [(2, column, code), (3, "", "ORDER_REJECTED")]
    assert [line[:2] for line in lines(partner)] == [("P1", "A"), ("P2", "A"), ("P2", "C")]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_two_orders_with_one_new_reference_id_disagree(partner: Partner, chunk_rows: int) -> None:
    """Nothing tells which of them is meant."""
    partner.send("order", HEADER + "P1,K1,2024-09-18,,A,1,,\nP2,K1,2024-09-18,,A,1,,\n")
    ids = partner.ids("order", "Reference_ID")

    event = partner.in_chunks(chunk_rows).send(
        "order", f"{BOTH}{ids['P1']},P7,,,B,1\n{ids['P2']},P7,,,B,1\n{ids['P1']},,,,C,1\n"
    )

    assert counts(event) == (0, 0, 0, 3)
    assert [(each["line"], each["column"], each["code"]) for each in partner.messages(event)] == [
        (2, "", "ORDER_REJECTED"), (3, "Order_ID", "HEADER_CONFLICT"), (4, "", "ORDER_REJECTED")]  # fmt: skip


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_reference_id_goes_to_another_order(partner: Partner, chunk_rows: int) -> None:
    """Its rows are those of the order that the file gives it to, not of the one that has had it so far."""
    partner.send("order", HEADER + "P1,K1,2024-09-18,,A,1,,\nP2,K1,2024-09-18,,A,1,,\n")
    ids = partner.ids("order", "Reference_ID")

    event = partner.in_chunks(chunk_rows).send(
        "order", f"{BOTH}{ids['P1']},P9,,,A,1\n{ids['P2']},P1,,,B,1\n,P1,,,C,1\n"
    )

    assert counts(event) == (0, 3, 0, 0)
    assert [line[:2] for line in lines(partner)] == [("P9", "A"), ("P1", "B"), ("P1", "C")]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_rows_without_an_id_are_orders_of_their_own(partner: Partner, chunk_rows: int) -> None:
    """Nothing says that they belong together."""
    event = partner.in_chunks(chunk_rows).send("order", HEADER + ",K1,2024-09-18,,A,1,,\n,K1,2024-09-18,,B,1,,\n")

    assert counts(event) == (2, 0, 0, 0)
    assert len(set(partner.column("order", "Order_ID"))) == 2


def test_customers_and_addresses_must_exist(partner: Partner) -> None:
    """Each under its column; an address of another customer is not this customer's."""
    header = ("Reference_ID,Customer_Reference_ID,Order_Date,Billing_Address_Reference_ID,"
              "Shipping_Address_Reference_ID,SKU_ID,Quantity\n")  # fmt: skip
    event = partner.send("order", header + (
        "P1,K9,2024-09-18,,,A,1\nP2,,2024-09-18,,,A,1\nP3,K1,2024-09-18,A9,,A,1\nP4,K1,2024-09-18,A1,A2,A,1\n"
        "P5,K1,2024-09-18,A1,A1,A,1\n"))  # fmt: skip

    assert counts(event) == (1, 0, 0, 4)
    assert [(each["line"], each["column"], each["value"], each["code"]) for each in partner.messages(event)] == [
        (2, "Customer_Reference_ID", "K9", "UNKNOWN_REFERENCE"),
        (3, "Customer_Reference_ID", "", "REQUIRED"),
        (4, "Billing_Address_Reference_ID", "A9", "UNKNOWN_REFERENCE"),
        (5, "Shipping_Address_Reference_ID", "A2", "UNKNOWN_REFERENCE"),
    ]
    assert partner.column("order", "Billing_Address_Reference_ID") == ["A1"]


def test_an_order_with_addresses_does_not_go_to_another_customer(partner: Partner) -> None:
    """Its addresses have to go with it, or be cleared."""
    header = "Reference_ID,Customer_Reference_ID,Order_Date,Billing_Address_Reference_ID,SKU_ID,Quantity\n"
    partner.send("order", header + "P1,K1,2024-09-18,A1,A,1\n")

    assert partner.codes("order", header + "P1,K2,,,A,1\n") == [
        (2, "Billing_Address_Reference_ID", "UNKNOWN_REFERENCE")
    ]
    assert counts(partner.send("order", header + "P1,K2,,A2,A,1\n")) == (0, 1, 0, 0)


def test_a_new_order_needs_a_date(partner: Partner) -> None:
    """On one of its rows."""
    event = partner.send("order", HEADER + "P1,K1,,,A,1,,\nP1,,2024-09-18,,B,1,,\nP2,K1,,,A,1,,\n")

    assert counts(event) == (2, 0, 0, 1)
    assert [(each["line"], each["column"], each["code"]) for each in partner.messages(event)] == [
        (4, "Order_Date", "REQUIRED")]  # fmt: skip


def test_orders_of_two_accounts_never_meet(partner: Partner) -> None:
    """Neither orders nor customers, addresses or products."""
    other = partner.neighbour("globex")
    content = HEADER + "P1,K1,2024-09-18,,A,1,,\n"
    partner.send("order", content)
    (order_id,) = partner.column("order", "Order_ID")

    assert other.codes("order", content) == [
        (2, "SKU_ID", "UNKNOWN_REFERENCE"), (2, "Customer_Reference_ID", "UNKNOWN_REFERENCE")]  # fmt: skip
    other.send("product", "SKU_ID,Name\nA,x\n")
    assert other.codes("order", content) == [(2, "Customer_Reference_ID", "UNKNOWN_REFERENCE")]
    other.send("customer", "Reference_ID,Company_Name\nK1,x\n")
    assert other.codes("order", f"Order_ID,SKU_ID,Quantity\n{order_id},A,1\n") == [(2, "Order_ID", "UNKNOWN_SYSTEM_ID")]
    assert other.codes("order", "Reference_ID,Customer_Reference_ID,Order_Date,Billing_Address_Reference_ID,SKU_ID,"
                       "Quantity\nP1,K1,2024-09-18,A1,A,1\n") == [
        (2, "Billing_Address_Reference_ID", "UNKNOWN_REFERENCE")]  # fmt: skip
    assert counts(other.send("order", content)) == (1, 0, 0, 0)


@pytest.mark.parametrize("first", [True, False])
def test_rows_with_a_faulty_cell_disagree_as_well(partner: Partner, first: bool) -> None:
    """What can be read of them is compared, as values: a partner corrects all at once."""
    columns = "Reference_ID,Customer_Reference_ID,Order_Date,Currency,Notes,Tax_Amount,SKU_ID,Quantity,Unit_Price\n"
    good, faulty = "P1,K1,2024-01-01,EUR,\\N,1.50,A,1,\n", "P1,K1,2024-01-02,usd,n,1.5,B,x,-1\n"

    event = partner.send("order", columns + (faulty + good if first else good + faulty))

    bad, disagreeing = (2, 3) if first else (3, 3)
    assert counts(event) == (0, 0, 0, 2)
    found = {(each["line"], each["column"], each["code"]) for each in partner.messages(event)}
    assert found == {(bad, "Quantity", "INVALID_VALUE"), (bad, "Unit_Price", "OUT_OF_RANGE")} | {
        (disagreeing, column, "HEADER_CONFLICT") for column in ("Order_Date", "Currency", "Notes")
    } | (set() if first else {(2, "", "ORDER_REJECTED")})


@pytest.mark.parametrize("cells", ["K1,2024-01-01,EUR,", ",,,", "K1,soon,EUR,", "K1,\\N,EUR,", "K1,,euros,"])
def test_rows_with_a_faulty_cell_may_agree(partner: Partner, cells: str) -> None:
    """Empty cells agree with everything, and what is no value of its column is told as such only."""
    columns = "Reference_ID,Customer_Reference_ID,Order_Date,Currency,Notes,SKU_ID,Quantity\n"

    codes = partner.codes("order", f"{columns}P1,K1,2024-01-01,EUR,,A,1\nP1,{cells},B,x\n")

    assert codes[0] == (2, "", "ORDER_REJECTED")
    assert {code for _, _, code in codes[1:]} <= {"INVALID_VALUE", "REQUIRED"}
