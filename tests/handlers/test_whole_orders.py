"""An order of which a line can't be read, or does not say whose it is, goes in whole or not at all."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import ImportFinished
from handlers.orders import OrderHandler
from handlers.run import ImportJob
from imports.cell_counts import FILLED_UP
from jobs.queue import claim
from tests.partner import Partner, counts

ROOT = Path(__file__).parents[2]
HEADER = "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity,Line_Notes\n"
WRAPPED = '"PO-1,K1,2024-09-18,B,2,""gift"""'
_names = itertools.count()


@pytest.fixture
def partner(partner: Partner) -> Partner:
    return stocked(partner)


def stocked(partner: Partner) -> Partner:
    """With a customer K1 and the products A to D."""
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
    partner.send("product", "SKU_ID,Name\nA,Cup\nB,Saucer\nC,Spoon\nD,Fork\n")
    return partner


def orders(partner: Partner) -> dict[str, str]:
    """Reference_ID to the SKUs of the lines."""
    found: dict[str, str] = {}
    for each in partner.records("order"):
        found[each["Reference_ID"]] = found.get(each["Reference_ID"], "") + each["SKU_ID"]
    return found


def send_back(partner: Partner, event: ImportFinished, right: Mapping[str, str]) -> ImportFinished:
    """Import rejected.csv, with these rows in the place of those on the lines of that number."""
    text = partner.file(event, ".rejected.csv").read_text("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    notes = header.index("_line")
    for row in rows:
        if row[notes] in right:
            row[:] = [*right[row[notes]].split(","), *row[notes : notes + 3]]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([header, *rows])
    return partner.send("order", buffer.getvalue())


@pytest.mark.parametrize(
    ("skus", "beside"), [("BAC", {"PO-0"}), ("ABC", set()), ("ACB", {"PO-2"})], ids=["first", "inner", "last"]
)
@pytest.mark.parametrize("row", [WRAPPED, f"{WRAPPED},,,,,", "K1,2024-09-18,B,2,gift", ",,,B,2,gift",
                                 ",K1,,B,2,gift", ",,2024-09-18,B,2,gift"])  # fmt: skip
def test_a_line_that_does_not_say_whose_it_is(partner: Partner, row: str, skus: str, beside: set[str]) -> None:
    """All orders that it may be of come back, and go in whole when it is corrected; others go in at once."""
    right = {sku: f"PO-1,K1,2024-09-18,{sku},2,gift" for sku in skus}
    rows = ["PO-0,K1,2024-09-18,D,1,", *(row if sku == "B" else right[sku] for sku in skus), "PO-2,K1,2024-09-18,D,1,"]

    event = partner.in_chunks(1).send("order", HEADER + "\n".join(rows) + "\n")

    assert orders(partner) == {name: "D" for name in ("PO-0", "PO-2") if name not in beside}
    assert event.rejected == 3 + len(beside)
    line = str(3 + skus.index("B"))
    assert counts(send_back(partner, event, {line: right["B"]})) == (3 + len(beside), 0, 0, 0)
    assert orders(partner) == {"PO-0": "D", "PO-1": skus, "PO-2": "D"}


@pytest.mark.parametrize("row", [WRAPPED, ",,,B,2,", "K1,2024-09-18,B,2,gift", "PO-1,K1,2024-09-18,B,7"])
def test_what_is_sent_back_as_it_is_comes_back_again(partner: Partner, row: str) -> None:
    """A row that rejected.csv has filled up is as little the order's as before."""
    event = partner.send("order", f"{HEADER}PO-1,K1,2024-09-18,A,1,\n{row}\nPO-1,K1,2024-09-18,C,3,\n")

    again = send_back(partner, event, {})

    assert (counts(event), counts(again), orders(partner)) == ((0, 0, 0, 3), (0, 0, 0, 3), {})


def test_a_row_that_lacks_a_cell_is_looked_at_before_it_goes_in(partner: Partner) -> None:
    """Without its Quantity the price stands there: no number tells that from a right row."""
    header = "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity,Unit_Price,Line_Discount"
    event = partner.send("order", f"{header}\nPO-1,K1,2024-09-18,A,7.90,0\n")
    filled_up = partner.file(event, ".rejected.csv").read_text()
    assert filled_up.splitlines()[1].startswith("PO-1,K1,2024-09-18,A,7.90,0,,2,COLUMN_COUNT,")
    corrected = filled_up.replace("A,7.90,0,,", "A,3,7.90,0,")
    # A spreadsheet makes the header as wide as the widest row.
    padded = corrected.replace("_message\n", "_message,\n")

    for content in (filled_up, corrected, padded):
        event = partner.send("order", content)
        (message,) = partner.messages(event)
        assert (counts(event), message["code"]) == ((0, 0, 0, 1), "COLUMN_COUNT")
        assert message["message"].endswith(
            f"the cell {FILLED_UP!r} still stands behind it: see that each value stands in its column, and delete that "
            "cell")  # fmt: skip
        assert partner.read(event, ".rejected.csv")[0][None] == [FILLED_UP]  # type: ignore[index]

    assert counts(partner.send("order", corrected.replace(f",{FILLED_UP}", ""))) == (1, 0, 0, 0)
    assert (partner.column("order", "Quantity"), partner.column("order", "Unit_Price")) == (["3"], ["7.90"])


def test_a_stored_order_stays_as_it_is(partner: Partner) -> None:
    """It is changed by all of its lines or by none."""
    good = f"{HEADER}PO-1,K1,2024-09-18,A,1,\nPO-1,,,B,1,\nPO-1,,,C,1,\n"
    partner.send("order", good)

    event = partner.send("order", f"{HEADER}PO-1,,,A,7,\n{WRAPPED}\nPO-1,,,C,7,\n")

    assert counts(event) == (0, 0, 0, 3)
    assert counts(partner.send("order", good)) == (0, 0, 3, 0)


def test_the_report_says_what_to_send_again(partner: Partner) -> None:
    """The line that is at fault, and the whole order."""
    event = partner.send("order", f"{HEADER}PO-1,K1,2024-09-18,A,1,\n,,,B,2,\n{WRAPPED}\nPO-2,K1,2024-09-18,C,3,\n")

    doubtful = "can't be read, or does not say of which order it is, and may be a line of this one"
    advice = "and an order is taken whole or not at all: correct that line, and send all lines of the order again"
    assert [(each["line"], each["column"], each["code"], each["message"]) for each in partner.messages(event)] == [
        (2, "", "ORDER_REJECTED", f"Line 3 {doubtful}, {advice}"),
        (3, "Reference_ID", "REQUIRED", "The row does not say of which order it is a line, and without a customer and "
         "an Order_Date it is no order of its own: give the Reference_ID of its order, and send all lines of that "
         "order again"),
        (4, "", "COLUMN_COUNT", "The row has 1 cell, the header 6: the whole line stands in quotes: take them away, "
         "or save again as CSV (the delimiter is ',')"),
        (5, "", "ORDER_REJECTED", f"Line 4 {doubtful}, {advice}"),
    ]  # fmt: skip


@pytest.mark.parametrize("row", ["PO-1,K1,2024-09-18,B,2", "PO-1,K1,2024-09-18,B,2,a, b"])
def test_a_faulty_row_with_the_key_of_its_order(partner: Partner, row: str) -> None:
    """Nothing is in doubt: the orders beside it go in."""
    event = partner.send("order", f"{HEADER}PO-1,K1,2024-09-18,A,1,\nPO-0,K1,2024-09-18,D,1,\n{row}\n"
                                  "PO-2,K1,2024-09-18,D,1,\n")  # fmt: skip

    assert (counts(event), orders(partner)) == ((2, 0, 0, 2), {"PO-0": "D", "PO-2": "D"})


@pytest.mark.parametrize("row", [WRAPPED, ",,,B,2,", "K1,2024-09-18,B,2,"])
def test_orders_without_an_id_have_no_other_lines(partner: Partner, row: str) -> None:
    """A faulty row beside them is no line of theirs."""
    event = partner.send("order", f"{HEADER},K1,2024-09-18,A,1,\n{row}\n,K1,2024-09-18,C,3,\n")

    assert (counts(event), partner.column("order", "SKU_ID")) == ((2, 0, 0, 1), ["A", "C"])


def test_an_order_without_an_id_among_others(partner: Partner) -> None:
    """It has what an order is made of: it is one of its own, and the others are whole without it."""
    event = partner.send("order", f"{HEADER}PO-1,K1,2024-09-18,A,1,\n,K1,2024-09-18,B,2,\nPO-1,,,C,3,\n")

    assert (counts(event), orders(partner)) == ((3, 0, 0, 0), {"PO-1": "AC", "": "B"})


def test_changes_of_orders_need_no_date(partner: Partner) -> None:
    """A row without an ID is told so; the column that only new orders need is not missed."""
    partner.send("order", f"{HEADER}PO-1,K1,2024-09-18,A,1,\n")

    event = partner.send("order", "Reference_ID,SKU_ID,Quantity\nPO-1,A,2\n,B,2\n")

    assert (event.code, counts(event)) == (None, (0, 0, 0, 2))
    assert [(each["line"], each["column"], each["code"]) for each in partner.messages(event)] == [
        (2, "", "ORDER_REJECTED"), (3, "Reference_ID", "REQUIRED")]  # fmt: skip
    assert partner.send("order", "Customer_Reference_ID,SKU_ID,Quantity\nK1,A,2\n").code == "MISSING_COLUMN"


def limited(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Orders that are too long for this are long enough for a test."""
    monkeypatch.setattr(OrderHandler, "longest_group", rows)


LONG = HEADER + (
    "PO-0,K1,2024-09-18,D,1,\nPO-1,K1,2024-09-18,A,1,\nPO-1,,,B,x,\nPO-1,K2,,X,1,\n"
    "PO-2,K1,2024-09-18,A,1,\nPO-1,,,D,1,\nPO-2,,,B,1,\nPO-2,,,C,1,\n"
)
"""PO-1 has four rows, the others have less."""


@pytest.mark.parametrize("chunk_rows", [1, 2, 5_000])
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_longer_order_than_can_be_held_is_rejected(
    partner: Partner, chunk_rows: int, dry_run: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of its rows, each for what it says itself wherever chunks end; the orders beside it go in."""
    limited(monkeypatch, 3)

    event = partner.in_chunks(chunk_rows).send("order", LONG, dry_run=dry_run)

    assert counts(event) == (4, 0, 0, 4)
    assert orders(partner) == ({} if dry_run else {"PO-0": "D", "PO-2": "ABC"})
    message = ("The order with Reference_ID 'PO-1' has 4 rows, and at most 3 are taken: give each order a Reference_ID "
               "of its own, or make several orders of it")  # fmt: skip
    assert [(each["line"], each["column"], each["code"]) for each in partner.messages(event)] == [
        (3, "Reference_ID", "ORDER_REJECTED"), (4, "Quantity", "INVALID_VALUE"), (5, "Reference_ID", "ORDER_REJECTED"),
        (7, "Reference_ID", "ORDER_REJECTED")]  # fmt: skip
    assert {each["message"] for each in partner.messages(event) if each["code"] == "ORDER_REJECTED"} == {message}
    if not dry_run:
        assert [row["_line"] for row in partner.read(event, ".rejected.csv")] == ["3", "4", "5", "7"]


def test_the_rows_of_a_longer_order_are_not_held_at_once(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come chunk by chunk, as rows of several orders do."""
    limited(monkeypatch, 3)
    partner = partner.in_chunks(2)
    number = partner.queue("order", HEADER + "PO-1,K1,2024-09-18,A,1,\n" * 9).number
    run = claim(partner.settings, partner.registry, "test", number)
    assert run is not None
    done: list[int] = []

    ImportJob(partner.settings, OrderHandler(), partner.hooks, run, "test", lambda rows, _: done.append(rows)).execute()

    assert done == [2, 4, 6, 8, 9]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_an_order_with_more_text_than_can_be_held_is_rejected(
    partner: Partner, chunk_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of its rows, wherever chunks end; the orders beside it go in, and one of as many rows with less text."""
    monkeypatch.setattr(OrderHandler, "heaviest_group", 1_000)
    content = HEADER + (
        f"PO-1,K1,2024-09-18,A,1,{'x' * 500}\nPO-2,K1,2024-09-18,A,1,\nPO-1,,,B,1,{'x' * 500}\nPO-2,,,B,1,\n"
    )

    event = partner.in_chunks(chunk_rows).send("order", content)

    assert counts(event) == (2, 0, 0, 2)
    assert orders(partner) == {"PO-2": "AB"}
    assert [(each["line"], each["code"]) for each in partner.messages(event)] == [
        (2, "ORDER_REJECTED"), (4, "ORDER_REJECTED")]  # fmt: skip
    assert "characters in its rows, and at most 1000 are taken" in partner.messages(event)[0]["message"]


def test_the_limit_of_an_order_is_documented() -> None:
    """In the words of the page about imports, and of the partner's README."""
    assert f"{OrderHandler.heaviest_group:,} characters" in (ROOT / "docs" / "imports.md").read_text()
    assert f"at most {OrderHandler.longest_group:,} rows" in (ROOT / "docs" / "imports.md").read_text()
    assert any(f"at most {OrderHandler.longest_group:,} lines" in hint for hint in OrderHandler.schema.hints)


FAULTS: list[Callable[[str], str]] = [
    lambda row: '"' + row + '"',
    lambda row: '"' + row + '",,,,,',
    lambda row: row.partition(",")[2],
    lambda row: row.rpartition(",")[0],
    lambda row: row + "a, b",
    lambda row: ",,," + row.split(",", 3)[3],
    lambda row: row.replace(",1,", ",x,"),
]


def test_each_order_is_whole_or_not_there(partner: Partner) -> None:
    """Whatever rows are at fault, in chunks of any size; sent back corrected, all orders are there."""
    lengths = st.lists(st.lists(st.sampled_from([None, None, None, *FAULTS]), min_size=1, max_size=4), min_size=1,
                       max_size=6)  # fmt: skip

    @settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
    @given(lengths, st.sampled_from([1, 3, 5_000]))
    def check(faults: list[list[Callable[[str], str] | None]], chunk_rows: int) -> None:
        one = stocked(partner.neighbour(f"n{next(_names)}")).in_chunks(chunk_rows)
        whole = {f"PO-{number}": "ABCD"[: len(each)] for number, each in enumerate(faults)}
        right = [f"{name},K1,2024-09-18,{sku},1," for name, skus in whole.items() for sku in skus]
        rows = [fault(row) if fault else row for row, fault in zip(right, itertools.chain(*faults), strict=True)]

        event = one.send("order", HEADER + "\n".join(rows) + "\n")

        assert orders(one).items() <= whole.items()
        if event.rejected:
            again = send_back(one, event, {str(line): row for line, row in enumerate(right, 2)})
            assert counts(again) == (event.rejected, 0, 0, 0), one.messages(again)
        assert orders(one) == whole

    check()


def test_the_end_of_a_dos_file_is_no_line_of_the_last_order(partner: Partner) -> None:
    """Nothing is in doubt."""
    event = partner.send("order", f"{HEADER}PO-1,K1,2024-09-18,A,1,\r\nPO-1,,,B,2,\r\n\x1a")

    assert (event.status, counts(event), orders(partner)) == ("completed", (2, 0, 0, 0), {"PO-1": "AB"})


def test_files_of_orders_that_were_joined(partner: Partner) -> None:
    """The second header is no line of any order."""
    event = partner.send("order", f"{HEADER}PO-1,K1,2024-09-18,A,1,\n{HEADER}PO-1,,,B,2,\nPO-2,K1,2024-09-18,D,1,\n")

    assert (counts(event), orders(partner)) == ((3, 0, 0, 1), {"PO-1": "AB", "PO-2": "D"})


def test_a_stray_quote_in_an_order(partner: Partner) -> None:
    """On a line of its own it takes nothing but the order that the line names."""
    rows = ["PO-0,K1,2024-09-18,D,1,", 'PO-1,K1,2024-09-18,A,1,"19"" and "20', "PO-2,K1,2024-09-18,D,1,",
            "PO-1,K1,2024-09-18,B,2,"]  # fmt: skip

    event = partner.send("order", HEADER + "\n".join(rows))

    assert (counts(event), orders(partner)) == ((2, 0, 0, 2), {"PO-0": "D", "PO-2": "D"})


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_lines_of_several_orders_that_were_read_as_one(partner: Partner, ends: str) -> None:
    """All orders come back that may have a line among them: those that these name, and those beside them."""
    lines = [
        "PO-1,K1,2024-09-18,A,1,",
        "PO-2,K1,2024-09-18,A,1,",
        "PO-3,K1,2024-09-18,A,1,",
        'PO-1,K1,2024-09-18,B,1,"19 inch',
        'PO-4,K1,2024-09-18,A,1,"20 inch',
        "PO-5,K1,2024-09-18,A,1,",
        "PO-6,K1,2024-09-18,A,1,",
        "PO-4,K1,2024-09-18,B,1,",
    ]
    event = partner.send("order", (HEADER + "\n".join(lines) + "\n").replace("\n", ends))

    assert (event.rows, orders(partner)) == (7, {"PO-2": "A", "PO-6": "A"})
    assert {(each["line"], each["code"]) for each in partner.messages(event)} == {
        (2, "ORDER_REJECTED"), (4, "ORDER_REJECTED"), (5, "INVALID_VALUE"), (7, "ORDER_REJECTED"),
        (9, "ORDER_REJECTED")}  # fmt: skip
