r"""What a file leaves out is kept, \N clears (design section 7)."""

from __future__ import annotations

import pytest

from tests.partner import Partner, counts

FULL = {
    "product": (
        "SKU_ID,Reference_ID,Name,Description,Status,Category,Collection,MOQ,IOQ,UOM,Barcode,"
        "Weight,Media,Price: A,Attribute: B",
        '1,R,a,text,inactive,C,S,1,2,box,007,0.5,https://a.example/x,9.90,red',
        "SKU_ID", "1", {"SKU_ID", "Name"},
    ),
    "inventory": (
        "SKU_ID,Warehouse,Available_Quantity,On_Order_Quantity,On_Order_ETA,Back_Order_Allowed,Back_Order_Limit",
        "S,MAIN,5,1,2030-01-01,Y,3", "SKU_ID", "S", {"SKU_ID", "Available_Quantity"},
    ),
    "customer": (
        "Reference_ID,Company_Name,Email,Phone,Sales_Rep,Pricelist,Payment_Terms,Currency,Tax_ID,Status,Attribute: B",
        "K9,Foxtrot,a@b.example,1,Ada,A,30 days,EUR,DE1,inactive,north", "Reference_ID", "K9", {"Company_Name"},
    ),
    "address": (
        "Address_Reference_ID,Customer_Reference_ID,Type,Attention,Line_1,Line_2,City,State,Postal_Code,Country,Phone,Is_Default",
        "A9,K1,billing,att,l1,l2,Berlin,BE,01234,DE,5,Y", "Address_Reference_ID", "A9",
        {"Type", "Line_1", "City", "Country"},
    ),
    "contact": (
        "Contact_Reference_ID,Customer_Reference_ID,First_Name,Last_Name,Email,Phone,Role,Is_Primary",
        "P9,K1,Ada,Byron,a@b.example,5,buyer,Y", "Contact_Reference_ID", "P9", {"First_Name"},
    ),
    "category": ("Reference_ID,Category,Description,Media,Position", "C9,D,text,https://a.example/x,4",
                 "Reference_ID", "C9", {"Category"}),
    "collection": ("Reference_ID,Name,Description,Media,Position", "C9,T,text,https://a.example/x,4",
                   "Reference_ID", "C9", {"Name"}),
    "order": (
        "Reference_ID,Customer_Reference_ID,Status,Order_Date,Currency,Pricelist,Billing_Address_Reference_ID,"
        "Shipping_Address_Reference_ID,Notes,Shipping_Amount,Tax_Amount,SKU_ID,Quantity,Unit_Price,Line_Discount,Line_Notes",
        "O9,K1,confirmed,2024-09-18,EUR,A,A1,A1,n,5.00,1.90,S,2,3.50,0.10,gift", "Reference_ID", "O9",
        {"Order_Date", "SKU_ID", "Quantity"},
    ),
}  # fmt: skip
"""Entity to header, a row with every cell filled, the key column, its value, and the columns that can't be cleared."""
DEFAULTS = {("product", "Status"): "active", ("customer", "Status"): "active", ("order", "Status"): "draft",
            ("address", "Is_Default"): "N", ("contact", "Is_Primary"): "N", ("inventory", "Warehouse"): "MAIN",
            }  # fmt: skip
TOGETHER = {"On_Order_Quantity": "On_Order_ETA", "On_Order_ETA": "On_Order_Quantity"}
KEEP = {"Customer_Reference_ID", "Reference_ID"}
"""Who a record belongs to is changed, not cleared; a Reference_ID needs the System ID for that."""


@pytest.fixture
def stocked(partner: Partner) -> Partner:
    """A partner with what the rows of FULL refer to."""
    partner.send("category", "Category\nC\n")
    partner.send("collection", "Name\nS\n")
    partner.send("product", "SKU_ID,Name\nS,Cup\n")
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
    partner.send("address", "Address_Reference_ID,Customer_Reference_ID,Type,Line_1,City,Country\nA1,K1,both,x,y,DE\n")
    return partner


def record(partner: Partner, entity: str) -> dict[str, str]:
    """The record that FULL[entity] made."""
    _, _, key, value, _ = FULL[entity]
    (found,) = [each for each in partner.records(entity) if each[key] == value]
    return found


@pytest.mark.parametrize("entity", FULL)
def test_every_cell_is_stored(stocked: Partner, entity: str) -> None:
    """What was sent is what `records` says."""
    header, row, *_ = FULL[entity]

    assert counts(stocked.send(entity, f"{header}\n{row}\n")) == (1, 0, 0, 0)

    stored = record(stocked, entity)
    assert {column: stored[column] for column in header.split(",")} == dict(
        zip(header.split(","), row.split(","), strict=True)
    )


@pytest.mark.parametrize("entity", FULL)
def test_missing_columns_and_empty_cells_keep(stocked: Partner, entity: str) -> None:
    """A row with nothing but its keys changes nothing."""
    header, row, key, value, _ = FULL[entity]
    stocked.send(entity, f"{header}\n{row}\n")
    before = record(stocked, entity)
    needed = {"SKU_ID": "S", "Quantity": "2"} if entity == "order" else {}
    cells = {key: value} | needed

    alone = stocked.send(entity, f"{','.join(cells)}\n{','.join(cells.values())}\n")
    empty = stocked.send(entity, f"{header}\n{','.join(cells.get(column, '') for column in header.split(','))}\n")

    assert (counts(alone), counts(empty)) == ((0, 0, 1, 0), (0, 0, 1, 0))
    assert record(stocked, entity) == before


@pytest.mark.parametrize("entity", FULL)
def test_a_backslash_n_clears_one_cell(stocked: Partner, entity: str) -> None:
    r"""Each column that a record can be without loses its value, or goes back to its default, and no other does."""
    header, row, key, _, needed = FULL[entity]
    columns = header.split(",")
    for column in columns:
        if column in needed | {key} | KEEP:
            continue
        stocked.send(entity, f"{header}\n{row}\n")
        before = record(stocked, entity)
        cleared = {column, TOGETHER.get(column, column)}
        cells = [r"\N" if each in cleared else given if each in {key, "SKU_ID", "Quantity"} else ""
                 for each, given in zip(columns, row.split(","), strict=True)]  # fmt: skip

        assert stocked.send(entity, f"{header}\n{','.join(cells)}\n").rejected == 0, column

        after = record(stocked, entity)
        gone = {
            each: DEFAULTS.get((entity, each), "") for each in cleared if not each.startswith(("Price:", "Attribute:"))
        }
        kept = {each: text for each, text in before.items() if each not in cleared}
        assert after == kept | gone, column


@pytest.mark.parametrize("entity", FULL)
def test_needed_columns_are_not_cleared(stocked: Partner, entity: str) -> None:
    r"""\N in one of them rejects the row, of a new record as of a known one."""
    header, row, _, _, needed = FULL[entity]
    columns = header.split(",")
    stocked.send(entity, f"{header}\n{row}\n")
    before = record(stocked, entity)
    for column in needed:
        cells = [r"\N" if each == column else given for each, given in zip(columns, row.split(","), strict=True)]
        (message,) = stocked.rejected(entity, f"{header}\n{','.join(cells)}\n")

        assert (message["column"], message["value"], message["code"]) == (column, r"\N", "REQUIRED")
        assert message["message"] == f"{column} can't be cleared: give a value, or leave the cell empty to keep it"
    assert record(stocked, entity) == before


@pytest.mark.parametrize("entity", FULL)
def test_needed_columns_are_needed_to_create(stocked: Partner, entity: str) -> None:
    """Each one that is empty is named; System ID and Reference_ID are not among them."""
    header, row, _, _, needed = FULL[entity]
    columns = header.split(",")
    for column in needed:
        cells = ["" if each == column else given for each, given in zip(columns, row.split(","), strict=True)]
        event = stocked.send(entity, f"{header}\n{','.join(cells)}\n")

        assert counts(event) == (0, 0, 0, 1), column
        assert [(each["column"], each["code"]) for each in stocked.messages(event)] == [(column, "REQUIRED")]


def test_a_cell_that_only_contains_backslash_n_clears(stocked: Partner) -> None:
    r"""Blanks around it don't count; \n and \N within a text are text; a list is cleared as a whole."""
    stocked.send("product", "SKU_ID,Name,Description,UOM\n1,a,b,c\n")

    stocked.send("product", "SKU_ID,Name,Description,UOM\n1,\\Na, \\N ,\\n\n")

    (found,) = [each for each in stocked.records("product") if each["SKU_ID"] == "1"]
    assert (found["Name"], found["Description"], found["UOM"]) == ("\\Na", "", "\\n")


def test_system_ids_are_not_cleared(stocked: Partner) -> None:
    """They are ours."""
    assert stocked.codes("product", "SKU_ID,System_ID\nS,\\N\n") == [(2, "System_ID", "REQUIRED")]


@pytest.mark.parametrize("entity", ["address", "contact", "order"])
def test_an_owner_is_not_cleared(stocked: Partner, entity: str) -> None:
    """An address, a contact or an order belongs to a customer."""
    header, row, *_ = FULL[entity]
    stocked.send(entity, f"{header}\n{row}\n")

    assert stocked.codes(entity, f"{header}\n{row.replace('K1', chr(92) + 'N')}\n") == [
        (2, "Customer_Reference_ID", "REQUIRED")
    ]
