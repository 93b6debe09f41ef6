"""Rows whose cells nothing tells apart are rejected and lose nobody else's, by the column and row by row."""

from __future__ import annotations

import pytest

from handlers.base import Row
from hooks import Hooks
from hookspecs import hookimpl
from tests.partner import Partner, counts

ADVICE = 'write "" for a quote that belongs to the text, and put the whole cell in quotes'


class Watcher:
    """A plugin that changes nothing, but wants to see each row."""

    @hookimpl
    def on_rows(self, entity: str, account: str, rows: list[Row]) -> None: ...


@pytest.fixture(params=["by column", "by row"])
def partner(partner: Partner, request: pytest.FixtureRequest) -> Partner:
    if request.param == "by row":
        partner.hooks = Hooks(plugins=[Watcher()])
    return partner


def test_a_stray_quote_is_told_and_nothing_is_stored_of_it(partner: Partner) -> None:
    """The report names the cell and the lines; rejected.csv has all that stands on them."""
    event = partner.send("product", 'SKU_ID;Name;MOQ\nA;"19 inch;1\nB;"20 inch;2\nC;x;3\nD;"Premium" cable;4\n')

    assert (event.rows, counts(event), partner.column("product", "SKU_ID")) == (3, (1, 0, 0, 2), ["C"])
    expected = "stands behind the quote that closes a cell, where the delimiter or the end of the line is expected"
    assert [tuple(each.values()) for each in partner.messages(event)] == [
        (2, "Name", '"19 inch;1\nB;"20 inch', "INVALID_VALUE",
         f"On line 3 '20 inch' {expected}, and lines 2 to 3 were read as one row: {ADVICE}"),
        (5, "Name", '"Premium" cable', "INVALID_VALUE", f"On line 5 'cable' {expected}: {ADVICE}"),
    ]  # fmt: skip
    rows = partner.file(event, ".rejected.csv").read_text().splitlines()
    assert rows[1].startswith('A;"""19 inch";1;2;INVALID_VALUE;')
    assert rows[1].endswith(';B;"""20 inch";2')
    assert rows[2].startswith('D;"""Premium"" cable";4;5;INVALID_VALUE;')


def test_several_lines_that_are_sent_back_as_they_are_come_back_again(partner: Partner) -> None:
    """They are not taken for one product."""
    event = partner.send("product", 'SKU_ID;Name;MOQ\nA;"19 inch;1\nB;"20 inch;2\n')

    again = partner.send("product", partner.file(event, ".rejected.csv").read_text())

    assert (counts(again), [each["code"] for each in partner.messages(again)]) == ((0, 0, 0, 1), ["COLUMN_COUNT"])


def test_its_keys_are_nobodys(partner: Partner) -> None:
    """What may not be a key at all makes no other row a duplicate."""
    event = partner.send("product", 'SKU_ID,Name\nA,"x"y\nA,x\n')

    assert (counts(event), [each["code"] for each in partner.messages(event)]) == ((1, 0, 0, 1), ["INVALID_VALUE"])


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_files_that_were_joined(partner: Partner, chunk_rows: int) -> None:
    """Their headers are no products and no duplicates of each other, and come back as often as they are sent."""
    header = "SKU_ID,Name,Description\n"
    content = f"\ufeff{header}1,a,\n\ufeff{header}2,b,\n{header}3,c,\n"

    event = partner.in_chunks(chunk_rows).send("product", content)

    assert (counts(event), partner.column("product", "SKU_ID")) == ((3, 0, 0, 2), ["1", "2", "3"])
    assert [tuple(each.values())[:4] for each in partner.messages(event)] == [
        (3, "", "", "INVALID_VALUE"), (5, "", "", "INVALID_VALUE")]  # fmt: skip
    assert {each["message"] for each in partner.messages(event)} == {
        "The header stands here again: take the line out (files that were joined have one each)"}  # fmt: skip
    again = partner.send("product", partner.file(event, ".rejected.csv").read_bytes())
    assert counts(again) == (0, 0, 0, 2)


REST = (", or, if it is the rest of the row before, which then lacks it, take this row out and send that one again "
        "with the whole cell in quotes")  # fmt: skip


@pytest.mark.parametrize(
    ("entity", "content", "told"),
    [
        ("product", "SKU_ID,Name,Description\nTR1,Lamp,Warm light\nwith dimmer\nTR2,B,c\n", {3: REST}),
        ("product", "SKU_ID,Name,Description\nwith dimmer\nTR1,Lamp,c\n\nTR2,Jug\n", {2: "", 5: REST}),
        ("category", "Category,Description\nA > B,Warm light\nwith dimmer\nA,c\n", {3: REST}),
        ("order", "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity,Line_Notes\n"
         "P1,K1,2024-09-18,A,1,Warm light\nwith dimmer\n", {3: ""}),
    ],
    ids=["product", "first row", "category", "order"],
)  # fmt: skip
def test_what_may_be_the_rest_of_the_row_before(
    partner: Partner, entity: str, content: str, told: dict[int, str]
) -> None:
    """A line break without quotes: the row before has lost its end. There is none before the first row; an order is
    rejected with what may be of it."""
    event = partner.send(entity, content)

    assert {each["line"]: each["message"].partition(": ")[2] for each in partner.messages(event)
            if each["code"] == "COLUMN_COUNT"} == {
        line: f"add the missing cells{rest} (the delimiter is ',')" for line, rest in told.items()}  # fmt: skip
    notes = [row["_message"] for row in partner.read(event, ".rejected.csv")]
    assert [REST in each for each in notes if "add the missing cells" in each] == list(map(bool, told.values()))
