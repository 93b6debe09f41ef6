"""What plugins do to rows: the template's rules hold for it, and a plugin that fails has done nothing."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from events import ImportFinished
from handlers.base import Row
from hooks import Hooks
from hookspecs import hookimpl
from imports.rows import Message
from tests.partner import Partner, counts

HEADER = "SKU_ID,Name,Status,MOQ,Media,Price: Retail\n"
ROWS = "1,cup,active,2,https://a.example/1,7.90\n2,saucer,,,,\n"

Change = Callable[[Row], object]


class Odd:
    """Whatever is asked of it, it fails."""

    def _fail(self, *_: object) -> Any:
        raise RuntimeError("odd")

    __str__ = __repr__ = __eq__ = __hash__ = __bool__ = _fail


def plugin(change: Change, name: str = "shop_rules") -> ModuleType:
    """A plugin that does it to each row."""

    def on_rows(rows: list[Row]) -> None:
        for row in rows:
            change(row)

    module = ModuleType(name)
    vars(module)["on_rows"] = hookimpl(on_rows)
    return module


def setting(name: str, value: object) -> Change:
    """What sets it in the row of SKU 1."""

    def change(row: Row) -> None:
        if row.values.get("sku_id") == "1":
            row.values[name] = value

    return change


def send(partner: Partner, *changes: Change, entity: str = "product", content: str = HEADER + ROWS) -> ImportFinished:
    """Import a file that plugins change; the first of them sees it first."""
    partner.hooks = Hooks(plugins=[plugin(change, f"plugin_{number}") for number, change in
                                   reversed(list(enumerate(changes, 1)))])  # fmt: skip
    return partner.send(entity, content)


def the_first(partner: Partner) -> dict[str, str]:
    """The cells of SKU 1."""
    return next(each for each in partner.records("product") if each["SKU_ID"] == "1")


@pytest.mark.parametrize(
    ("name", "value", "column", "code", "message"),
    [
        ("moq", "many", "MOQ", "INVALID_VALUE", "'many' (str) is no value of MOQ, which takes a number"),
        ("moq", float("nan"), "MOQ", "INVALID_VALUE", "nan (float) is no value of MOQ, which takes a number"),
        ("moq", Decimal("Infinity"), "MOQ", "INVALID_VALUE", "Decimal('Infinity') (Decimal) is no value of MOQ"),
        ("moq", True, "MOQ", "INVALID_VALUE", "True (bool) is no value of MOQ, which takes a number"),
        ("moq", -5, "MOQ", "OUT_OF_RANGE", "'-5' is too small: give a number of at least 0"),
        ("moq", 0.1 + 0.2, "MOQ", "OUT_OF_RANGE", "'0.30000000000000004' has 17 decimals: at most 6 fit"),
        ("moq", 10**18, "MOQ", "OUT_OF_RANGE", "'1000000000000000000' is too large"),
        ("status", "weird", "Status", "INVALID_VALUE", "'weird' is not known: write one of active, inactive"),
        ("name", "a\0b", "Name", "INVALID_VALUE", "The cell holds a NUL character"),
        ("name", "x" * 5_000, "Name", "TOO_LONG", "The text has 5000 characters: at most 500 fit"),
        ("name", ["a"], "Name", "INVALID_VALUE", "['a'] (list) is no value of Name, which takes a text (str)"),
        ("name", len, "Name", "INVALID_VALUE", "(builtin_function_or_method) is no value of Name"),
        ("name", 5, "Name", "INVALID_VALUE", "5 (int) is no value of Name, which takes a text (str)"),
        ("name", b"a", "Name", "INVALID_VALUE", "b'a' (bytes) is no value of Name"),
        ("name", "a\ud800", "Name", "INVALID_VALUE", "'a\\ud800' holds half of a character"),
        ("name", None, "Name", "REQUIRED", "Name can't be cleared"),
        ("name", " ", "Name", "REQUIRED", "Name can't be cleared"),
        ("sku_id", "#REF!", "SKU_ID", "INVALID_VALUE", "'#REF!' is an error of a spreadsheet"),
        ("system_id", "1", "System_ID", "INVALID_VALUE", "'1' is not a System ID"),
        ("media", "https://a.example/1", "Media", "INVALID_VALUE", "(str) is no value of Media, which takes a list"),
        ("media", ["a"], "Media", "INVALID_VALUE", "'a' is not a web address"),
        ("media", [None], "Media", "INVALID_VALUE", "None (NoneType) is no value of Media, which takes a text (str)"),
        ("collections", ["a|b"], "Collection", "INVALID_VALUE", "'a|b' holds a |, which separates lists"),
        ("collections", [["a"]], "Collection", "INVALID_VALUE", "['a'] (list) is no value of Collection"),
        ("prices", {"Retail": "abc"}, "Price: Retail", "INVALID_VALUE", "'abc' (str) is no value of Price"),
        ("prices", {"Retail": -1}, "Price: Retail", "OUT_OF_RANGE", "'-1' is too small: give a number of at least 0"),
        ("prices", {"": "1"}, "Price", "INVALID_VALUE", "'' can't stand behind the colon of a header"),
        ("prices", {5: "1"}, "Price", "INVALID_VALUE", "5 can't stand behind the colon of a header"),
        ("prices", {"a\nb": "1"}, "Price", "INVALID_VALUE", "'a\\nb' can't stand behind the colon of a header"),
        ("prices", ["1"], "Price", "INVALID_VALUE", "['1'] is no dict, by what stands behind the colon"),
        ("prices", None, "Price", "INVALID_VALUE", "None is no dict"),
        ("colour", "red", "", "INVALID_VALUE", "'colour' is no attribute of the template: it has sku_id, reference_id"),
        (5, "red", "", "INVALID_VALUE", "5 is no attribute of the template"),
    ],
)  # fmt: skip
def test_a_value_that_breaks_the_template_rejects_its_row(
    partner: Partner, name: Any, value: object, column: str, code: str, message: str
) -> None:
    """By the field's code; the message names the plugin and who has to do what. The other row is in."""
    event = send(partner, setting(name, value))

    (said,) = partner.messages(event)
    assert (event.code, counts(event), partner.column("product", "SKU_ID")) == (None, (1, 0, 0, 1), ["2"])
    assert (said["line"], said["column"], said["code"]) == (2, column, code)
    assert message in said["message"]
    assert "the plugin plugin_1 of this server set it in on_rows. Its author has to correct that" in said["message"]


@pytest.mark.parametrize(
    ("name", "value", "column", "cell"),
    [
        ("moq", Decimal("3.50"), "MOQ", "3.50"),
        ("moq", 3, "MOQ", "3"),
        ("moq", 2.0, "MOQ", "2.0"),
        ("moq", "3", "MOQ", "3"),
        ("moq", None, "MOQ", ""),
        ("moq", "", "MOQ", ""),
        ("moq", r"\N", "MOQ", ""),
        ("status", "INACTIVE", "Status", "inactive"),
        ("name", " CUP ", "Name", "CUP"),
        ("description", "", "Description", ""),
        ("media", [], "Media", ""),
        ("media", ["ftp://a/1", "ftp://a/1", "ftp://a/2"], "Media", "ftp://a/1|ftp://a/2"),
        ("prices", {"Retail": "8"}, "Price: Retail", "8"),
        ("prices", {"Retail": Decimal("8.5")}, "Price: Retail", "8.5"),
        ("prices", {"Retail": None}, "Price: Retail", None),
        ("prices", {"VIP": 6}, "Price: VIP", "6"),
        ("attributes", {"Color": "red"}, "Attribute: Color", "red"),
    ],
)  # fmt: skip
def test_a_good_value_is_stored_as_a_cell_would_be(
    partner: Partner, name: str, value: object, column: str, cell: str | None
) -> None:
    """Numbers of all kinds, words in any case; what is exported comes back unchanged."""
    event = send(partner, setting(name, value))

    assert (counts(event), the_first(partner).get(column)) == ((2, 0, 0, 0), cell)
    partner.hooks = Hooks()
    assert partner.send("product", partner.csv("product")).unchanged == 2


def test_what_was_taken_out_keeps_what_is_stored(partner: Partner) -> None:
    """As an empty cell does."""
    partner.send("product", HEADER + ROWS)

    event = send(partner, lambda row: row.values.pop("name", None), content="SKU_ID,Name\n1,mug\n")

    assert (event.unchanged, the_first(partner)["Name"]) == (1, "cup")


def test_a_row_counts_as_a_whole_after_a_change(partner: Partner) -> None:
    """Rules of the schema that look at several cells hold as well."""
    partner.send("product", HEADER + ROWS)
    content = "SKU_ID,Available_Quantity,On_Order_Quantity,On_Order_ETA\n1,5,1|2,2030-01-15|2030-02-15\n2,5,,\n"

    event = send(partner, setting("on_order_quantity", [1, 2, 3]), entity="inventory", content=content)

    (said,) = partner.messages(event)
    assert (counts(event), said["column"], said["code"]) == ((1, 0, 0, 1), "On_Order_ETA", "INVALID_VALUE")
    assert "3 quantities, but 2 dates" in said["message"]
    good = setting("on_order_eta", [dt.date(2030, 1, 1), dt.date(2030, 1, 2)])
    assert counts(send(partner, good, entity="inventory", content=content)) == (1, 0, 1, 0)


def test_dates_and_truths_are_not_texts(partner: Partner) -> None:
    """A day and a moment are not the same, nor are 'N' and False."""
    partner.send("product", HEADER + ROWS)
    content = "SKU_ID,Available_Quantity,Back_Order_Allowed\n1,5,Y\n"

    wrong = (("back_order_allowed", "N"), ("on_order_eta", [dt.datetime(2030, 1, 1, 12)]))
    events = [send(partner, setting(*each), entity="inventory", content=content) for each in wrong]

    assert [partner.messages(event)[0]["column"] for event in events] == ["Back_Order_Allowed", "On_Order_ETA"]
    assert counts(send(partner, setting("back_order_allowed", False), entity="inventory", content=content))[0] == 1
    assert partner.column("inventory", "Back_Order_Allowed") == ["N"]


def test_numbers_are_given_as_python_writes_them(make_partner: Callable[..., Partner], settings: Any) -> None:
    """Whatever the account's files look like."""
    partner = make_partner(settings, decimal_separator=",", date_format="DD.MM.YYYY")

    event = send(partner, setting("moq", "3.5"), content="SKU_ID,Name,MOQ\n1,cup,\n")

    assert (counts(event), partner.column("product", "MOQ")) == ((1, 0, 0, 0), ["3,5"])


def test_a_name_of_an_open_column_is_spelled_as_the_files_do(partner: Partner) -> None:
    """Else an export had two columns that mean the same."""
    partner.send("product", HEADER + ROWS)

    send(partner, setting("prices", {"retail": "5", "VIP one": "4"}))
    partner.hooks = Hooks()
    partner.send("product", "SKU_ID,Price: vip-one\n1,3\n")

    found = {column: cell for column, cell in the_first(partner).items() if column.startswith("Price")}
    assert found == {"Price: Retail": "5", "Price: VIP one": "3"}


def test_a_dry_run_does_not_decide_how_a_plugins_column_is_spelled(partner: Partner) -> None:
    """Only an import does."""
    partner.hooks = Hooks(plugins=[plugin(setting("prices", {"VIP": "5"}))])
    partner.send("product", HEADER + ROWS, dry_run=True)
    partner.hooks = Hooks()
    partner.send("product", "SKU_ID,Name,Price: vip\n1,cup,3\n")

    assert "Price: vip" in the_first(partner)


def test_a_change_that_was_taken_back_does_not_decide_it_either(partner: Partner) -> None:
    """The value was wrong."""
    send(partner, setting("prices", {"VIP": "many"}))
    partner.hooks = Hooks()
    partner.send("product", "SKU_ID,Name,Price: vip\n1,cup,3\n")

    assert "Price: vip" in the_first(partner)


def test_rows_of_an_order_that_a_plugin_tells_apart(partner: Partner) -> None:
    """The message tells its values: the file has no cell of them."""
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
    header = "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\n"
    notes = iter(("soon", "late"))

    event = send(partner, lambda row: row.values.update(notes=next(notes)), entity="order",
                 content=f"{header}P1,K1,2024-09-18,1,1\nP1,K1,2024-09-18,2,1\n")  # fmt: skip

    told = {each["message"].partition(":")[0] for each in partner.messages(event) if each["code"] == "HEADER_CONFLICT"}
    assert told == {"Notes is 'late' here, but 'soon' on line 2 of the same order"}


@pytest.mark.parametrize("first", [True, False])
def test_equal_cells_of_an_order_agree_whichever_a_plugin_has_seen(partner: Partner, first: bool) -> None:
    """It is not shown the row with a faulty cell."""
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
    partner.send("product", "SKU_ID,Name\n1,cup\n")
    rows = ["P1,K1,2024-09-18,x,1,1\n", "P1,K1,2024-09-18,x,2,bad\n"]
    header = "Reference_ID,Customer_Reference_ID,Order_Date,Notes,SKU_ID,Quantity\n"

    event = send(partner, setting("notes", "X"), entity="order", content=header + "".join(rows[:: -1 if first else 1]))

    assert [each["code"] for each in partner.messages(event)] == (
        ["INVALID_VALUE", "ORDER_REJECTED"] if first else ["ORDER_REJECTED", "INVALID_VALUE"]
    )


def test_the_next_plugin_never_sees_what_breaks_the_template(partner: Partner) -> None:
    """It sees the values as they were; what it says of the row is told as well."""
    seen: list[object] = []

    event = send(partner, setting("moq", "many"), lambda row: seen.append(row.values.get("moq")))

    assert (counts(event), seen) == ((1, 0, 0, 1), [Decimal(2), None])


FAILING: dict[str, Change] = {
    "raise": lambda row: 1 / 0,
    "reject with numbers": lambda row: row.reject(5, 7, 9),  # type: ignore[arg-type]
    "reject without a message": lambda row: row.reject("INVALID_VALUE", "Name", None),  # type: ignore[arg-type]
    "warn without a column": lambda row: row.warn("POSSIBLE_DUPLICATE", None, "x"),  # type: ignore[arg-type]
    "reject with half of a character": lambda row: row.reject("INVALID_VALUE", "Name", "\ud800"),
    "reject with NUL": lambda row: row.reject("INVALID_VALUE", "Name", "a\0"),
    "an error that is a text": lambda row: row.errors.append("x"),  # type: ignore[arg-type]
    "a message of numbers": lambda row: row.errors.append(Message("", "", "X", 5)),  # type: ignore[arg-type]
    "no errors": lambda row: setattr(row, "errors", None),
    "warnings taken back": lambda row: row.warnings.clear(),
    "reset": lambda row: row.reset(),
    "a line": lambda row: setattr(row, "line", "abc"),
    "no cells": lambda row: setattr(row, "cells", None),
    "a cell that is a number": lambda row: row.cells.__setitem__(0, 5),  # type: ignore[call-overload]
    "cells taken out": lambda row: row.cells.clear(),
    "no values": lambda row: setattr(row, "values", None),
    "values deleted": lambda row: delattr(row, "values"),
    "values in a list": lambda row: setattr(row, "values", ["1"]),
    "a stored record": lambda row: setattr(row, "stored", {}),
    "what is to be written": lambda row: row.write.update(name="x"),
    "an outcome": lambda row: setattr(row, "outcome", "created"),
    "a value that fails": lambda row: row.values.update(name=Odd()),
    "values that fail": lambda row: row.values.update(media=[Odd()]),
}


@pytest.mark.parametrize("failing", FAILING.values(), ids=FAILING.keys())
def test_a_plugin_that_fails_has_done_nothing(
    partner: Partner, failing: Change, caplog: pytest.LogCaptureFixture
) -> None:
    """Its changes, rejections and warnings are taken back, those of others stay; the log names it."""

    def sound(row: Row) -> None:
        row.values["name"] = row.values["name"].upper()
        row.warn("POSSIBLE_DUPLICATE", "Name", "look at it")

    def half(row: Row) -> None:
        row.values["name"] = "half"
        row.values.setdefault("prices", {})["Retail"] = "99"
        row.values.setdefault("media", []).append("ftp://a/2")
        row.warn("POSSIBLE_DUPLICATE", "Name", "of the failing one")
        if row.values["sku_id"] == "1":
            row.reject("INVALID_VALUE", "Name", "of the failing one")
        else:
            failing(row)

    event = send(partner, sound, half, lambda row: row.values.update(uom=row.text("Name") + row.values["name"][0]))

    assert (event.status, event.code, counts(event), event.warnings) == ("completed", None, (2, 0, 0, 0), 2)
    assert {each["message"] for each in partner.messages(event)} == {"look at it"}
    assert partner.column("product", "Name") == ["CUP", "SAUCER"]
    assert partner.column("product", "UOM") == ["cupC", "saucerS"]
    assert partner.column("product", "Price: Retail") == ["7.90", ""]
    assert partner.column("product", "Media") == ["https://a.example/1", ""]
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == [
        "hook on_rows of plugin plugin_2 failed"]  # fmt: skip


FILES = {
    "category": "Reference_ID,Category,Position\nC1,A,1\nC2,A > B,1\nC3,A > C,2\n",
    "collection": "Reference_ID,Name\nS1,Summer\nS2,Winter\n",
    "product": "SKU_ID,Name,Status,Category,MOQ,Price: Retail\n1,cup,active,A > B,2,7.90\n2,saucer,,A,,\n3,pot,,,,\n",
    "inventory": "SKU_ID,Available_Quantity,On_Order_Quantity,On_Order_ETA\n1,5,1,2030-01-15\n2,5,,\n3,1,,\n",
    "customer": "Reference_ID,Company_Name,Email\nK1,Delta,a@b.example\nK2,Echo,\nK3,Delta,\n",
    "address": "Customer_Reference_ID,Type,Line_1,City,Country\nK1,billing,a,b,DE\nK2,both,a,b,GB\nK1,both,c,d,DE\n",
    "contact": "Customer_Reference_ID,First_Name,Email\nK1,Ada,a@b.example\nK2,Bob,\nK2,Bob,b@b.example\n",
    "order": "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\nP1,K1,2024-09-18,1,2\n"
             "P1,K1,2024-09-18,2,2\nP2,K2,2024-09-18,1,2\nP3,K1,2024-09-18,3,1\n",
}  # fmt: skip
VALUES: list[Any] = [
    "x", "", "1", "K1", "K2", "P1", "A", "A > B", "Delta", "S1", "2024-09-18", "active", "DE", "both", "a@b.example",
    None, 0, 1, -1, 2.5, Decimal("3.1"), Decimal("NaN"), True, False, [], ["A"], ["Summer", "x"], [1], [None], {},
    {"Retail": "1"}, {"retail": 2}, {"Retail": None}, dt.date(2030, 1, 1), [dt.date(2030, 1, 1)], b"x", len, Odd(),
    "\ud800", "a\0", "x" * 600,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_whatever_plugins_put_into_rows_no_file_fails_and_all_is_exported(partner: Partner, seed: int) -> None:
    """Of all entities, as chance has it."""
    chance = random.Random(seed)

    def change(row: Row) -> None:
        for _ in range(chance.choice((0, 1, 1, 2))):
            name = chance.choice(attributes)
            row.values[name] = chance.choice(VALUES)
        if chance.random() < 0.1:
            row.values.pop(chance.choice(attributes), None)

    for entity, content in FILES.items():
        schema = partner.registry.handler(entity).schema()
        attributes = [*schema.fields, *(column.attribute for column in schema.open_columns)]
        for _ in range(6):
            event = send(partner.in_chunks(chance.choice((1, 2, 100))), change, entity=entity, content=content)
            assert event.code in (None, "MISSING_COLUMN"), partner.messages(event)
        partner.hooks = Hooks()
        again = partner.send(entity, partner.csv(entity))
        told = partner.messages(again)
        assert again.code in (None, "EMPTY_FILE")
        assert {each["code"] for each in told} <= {"DUPLICATE_IN_FILE", "POSSIBLE_DUPLICATE", "EMPTY_FILE"}, told
        assert partner.send(entity, content).code is None


def test_a_plugin_can_not_take_rows_from_the_next_one(partner: Partner) -> None:
    """Each sees all of them, whatever the one before did with its list."""
    seen: list[str] = []

    def on_rows(rows: list[Row]) -> None:
        rows.clear()

    thief = ModuleType("thief")
    vars(thief)["on_rows"] = hookimpl(on_rows)
    partner.hooks = Hooks(plugins=[plugin(lambda row: seen.append(row.values["sku_id"])), thief])

    assert counts(partner.send("product", HEADER + ROWS)) == (2, 0, 0, 0)
    assert seen == ["1", "2"]


def test_texts_that_a_plugin_spoils_are_read_again(partner: Partner) -> None:
    """They are cut out of the cells when they are asked for, and kept."""

    def spoil(row: Row) -> None:
        row.texts["Name"] = 5  # type: ignore[assignment]

    event = send(partner, spoil, lambda row: row.reject("INVALID_VALUE", "Name", "no"))

    assert (counts(event), [each["value"] for each in partner.messages(event)]) == ((0, 0, 0, 2), ["cup", "saucer"])


def test_values_that_rows_share_stay_each_rows_own(partner: Partner) -> None:
    """One dict or list that a plugin gives to all rows is no way for the next plugin to change them all."""
    shared = ["ftp://a/1"]

    def second(row: Row) -> None:
        if row.values["sku_id"] == "1":
            row.values["media"].append("ftp://a/2")

    assert counts(send(partner, lambda row: row.values.update(media=shared), second)) == (2, 0, 0, 0)
    assert partner.column("product", "Media") == ["ftp://a/1|ftp://a/2", "ftp://a/1"]


def test_customers_may_get_their_name_from_a_plugin(partner: Partner) -> None:
    """The warning about a namesake does not look for a cell that the file does not have."""
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")

    event = send(partner, lambda row: row.values.update(company_name="Delta"), entity="customer",
                 content="Reference_ID,Email\nK2,a@b.example\n")  # fmt: skip

    assert (counts(event), [each["code"] for each in partner.messages(event)]) == (
        (1, 0, 0, 0), ["POSSIBLE_DUPLICATE"])  # fmt: skip
