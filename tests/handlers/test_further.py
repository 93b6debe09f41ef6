"""A rejected row comes back with all that is certainly wrong with it, and with nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable
from types import ModuleType

import pytest

from handlers.base import Context, Row
from handlers.products import ProductHandler
from handlers.run import ImportJob
from hooks import Hooks
from hookspecs import hookimpl
from jobs.queue import claim
from tests.partner import Partner, counts

UUID = "01890000-0000-7000-8000-000000000000"
UNKNOWN, INVALID, REQUIRED = "UNKNOWN_REFERENCE", "INVALID_VALUE", "REQUIRED"
ORDER = "Order_ID,Reference_ID,Customer_Reference_ID,Order_Date,Billing_Address_Reference_ID,SKU_ID,Quantity\n"
Said = list[tuple[str, str]]
"""Column and code of what is said of a row."""

TABLES: dict[str, tuple[str, list[tuple[str, Said]]]] = {
    "order": (ORDER, [
        (",O1,,,,A,x", [("Quantity", INVALID)]),
        (",O2,,,A2,A,x", [("Quantity", INVALID), ("Billing_Address_Reference_ID", UNKNOWN)]),
        (",O3,K2,,,A,x", [("Quantity", INVALID), ("Billing_Address_Reference_ID", UNKNOWN)]),
        (",1,nope,2026-11-01,A1,A,x", [("Quantity", INVALID), ("Customer_Reference_ID", UNKNOWN)]),
        (",2,K1,2026-11-01,A2,A,x", [("Quantity", INVALID), ("Billing_Address_Reference_ID", UNKNOWN)]),
        ("odd,,nope,,,A,1", [("Order_ID", INVALID), ("Customer_Reference_ID", UNKNOWN)]),
        ("odder,,K1,,,A,1", [("Order_ID", INVALID)]),
        (f"{UUID},,,,,nope,x", [("Quantity", INVALID), ("SKU_ID", UNKNOWN), ("Order_ID", "UNKNOWN_SYSTEM_ID")]),
        (",3,\\N,,,A,x", [("Quantity", INVALID), ("Customer_Reference_ID", REQUIRED), ("Order_Date", REQUIRED)]),
        (",4,,2026-11-01,,A,x", [("Quantity", INVALID), ("Customer_Reference_ID", REQUIRED)]),
        (",5,#N/A,2026-11-01,nope,A,1", [("Customer_Reference_ID", INVALID),
                                         ("Billing_Address_Reference_ID", UNKNOWN)]),
        (",6,K1,2026-13-01,,A,1", [("Order_Date", INVALID)]),
        (",7,nope,,,A,1", [("Customer_Reference_ID", UNKNOWN), ("Order_Date", REQUIRED)]),
    ]),
    "address": (
        "Address_Reference_ID,Customer_System_ID,Customer_Reference_ID,Type,Line_1,City,Country\n", [
        ("1,,nope,both,x,,XX", [("Country", INVALID), ("Customer_Reference_ID", UNKNOWN), ("City", REQUIRED)]),
        (",,nope,both,x1,,XX", [("Country", INVALID), ("Customer_Reference_ID", UNKNOWN), ("City", REQUIRED)]),
        ("A1,,,both,,,XX", [("Country", INVALID)]),
        ("#N/A,,K1,both,x2,,DE", [("Address_Reference_ID", INVALID)]),
        ("2,,,both,x3,y,XX", [("Country", INVALID), ("Customer_Reference_ID", REQUIRED)]),
        ("3,,nope,both,x4,,DE", [("Customer_Reference_ID", UNKNOWN), ("City", REQUIRED)]),
        (f"4,{UUID},nope,both,x5,y,DE", [("Customer_System_ID", UNKNOWN), ("Customer_Reference_ID", UNKNOWN)]),
        (f"5,{UUID},K1,both,x6,y,XX", [("Country", INVALID), ("Customer_System_ID", UNKNOWN)]),
        ("6,odd,,both,x7,,DE", [("Customer_System_ID", INVALID), ("City", REQUIRED)]),
    ]),
    "contact": ("Contact_Reference_ID,Customer_Reference_ID,First_Name,Last_Name,Email,Is_Primary\n", [
        (",nope,,1,odd,Y", [("Email", INVALID), ("Customer_Reference_ID", UNKNOWN)]),
        (",K1,,2,odd,Y", [("Email", INVALID)]),
        (",K1,,3,new@x.example,odd", [("Is_Primary", INVALID), ("First_Name", REQUIRED)]),
        (",K1,,4,NAMELESS@x.example,odd", [("Is_Primary", INVALID)]),
        (",K1,,5,c1@x.example,odd", [("Is_Primary", INVALID)]),
        ("2,K1,,6,c2@x.example,odd", [("Is_Primary", INVALID), ("First_Name", REQUIRED)]),
        ("3,K1,,7,unnumbered@x.example,odd", [("Is_Primary", INVALID)]),
        ("4,nope,,8,a@x.example,Y", [("Customer_Reference_ID", UNKNOWN)]),
        ("5,nope,,9,,Y", [("Customer_Reference_ID", UNKNOWN), ("First_Name", REQUIRED)]),
        (",nope,,10,,odd", [("Is_Primary", INVALID), ("Customer_Reference_ID", UNKNOWN), ("First_Name", REQUIRED)]),
        (",,,11,b@x.example,odd", [("Is_Primary", INVALID), ("Customer_Reference_ID", REQUIRED)]),
        ("C1,,,12,,odd", [("Is_Primary", INVALID)]),
    ]),
    "inventory": ("SKU_ID,Warehouse,Available_Quantity,On_Order_Quantity,On_Order_ETA,Back_Order_Limit\n", [
        ("nope,,x,,,", [("Available_Quantity", INVALID), ("SKU_ID", UNKNOWN)]),
        ("A,,,,,x", [("Back_Order_Limit", INVALID)]),
        ("A,W,,,,x", [("Back_Order_Limit", INVALID), ("Available_Quantity", REQUIRED)]),
        ("none,,,,,x", [("Back_Order_Limit", INVALID), ("SKU_ID", UNKNOWN)]),
        (",W,,,,x", [("Back_Order_Limit", INVALID), ("SKU_ID", REQUIRED)]),
        (f"B,{'w' * 201},,,,", [("Warehouse", "TOO_LONG")]),
        ("#N/A,,,,,", [("SKU_ID", INVALID)]),
        ("B,,x,1|2,2030-01-01,", [("Available_Quantity", INVALID), ("On_Order_ETA", INVALID)]),
        ("C,,x,1|y,2030-01-01,", [("Available_Quantity", INVALID), ("On_Order_Quantity", INVALID)]),
    ]),
    "product": ("SKU_ID,Reference_ID,System_ID,Name,Category,Collection,MOQ\n", [
        ("1,,,,nope,none,x", [("MOQ", INVALID), ("Category", UNKNOWN), ("Collection", UNKNOWN), ("Name", REQUIRED)]),
        ("2,,,,nope,S,", [("Category", UNKNOWN), ("Name", REQUIRED)]),
        ("A,,,,,,x", [("MOQ", INVALID)]),
        (",R2,,,nope,,x", [("MOQ", INVALID), ("Category", UNKNOWN)]),
        (",,,x,,,x", [("MOQ", INVALID), ("SKU_ID", REQUIRED)]),
        ("#N/A,,,,K,,", [("SKU_ID", INVALID)]),
        ("3,#N/A,,,,,", [("Reference_ID", INVALID)]),
        (f"4,,{UUID},,,,x", [("MOQ", INVALID), ("System_ID", "UNKNOWN_SYSTEM_ID")]),
        ("5,R3,,,nope,,", [("SKU_ID", "KEY_CONFLICT"), ("Category", UNKNOWN)]),
        ("6,,,\\N,nope,,", [("Name", REQUIRED), ("Category", UNKNOWN)]),
        ("7,,,x,a|b,,x", [("MOQ", INVALID), ("Category", UNKNOWN), ("Category", UNKNOWN)]),
        ("9,,,,nope", [("", "COLUMN_COUNT")]),
        ("twice,,,,nope,,x", [("MOQ", INVALID), ("SKU_ID", "DUPLICATE_IN_FILE")]),
        ("twice,,,,nope,,", [("SKU_ID", "DUPLICATE_IN_FILE")]),
    ]),
    "category": ("Reference_ID,Category,Position\n", [
        ("1,nope > a,x", [("Position", INVALID), ("Category", "MISSING_PARENT")]),
        ("2,K > a,x", [("Position", INVALID)]),
        ("3,,x", [("Position", INVALID), ("Category", REQUIRED)]),
        ("K,,x", [("Position", INVALID)]),
        ("#N/A,,", [("Reference_ID", INVALID)]),
        ("#REF!,nope > b,", [("Reference_ID", INVALID), ("Category", "MISSING_PARENT")]),
    ]),
    "collection": ("Reference_ID,Name,Position\n", [
        ("1,,x", [("Position", INVALID), ("Name", REQUIRED)]),
        ("S,,x", [("Position", INVALID)]),
        ("2,new,x", [("Position", INVALID)]),
    ]),
    "customer": ("Reference_ID,Company_Name,Email\n", [
        ("1,,odd", [("Email", INVALID), ("Company_Name", REQUIRED)]),
        (",,odd", [("Email", INVALID), ("Company_Name", REQUIRED)]),
        ("K1,,odd", [("Email", INVALID)]),
        ("2,Delta,odd", [("Email", INVALID)]),
        ("#N/A,,", [("Reference_ID", INVALID)]),
    ]),
}  # fmt: skip
"""Entity to header and rows, each with all that is to be said of it."""


@pytest.fixture
def partner(partner: Partner) -> Partner:
    """A partner who has something of each kind."""
    partner.send("category", "Reference_ID,Category\nK,K\n")
    partner.send("collection", "Reference_ID,Name\nS,S\n")
    partner.send("product", "SKU_ID,Reference_ID,Name\nA,,Cup\nB,R2,Mug\nC,R3,Jug\n")
    partner.send("inventory", "SKU_ID,Available_Quantity\nA,1\n")
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\nK2,Echo\n")
    partner.send("address", "Address_Reference_ID,Customer_Reference_ID,Type,Line_1,City,Country\n"
                 "A1,K1,both,x,y,DE\nA2,K2,both,x,y,DE\n")  # fmt: skip
    partner.send("contact", "Contact_Reference_ID,Customer_Reference_ID,First_Name,Email\n"
                 "C1,K1,Ada,c1@x.example\nC2,K1,Alan,c2@x.example\n,K1,Grace,nameless@x.example\n"
                 ",K1,Kurt,unnumbered@x.example\n")  # fmt: skip
    partner.send("order", ORDER + "".join(f",O{each},K1,2026-11-01,A1,A,1\n" for each in (1, 2, 3)))
    return partner


def said(partner: Partner, entity: str, content: str, *, dry_run: bool = False) -> dict[int, Said]:
    """Column and code of what the report says, by line."""
    event = partner.send(entity, content, dry_run=dry_run)
    found: dict[int, Said] = {}
    for each in partner.messages(event):
        found.setdefault(each["line"], []).append((each["column"], each["code"]))
    return found


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
@pytest.mark.parametrize("entity", TABLES)
def test_all_that_is_wrong_with_a_row_is_said_at_once(partner: Partner, entity: str, chunk_rows: int) -> None:
    """By a dry run, too; nothing is said of what depends on how a faulty key is corrected."""
    header, rows = TABLES[entity]
    content = header + "\n".join(row for row, _ in rows) + "\n"
    expected = dict(enumerate((each for _, each in rows), 2))
    partner = partner.in_chunks(chunk_rows)

    assert said(partner, entity, content, dry_run=True) == expected
    assert said(partner, entity, content) == expected


FAULTS = {"Customer_Reference_ID": ("K1", "nope", UNKNOWN), "Status": ("draft", "odd", INVALID),
          "Order_Date": ("2026-11-01", "", REQUIRED), "Billing_Address_Reference_ID": ("A1", "nope", UNKNOWN),
          "SKU_ID": ("A", "nope", UNKNOWN), "Quantity": ("2", "two", INVALID)}  # fmt: skip
"""Column to a good cell, a bad one, and what is said of that."""
MIXES = [mix for size in range(1, 7) for mix in itertools.combinations(FAULTS, size)]


def orders(mixes: Iterable[Collection[str]]) -> str:
    """Orders of one line each, which have the columns of a mix wrong."""
    cells = ([bad if column in mix else good for column, (good, bad, _) in FAULTS.items()] for mix in mixes)
    rows = [",".join([f"N{number}", *each]) for number, each in enumerate(cells)]
    return "\n".join([",".join(["Reference_ID", *FAULTS]), *rows, ""])


def test_an_order_needs_to_be_corrected_only_once(partner: Partner) -> None:
    """Whatever of its cells are at fault."""
    found = said(partner, "order", orders(MIXES))

    assert [sorted(each) for each in found.values()] == [
        sorted((column, FAULTS[column][2]) for column in mix) for mix in MIXES]  # fmt: skip
    assert counts(partner.send("order", orders([()] * len(MIXES)))) == (len(MIXES), 0, 0, 0)


@pytest.mark.parametrize(("rows", "expected"), [
    (",N,K1,,,A,x\n,N,nope,,,,1\n,N,,,,A,1\n",
     {2: [("Quantity", INVALID), ("Order_Date", REQUIRED)],
      3: [("Customer_Reference_ID", "HEADER_CONFLICT"), ("SKU_ID", REQUIRED)], 4: [("", "ORDER_REJECTED")]}),
    (",N,K1,2026-11-01,A2,A,1\n,N,K2,,,A,1\n",
     {2: [("", "ORDER_REJECTED")], 3: [("Customer_Reference_ID", "HEADER_CONFLICT")]}),
    (",N,,,,A,1\n,N,nope,,,A,x\n",
     {2: [("Order_Date", REQUIRED)], 3: [("Quantity", INVALID), ("Customer_Reference_ID", UNKNOWN)]}),
    (",N,,,,A,x\n,N,,2026-13-01,,A,1\n",
     {2: [("Quantity", INVALID), ("Customer_Reference_ID", REQUIRED)], 3: [("Order_Date", INVALID)]}),
    (",N,,,nope,A,1\n,N,,,,A\n",
     {2: [("Billing_Address_Reference_ID", UNKNOWN)], 3: [("", "COLUMN_COUNT")]}),
    (",O2,,,A2,A,1\n,O2,,,,A\n", {2: [("", "ORDER_REJECTED")], 3: [("", "COLUMN_COUNT")]}),
    (",N,nope,,,A,1\n,,,,,A,x\n",
     {2: [("Customer_Reference_ID", UNKNOWN)], 3: [("Quantity", INVALID)]}),
], ids=["conflict", "whose address", "where it stands", "told on another row", "unread",
        "unread of a stored one", "stray"])  # fmt: skip
def test_an_order_of_several_rows(partner: Partner, rows: str, expected: dict[int, Said]) -> None:
    """A cell of the order as a whole is told of where it stands; what an unread row may hold is not missed."""
    assert said(partner, "order", ORDER + rows) == expected


def test_orders_of_one_row_each(partner: Partner) -> None:
    """Where no column says of which order a row is, none is missed for being on another row."""
    content = "Customer_Reference_ID,Order_Date,SKU_ID,Quantity\nK1,,A,x\n,2026-11-01,A,x\n,,A,x\n"

    assert said(partner, "order", content) == {
        2: [("Quantity", INVALID), ("Order_Date", REQUIRED)],
        3: [("Quantity", INVALID), ("Customer_Reference_ID", REQUIRED)],
        4: [("Quantity", INVALID), ("Customer_Reference_ID", REQUIRED), ("Order_Date", REQUIRED)]}  # fmt: skip


def test_a_column_that_a_file_lacks_is_no_reason_beside_others(partner: Partner) -> None:
    """Else the file would count as one that can't be imported, and its report would say nothing of its rows."""
    product = partner.send("product", "SKU_ID,MOQ\nnew,x\n")
    order = partner.send("order", "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID\nN,nope,,A\nM,K1,odd,A\n")

    assert [(each["column"], each["code"]) for each in partner.messages(product)] == [("MOQ", INVALID)]
    assert (product.code, order.code) == (None, "MISSING_COLUMN")
    assert partner.send("order", "Reference_ID,Order_Date,SKU_ID\nM,odd,nope\n").code is None


def renaming(rows: list[Row]) -> None:
    for row in rows:
        if row.values.get("customer_reference_id") == "theirs":
            row.values["customer_reference_id"] = "K1"


def refusing(rows: list[Row]) -> None:
    for row in rows:
        row.reject(INVALID, "SKU_ID", "Not today")


@pytest.mark.parametrize(("change", "row", "expected"), [
    (renaming, ",N,theirs,,nope,A,x", [("Quantity", INVALID)]),
    (renaming, ",N,theirs,,A2,A,1", [("Order_Date", REQUIRED), ("Billing_Address_Reference_ID", UNKNOWN)]),
    (renaming, ",N,nope,,nope,A,1", [("Customer_Reference_ID", UNKNOWN), ("Order_Date", REQUIRED),
                                     ("Billing_Address_Reference_ID", UNKNOWN)]),
    (refusing, ",N,nope,,,A,1", [("SKU_ID", INVALID)]),
], ids=["unseen", "renamed", "unknown", "refused"])  # fmt: skip
def test_what_a_plugin_may_make_of_a_cell_is_not_guessed(
    partner: Partner, change: Callable[[list[Row]], None], row: str, expected: Said
) -> None:
    """It has seen the rows that were good till then; of the others nobody knows what their cells mean."""
    module = ModuleType("renaming")
    vars(module)["on_rows"] = hookimpl(change)
    partner.hooks = Hooks(plugins=[module])

    assert sorted(said(partner, "order", ORDER + row)[2]) == sorted(expected)


class Killed(BaseException):
    """Nobody catches this one."""


@pytest.mark.parametrize("entity", ["order", "contact", "product"])
def test_a_run_that_goes_on_after_a_kill_says_the_same(partner: Partner, entity: str) -> None:
    """Good rows between the bad ones are stored by then."""
    header, rows = TABLES[entity]
    good = {"order": ",N{},K1,2026-11-01,A1,A,1", "contact": "N{},K1,x,y,{}@x.example,Y",
            "product": "N{},,,x,K,S,1"}[entity]  # fmt: skip
    lines = [line for number, (row, _) in enumerate(rows) for line in (row, good.replace("{}", str(number)))]
    number = partner.in_chunks(2).queue(entity, header + "\n".join(lines) + "\n").number

    def progress(done: int, _: int) -> None:
        if done >= 6:
            raise Killed

    run = claim(partner.settings, partner.registry, "test", number)
    assert run is not None
    with pytest.raises(Killed):
        ImportJob(partner.in_chunks(2).settings, partner.registry.handler(entity), partner.hooks, run, "test",
                  progress).execute()  # fmt: skip
    event = partner.in_chunks(2).work(number)

    found: dict[int, Said] = {}
    for each in partner.messages(event):
        found.setdefault(each["line"], []).append((each["column"], each["code"]))
    assert found == {2 + 2 * place: each for place, (_, each) in enumerate(rows)}


class OwnKeys(ProductHandler):
    """It may find records by another column."""

    def find(self, rows: list[Row], context: Context) -> None:
        super().find(rows, context)


class OwnReferences(ProductHandler):
    """It may make the categories that are not there."""

    def refer(self, rows: list[Row], context: Context) -> None:
        super().refer(rows, context)


@pytest.mark.parametrize("handler", [OwnKeys, OwnReferences])
def test_a_handler_with_rules_of_its_own_is_not_second_guessed(partner: Partner, handler: type[ProductHandler]) -> None:
    """What it takes for new or unknown, nobody else knows."""
    number = partner.queue("product", "SKU_ID,Name,Category,MOQ\nnew,,nope,x\n").number
    run = claim(partner.settings, partner.registry, "test", number)
    assert run is not None

    event = ImportJob(partner.settings, handler(), partner.hooks, run, "test").execute()

    assert [each["column"] for each in partner.messages(event)] == ["MOQ"]
