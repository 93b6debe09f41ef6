"""Rows of rejected.csv as people and spreadsheets send them back: their notes never become values."""

from __future__ import annotations

import pytest

from imports.cell_counts import FILLED_UP
from tests.partner import Partner, counts

HEADER = "SKU_ID,Warehouse,Available_Quantity,Back_Order_Limit"
NOTED = f"{HEADER},_line,_code,_message"
RIGHT = "001,,12,5"
NOTES = "2,INVALID_VALUE,\"Back_Order_Limit: 'x', or so\""


@pytest.fixture
def partner(partner: Partner) -> Partner:
    """With a product 001 and, without stock, 002."""
    partner.send("product", "SKU_ID,Name\n001,Cup\n002,Pot\n")
    return partner


@pytest.mark.parametrize(
    ("header", "row"),
    [
        pytest.param(NOTED, f"{RIGHT},{NOTES}", id="as it came"),
        pytest.param(NOTED, RIGHT, id="notes deleted in an editor"),
        pytest.param(NOTED, f"{RIGHT},,,", id="notes deleted in a spreadsheet"),
        pytest.param(NOTED, f"{RIGHT},2,,", id="some of them"),
        pytest.param(NOTED, f"{RIGHT},2.0,INVALID_VALUE,x", id="by a program that keeps numbers beside empty cells"),
        pytest.param(NOTED, f"{RIGHT},2,A_PLUGINS | INVALID_VALUE,x", id="codes of a plugin"),
        pytest.param(f"{NOTED},", f"{RIGHT},{NOTES},", id="a row that a spreadsheet has made wider"),
        pytest.param(f"{NOTED},", f"{RIGHT},{NOTES}", id="the header alone"),
        pytest.param(f"{NOTED},", RIGHT, id="the header alone, and no notes"),
        pytest.param(f"{HEADER},_mine,_line,_code,_message", f"{RIGHT},x,{NOTES}", id="a column of their own"),
        pytest.param(f"{HEADER},_mine,_line,_code,_message", f"{RIGHT},x", id="a column of their own, no notes"),
        pytest.param(f"{HEADER},_line,_mine", f"{RIGHT},A1,x", id="columns that are no notes of ours"),
        pytest.param(NOTED.upper(), f"{RIGHT},{NOTES}", id="other letters"),
        pytest.param(HEADER, RIGHT, id="all notes taken out"),
    ],
)
def test_what_people_and_spreadsheets_make_of_it(partner: Partner, header: str, row: str) -> None:
    """It is imported, beside a row that somebody has added without notes."""
    width = header.removesuffix(",").count(",") + 1
    added = "002,,1,3" + "," * (width - 4)

    event = partner.send("inventory", f"{header}\n{row}\n{added}\n")

    assert (event.status, counts(event)) == ("completed", (2, 0, 0, 0))
    assert partner.column("inventory", "Back_Order_Limit") == ["5", "3"]


SLID = [
    pytest.param(NOTED, f"001,,12,{NOTES}", id="a cell is missing"),
    pytest.param(NOTED, f"001,12,{NOTES}", id="two are"),
    pytest.param(NOTED, f"001,{NOTES}", id="as many as there are notes"),
    pytest.param(NOTED, f"001,,12,{NOTES},", id="missing, and a spreadsheet has filled the row up"),
    pytest.param(NOTED, f"001,12,{NOTES},,", id="two, filled up"),
    pytest.param(NOTED, f"001,{NOTES},,,", id="three, filled up"),
    pytest.param(NOTED, "001,,12,2,fixed", id="and some notes are missing, too"),
    pytest.param(NOTED, "001,,12,2,fixed,ok", id="and the notes were rewritten"),
    pytest.param(NOTED, f"{RIGHT},2", id="some notes"),
    pytest.param(NOTED, "001,,12,,5", id="a cell too many, and no notes"),
    pytest.param(NOTED, "001,,12,,5,2,INVALID_VALUE", id="a cell too many, and no message"),
    pytest.param(f"{NOTED},", f"001,,12,{NOTES}", id="under a header that a spreadsheet has made wider"),
    pytest.param(f"{NOTED},", f"001,,12,{NOTES},,", id="both"),
    pytest.param(f"{NOTED},", f"001,,12,,5,{NOTES}", id="a cell too many under it"),
    pytest.param(f"{HEADER},_mine,_line,_code,_message", f"001,,12,7,{NOTES}", id="a column of their own"),
    pytest.param(f"{HEADER},_mine,_line,_code,_message", "001,,12,7", id="neither that nor notes"),
    pytest.param(f"{HEADER},_mine", "001,,12,7", id="a column of their own alone"),
    pytest.param(f"{HEADER},_mine,_other", "001,,12,7,8", id="two of them"),
    pytest.param(f"{HEADER},_line", "001,,12,2", id="one that is called like ours"),
]


@pytest.mark.parametrize(("header", "row"), SLID)
def test_a_cell_that_is_missing_before_the_notes(partner: Partner, header: str, row: str) -> None:
    """The row is rejected, also when it is sent again as it came back, until it is put right."""
    event = partner.send("inventory", f"{header}\n{row}\n002,,1,3{',' * (header.count(',') - 3)}\n")

    for _ in range(2):
        assert counts(event)[3] == 1
        (message,) = partner.messages(event)
        assert (message["line"], message["code"]) == (2, "COLUMN_COUNT")
        sent_back = partner.file(event, ".rejected.csv").read_text()
        event = partner.send("inventory", sent_back)
    assert partner.column("inventory", "Back_Order_Limit") == ["3"]
    assert "12" in sent_back or "12" not in row

    own = sent_back.splitlines()[0].split(",").index("_line")
    corrected = f"{sent_back.splitlines()[0]}\n{RIGHT}{',7' * (own - 4)},{NOTES}\n"
    assert counts(partner.send("inventory", corrected)) == (1, 0, 0, 0)


def test_a_row_that_slid_comes_back_without_its_former_notes(partner: Partner) -> None:
    """What was one of them stands in no column of values, and the row says that it was filled up."""
    event = partner.send("inventory", f"{NOTED}\n001,,12,{NOTES}\n")

    (row,) = partner.file(event, ".rejected.csv").read_text().splitlines()[1:]
    assert row.startswith("001,,12,,2,COLUMN_COUNT,")
    assert row.endswith(f",{FILLED_UP}")


def test_what_is_said(partner: Partner) -> None:
    """What was found, what is expected and what to do."""
    rows = [f"001,,12,{NOTES}", f"001,,12,{NOTES},", f"001,{NOTES}", "001,,12,5,7,2,x", f"{RIGHT},x,{NOTES}"]
    advice = ": put each value and each note into its column, or take the notes of the row away"

    assert [each["message"] for each in partner.rejected("inventory", "\n".join([NOTED, *rows]))] == [
        "The row has 6 cells, the header 7, or 4 without notes: add the missing cells, or quote cells that hold the "
        "delimiter (the delimiter is ',')",
        f"'INVALID_VALUE' stands in _line, where rejected.csv has the number of a line{advice}",
        f"A line number and a code, as rejected.csv has them, stand in columns 2 and 3{advice}",
        f"'2' stands in _code, where rejected.csv has codes{advice}",
        "The row has 8 cells, the header 7, or 4 without notes: quote cells that hold the delimiter or a line break "
        "(the delimiter is ',')",
    ]


@pytest.mark.parametrize("wider", ["", ","], ids=["", "by a spreadsheet that has made all rows as wide"])
def test_what_is_left_behind_the_notes(partner: Partner, wider: str) -> None:
    """Who has put a cell in quotes and left its rest where it stood is told of the rest, not of the quotes."""
    event = partner.send("product", "SKU_ID,Name\n3010,A,B\n3011,C\n")
    header, row = partner.file(event, ".rejected.csv").read_text().splitlines()
    assert row.startswith("3010,A,2,COLUMN_COUNT,")

    corrected = row.replace("3010,A,", '3010,"A,B",')
    (message,) = partner.rejected("product", f"{header}{wider}\n{corrected}\n")

    assert (message["code"], message["message"]) == (
        "COLUMN_COUNT",
        "'B' stands behind _message, where nothing may stand: move it into its column, or delete it",
    )
    taken = partner.send("product", f"{header}{wider}\n{corrected.removesuffix(',B')}{wider}\n")
    assert counts(taken) == (1, 0, 0, 0)


def test_a_delimiter_that_was_taken_away_already(partner: Partner) -> None:
    """The row comes back without it, and what is said of it is true there, too: it goes in as it is."""
    event = partner.send("product", "SKU_ID,Name\n3010,A,\n3011,C\n")
    (message,) = partner.messages(event)

    assert "a delimiter that the header does not have: send the row without it" in message["message"]
    sent_back = partner.file(event, ".rejected.csv").read_text()
    assert message["message"] in sent_back
    assert counts(partner.send("product", sent_back)) == (1, 0, 0, 0)


@pytest.mark.parametrize("row", ["P1,,,K1,2,INVALID_VALUE,x", "P1,K1,2024-09-18,001,,2,INVALID_VALUE", "P1,K1,001,7"])
def test_an_order_whose_notes_slid_is_not_taken_without_the_line(partner: Partner, row: str) -> None:
    """It is rejected whole, and so is no order that has nothing to do with it."""
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
    header = "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity,_line,_code,_message"
    good = "P1,K1,2024-09-18,002,1,3,ORDER_REJECTED,x"

    event = partner.send("order", f"{header}\n{row}\n{good}\nP2,K1,2024-09-18,002,1,4,ORDER_REJECTED,x\n")

    assert (counts(event), partner.column("order", "Reference_ID")) == ((1, 0, 0, 2), ["P2"])


def test_a_row_that_slid_has_no_key(partner: Partner) -> None:
    """The right row with the same one goes in."""
    event = partner.send("inventory", f"{NOTED}\n001,,12,{NOTES}\n{RIGHT},{NOTES}\n")

    assert (counts(event), partner.column("inventory", "Back_Order_Limit")) == ((1, 0, 0, 1), ["5"])


@pytest.mark.parametrize(
    ("entity", "header", "row", "column"),
    [
        ("order", "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity,Unit_Price",
         "P1,K1,2024-09-18,001,1", "Unit_Price"),
        ("product", "SKU_ID,Name,MOQ", "S3,Name", "MOQ"),
        ("product", "SKU_ID,Name,MOQ,UOM", "S4,Name,1", "UOM"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("notes", ["_line,_code,_message", "_note"])
def test_in_any_entity(partner: Partner, entity: str, header: str, row: str, column: str, notes: str) -> None:
    """A cell is missing, whatever column the first of the notes would get into."""
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
    behind = "7,REQUIRED,why" if notes != "_note" else "why" if column == "UOM" else "7"

    event = partner.send(entity, f"{header},{notes}\n{row},{behind}\n")

    assert (counts(event), [each["code"] for each in partner.messages(event)]) == ((0, 0, 0, 1), ["COLUMN_COUNT"])
