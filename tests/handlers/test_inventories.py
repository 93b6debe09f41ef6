"""The rules of stock (design section 7)."""

from __future__ import annotations

import pytest

from tests.partner import Partner, counts

HEADER = "SKU_ID,Warehouse,Available_Quantity,On_Order_Quantity,On_Order_ETA,Back_Order_Allowed,Back_Order_Limit\n"


@pytest.fixture
def seller(partner: Partner) -> Partner:
    """A partner with the products 001 and 002."""
    partner.send("product", "SKU_ID,Name\n001,Cup\n002,Saucer\n")
    return partner


def test_stock_lies_in_the_main_warehouse(seller: Partner) -> None:
    """Without a warehouse it is MAIN, when the row is written and when it is found again."""
    seller.send("inventory", "SKU_ID,Available_Quantity\n001,5\n")
    event = seller.send("inventory", HEADER + "001,MAIN,6,,,,\n001,North,7,,,,\n")

    assert counts(event) == (1, 1, 0, 0)
    assert [(each["Warehouse"], each["Available_Quantity"]) for each in seller.records("inventory")] == [
        ("MAIN", "6"), ("North", "7")]  # fmt: skip
    assert counts(seller.send("inventory", "SKU_ID,Warehouse,Available_Quantity\n001,\\N,8\n")) == (0, 1, 0, 0)


def test_an_unknown_sku_is_skipped_and_the_rest_goes_on(seller: Partner) -> None:
    """The row is rejected with the SKU as it was sent."""
    event = seller.send("inventory", "SKU_ID,Available_Quantity\n001,1\nX9,2\n002,3\n")

    assert (event.status, counts(event)) == ("completed_with_errors", (2, 0, 0, 1))
    (message,) = seller.messages(event)
    assert (message["line"], message["column"], message["value"], message["code"]) == (
        3, "SKU_ID", "X9", "UNKNOWN_REFERENCE")  # fmt: skip
    assert message["message"] == "No product has SKU_ID 'X9': send the product first, or correct the cell"


def test_the_main_warehouse_by_name_and_by_default_is_one_key(seller: Partner) -> None:
    """001 and 001/MAIN are duplicates; 001/North is not, though its SKU is the same."""
    stock = "001,,1,,,,\n001,MAIN,2,,,,\n001,North,3,,,,\n002,W,1,,,,\n002,W,1,,,,\n"
    assert [(each["line"], each["column"], each["code"], each["message"])
            for each in seller.rejected("inventory", HEADER + stock)] == [
        (line, "SKU_ID", "DUPLICATE_IN_FILE", f"SKU_ID {named} stands on lines {lines}: keep one of them")
        for line, named, lines in (
            (2, "'001' in warehouse 'MAIN' (also where the cell is empty)", "2 and 3"),
            (3, "'001' in warehouse 'MAIN' (also where the cell is empty)", "2 and 3"),
            (5, "'002' in warehouse 'W'", "5 and 6"),
            (6, "'002' in warehouse 'W'", "5 and 6"),
        )]  # fmt: skip
    assert {each["message"] for each in seller.rejected("inventory", "SKU_ID,Available_Quantity\n001,1\n001,1\n")} == {
        "'001' stands on lines 2 and 3: keep one of them"}  # fmt: skip


def test_quantities_on_order_have_a_date_each(seller: Partner) -> None:
    """Repeated quantities and dates count; lists of different length are refused."""
    event = seller.send(
        "inventory", HEADER + "001,,1,60|60,2030-01-15|2030-01-15,Y,50\n002,,1,60,2030-01-15|2031-01-15,,\n"
    )

    assert counts(event) == (1, 0, 0, 1)
    (message,) = seller.messages(event)
    assert (message["column"], message["value"], message["code"], message["message"]) == (
        "On_Order_ETA", "2030-01-15|2031-01-15", "INVALID_VALUE",
        "1 quantities, but 2 dates: give one On_Order_ETA for each quantity")  # fmt: skip
    (record,) = seller.records("inventory")
    assert (record["On_Order_Quantity"], record["On_Order_ETA"]) == ("60|60", "2030-01-15|2030-01-15")
    assert (record["Back_Order_Allowed"], record["Back_Order_Limit"]) == ("Y", "50")


def test_lists_are_of_equal_length_with_what_is_stored_too(seller: Partner) -> None:
    """One list alone may change its items but not their number; both may be cleared."""
    seller.send("inventory", HEADER + "001,,1,60|70,2030-01-15|2030-02-15,,\n")

    assert seller.codes("inventory", "SKU_ID,On_Order_Quantity\n001,60\n") == [(2, "On_Order_ETA", "INVALID_VALUE")]
    assert seller.codes("inventory", "SKU_ID,On_Order_ETA\n001,\\N\n") == [(2, "On_Order_ETA", "INVALID_VALUE")]
    assert counts(seller.send("inventory", "SKU_ID,On_Order_Quantity\n001,60.0|80\n")) == (0, 1, 0, 0)
    assert seller.column("inventory", "On_Order_Quantity") == ["60.0|80"]
    assert counts(seller.send("inventory", "SKU_ID,On_Order_Quantity,On_Order_ETA\n001,\\N,\\N\n")) == (0, 1, 0, 0)
    assert seller.column("inventory", "On_Order_ETA") == [""]


def test_equal_lists_are_unchanged(seller: Partner) -> None:
    """60 and 60.0 are one quantity."""
    seller.send("inventory", HEADER + "001,,1.50,60|70,2030-01-15|2030-02-15,N,0\n")

    assert counts(seller.send("inventory", HEADER + "001,,1.5,60.0|70,2030-01-15|2030-02-15,n,0.00\n")) == (0, 0, 1, 0)


def test_a_shortage_is_a_negative_quantity(seller: Partner) -> None:
    """More may be promised than is there."""
    assert counts(seller.send("inventory", "SKU_ID,Available_Quantity\n001,-3.5\n")) == (1, 0, 0, 0)
    assert seller.column("inventory", "Available_Quantity") == ["-3.5"]


def test_stock_of_another_account_is_not_seen(seller: Partner) -> None:
    """A SKU of the neighbour is unknown."""
    other = seller.neighbour("globex")

    assert other.codes("inventory", "SKU_ID,Available_Quantity\n001,1\n") == [(2, "SKU_ID", "UNKNOWN_REFERENCE")]
