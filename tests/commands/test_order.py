"""Orders by the command line (the contract for programs that have no SQL)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import models
import orders
from json_objects import MAX_BYTES, MAX_OBJECTS
from models import Account, Address, Customer, Order, OrderLine, Outbox, Product, new_system_id
from settings import Settings

Run = Callable[..., Result]
Done = Callable[..., str]

SIMPLE = {
    "reference_id": "PO1",
    "customer_reference_id": "K1",
    "status": "draft",
    "order_date": "2026-11-23",
    "currency": "EUR",
    "lines": [{"sku_id": "001", "quantity": "2", "unit_price": "19.99"}],
}

NOBODY = "01a20919-c794-770a-b720-307a694f626a"
"""A System ID that no record has."""


@pytest.fixture(autouse=True)
def acme(settings: Settings) -> Account:
    """An account with two products and two customers, each with an address."""
    account: Account = Account.create(name="acme")
    for sku in ("001", "002"):
        Product.create(account=account, sku_id=sku, name=f"Cup {sku}")
    for number in (1, 2):
        customer = Customer.create(account=account, reference_id=f"K{number}", company_name=f"Delta {number}")
        Address.create(account=account, customer=customer, reference_id=f"A{number}", type="both", line_1="1",
                       city="Wien", country="AT")  # fmt: skip
    Outbox.delete().execute()
    return account


@pytest.fixture
def add(done: Done) -> Callable[..., str]:
    """add({...}) -> the System ID of the order, which must be taken."""

    def make(order: Any = SIMPLE) -> str:
        return done("order", "add", "-", "--account", "acme", input=json.dumps(order)).strip()

    return make


def with_changes(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**SIMPLE, **changes}.items() if value is not ...}


def refused(run: Run, content: Any) -> str:
    """What `order add` says of a file that it refuses whole."""
    raw = content if isinstance(content, (str, bytes)) else json.dumps(content)
    result = run("order", "add", "-", "--account", "acme", input=raw)
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert (Order.select().count(), OrderLine.select().count(), Outbox.select().count()) == (0, 0, 0)
    return result.stderr


def test_add_prints_the_system_id(add: Callable[..., str], acme: Account) -> None:
    """The example of the documentation is stored as it stands there; a draft is not exported."""
    system_id = add()

    order = Order.get()
    assert (order.system_id, order.account_id, order.reference_id) == (system_id, acme.id, "PO1")
    assert (order.customer.reference_id, order.status, order.currency) == ("K1", "draft", "EUR")
    assert order.order_date == dt.date(2026, 11, 23)
    line = order.lines.get()
    assert (line.position, line.product.sku_id, line.quantity, line.unit_price) == (1, "001", 2, Decimal("19.99"))
    assert Outbox.select().count() == 0


def test_add_takes_every_attribute(done: Done, tmp_path: Path) -> None:
    """From a file; numbers as JSON numbers are as exact as texts, and a confirmed order is exported."""
    file = tmp_path / "order.json"
    customer = Customer.get(reference_id="K1").system_id
    file.write_text(
        f"""\ufeff{{
        "reference_id": " PO1 ", "customer_system_id": "{customer.upper()}", "customer_reference_id": "K1",
        "status": "Confirmed", "order_date": "2026-11-23", "currency": "eur", "pricelist": "Retail",
        "billing_address_reference_id": "A1", "shipping_address_reference_id": "A1", "notes": "Grüße",
        "shipping_amount": 0.1, "tax_amount": 123456789012345678.123456,
        "lines": [{{"sku_id": "001", "quantity": 3, "unit_price": 1e2, "line_discount": 0.30, "line_notes": "x"}},
                  {{"sku_id": "001", "quantity": "0.5", "unit_price": null, "line_notes": ""}}]}}""",
        encoding="utf-8",
    )

    (made,) = json.loads(done("order", "add", str(file), "--account", "acme", "--json"))

    order = Order.get()
    assert made == {"system_id": order.system_id, "reference_id": "PO1", "status": "confirmed"}
    assert (order.customer_id, order.currency, order.pricelist, order.notes) == (customer, "EUR", "Retail", "Grüße")
    assert order.billing_address.reference_id == order.shipping_address.reference_id == "A1"
    assert [str(order.shipping_amount), str(order.tax_amount)] == ["0.1", "123456789012345678.123456"]
    one, other = order.lines.order_by(OrderLine.position)
    assert [str(one.quantity), str(one.unit_price), str(one.line_discount), one.line_notes] == ["3", "100", "0.30", "x"]
    assert (str(other.quantity), other.unit_price, other.line_notes) == ("0.5", None, None)
    assert {(row.kind, row.system_id) for row in Outbox.select()} == {("order", order.system_id)}


def test_a_list_is_stored_whole(done: Done) -> None:
    """A System ID on each line, in the order of the list."""
    several = [with_changes(reference_id=f"PO{number}") for number in range(3)]

    printed = done("order", "add", "-", "--account", "acme", input=json.dumps(several)).split()

    assert [Order.get_by_id(each).reference_id for each in printed] == ["PO0", "PO1", "PO2"]


def test_one_wrong_order_of_a_list_keeps_all_of_it_out(run: Run) -> None:
    """Each mistake is named with its place, what was found and what is expected."""
    right = with_changes(reference_id="PO0")
    wrong = with_changes(
        status="open", order_date="23.11.2026", colour="red",
        lines=[{"sku_id": 1, "quantity": "1,5"}, {"quantity": -1, "sku_id": "001"}, 7],
    )  # fmt: skip

    assert refused(run, [right, wrong, [], with_changes(lines={"sku_id": "001"})]).splitlines() == [
        "Error: Nothing was stored.",
        "orders[1].status: 'open' is not known: write one of draft, confirmed, shipped, invoiced, cancelled",
        "orders[1].order_date: '23.11.2026' is not a date: write it as YYYY-MM-DD, for example 2024-09-18",
        "orders[1].lines[0].sku_id: the number 1 stands here: expected a text in quotes",
        "orders[1].lines[0].quantity: '1,5' is not a number: write digits, with '.' before decimals, for example "
        "1234.50, without a thousands separator",
        "orders[1].lines[1].quantity: '-1' is too small: give a number of at least 0",
        "orders[1].lines[2]: the number 7 stands here: expected an object",
        "orders[1].colour: is not known here: write one of reference_id, customer_system_id, customer_reference_id, "
        "status, order_date, currency, pricelist, billing_address_reference_id, shipping_address_reference_id, notes, "
        "shipping_amount, tax_amount, lines",
        "orders[2]: a list stands here: expected an object",
        "orders[3].lines: an object stands here: expected a list of objects",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"customer_reference_id": "K9"}, "order.customer_reference_id: no customer of the account has 'K9'"),
        ({"customer_reference_id": ...}, "order: no customer is named"),
        ({"customer_system_id": NOBODY}, "order.customer_system_id: no customer of the account has"),
        ({"customer_system_id": "1"}, "order.customer_system_id: '1' is not a System ID"),
        ({"order_date": ""}, "order.order_date: is missing or empty"),
        ({"lines": [{"sku_id": "1", "quantity": 1}]}, "order.lines[0].sku_id: no product of the account has SKU_ID"),
        ({"notes": "\\N"}, r"order.notes: '\N' clears a value in files and is none itself: leave the key out"),
        ({"lines": [{"sku_id": "001", "quantity": 1, "line_notes": "\\N"}]},
         r"order.lines[0].line_notes: '\N' clears a value in files"),
        ({"lines": [{"sku_id": "001"}]}, "order.lines[0].quantity: is missing or empty"),
        ({"billing_address_reference_id": "A2"}, "order.billing_address_reference_id: the customer has no address"),
        ({"status": "confirmed", "lines": []}, "order.lines: the order is confirmed and has no lines"),
        ({"status": "shipped", "lines": ...}, "order.lines: the order is shipped and has no lines"),
        ({"tax_amount": 0.0000001}, "order.tax_amount: '0.0000001' has 7 decimals: at most 6 fit"),
        ({"tax_amount": True}, "order.tax_amount: true stands here: expected a number"),
        ({"notes": "a\0b"}, "order.notes: The cell holds a NUL character"),
        ({"notes": "\ud800"}, "order.notes: half of a surrogate pair"),
        ({"notes": ["x"]}, "order.notes: a list stands here: expected a text in quotes"),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_an_order_that_is_not_right(run: Run, changes: dict[str, Any], message: str) -> None:
    """Exit status 1, one line, nothing stored."""
    said = refused(run, with_changes(**changes))

    assert said.startswith(f"Error: Nothing was stored. {message}")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "The file, or standard input, is empty: expected an object or a list of objects"),
        ("\ufeff \n", "The file, or standard input, is empty"),
        ("x", "not JSON: Expecting value: line 1"),
        ("{'a': 1}", "not JSON: Expecting property name"),
        (b"\xff\xfe{", "not UTF-8 (byte 0)"),
        ("[]", "The list is empty"),
        ('"x"', "The file holds a text: expected an object or a list of objects"),
        ('{"tax_amount": NaN}', "NaN is not a number that can be stored"),
        ('{"notes": "a", "notes": "b"}', "the key 'notes' stands twice"),
        ('{"tax_amount": 1e999999999}', "the number 1E+999999999 is out of range"),
        ('{"tax_amount": ' + "9" * 5_000 + "}", "is out of range"),
        ("[" * 100_000, "nested too deep"),
        ("[" + "{}," * MAX_OBJECTS + "{}]", f"send at most {MAX_OBJECTS} at a time"),
        (" " * (MAX_BYTES + 1), "send it in parts"),
    ],
    ids=lambda value: repr(value[:20]),
)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_file_that_is_no_order_at_all(run: Run, content: str | bytes, message: str) -> None:
    """Said in words; nothing is read without bounds."""
    assert message in refused(run, content)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_many_mistakes_are_counted(run: Run) -> None:
    """A long list of them would hide the first."""
    said = refused(run, [with_changes(currency="euro")] * 30).splitlines()

    assert (len(said), said[-1]) == (22, "... and 10 more")


def test_a_reference_id_that_is_taken(run: Run, add: Callable[..., str]) -> None:
    """By a stored order, or by one of the same list: the message says by which."""
    stored = add()
    result = run("order", "add", "-", "--account", "acme", input=json.dumps(
        [with_changes(), with_changes(reference_id="PO2"), with_changes(reference_id="PO2")]))  # fmt: skip

    assert (result.exit_code, result.stderr.splitlines()) == (1, [
        "Error: Nothing was stored.",
        f"orders[0].reference_id: 'PO1' is taken by the order {stored}: give another one to a new order",
        "orders[2].reference_id: 'PO2' is taken by orders[1]: give another one to a new order",
    ])  # fmt: skip
    assert [order.system_id for order in Order.select()] == [stored]


def test_two_programs_that_add_one_reference_id(acme: Account) -> None:
    """One gets it, however close they are; the others are told, and nothing is there twice."""

    def attempt(_: int) -> str:
        try:
            return str(len(orders.add(acme, json.dumps(SIMPLE).encode())))
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        finally:
            models.database.close()

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(attempt, range(4)))

    assert (outcomes[0], Order.select().count(), OrderLine.select().count()) == ("1", 1, 1)
    assert all("is taken by" in each or "Another program" in each for each in outcomes[1:]), outcomes


def test_confirm_exports_a_draft_once(done: Done, add: Callable[..., str]) -> None:
    """Confirming again says so, changes nothing and is no failure."""
    system_id = add()
    before = Order.get().updated_at

    assert done("order", "confirm", system_id.upper()) == f"Confirmed the order {system_id}.\n"
    assert [row.system_id for row in Outbox.select()] == [system_id]
    order = Order.get()
    assert (order.status, order.updated_at > before) == ("confirmed", True)

    assert done("order", "confirm", system_id) == f"The order {system_id} is confirmed already.\n"
    assert (Outbox.select().count(), Order.get().updated_at) == (1, order.updated_at)


@pytest.mark.parametrize("status", ["shipped", "invoiced", "cancelled"])
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_confirm_refuses_what_is_no_draft(run: Run, add: Callable[..., str], status: str) -> None:
    """What was sent or called off is not confirmed again."""
    system_id = add(with_changes(status=status))
    result = run("order", "confirm", system_id)

    assert (result.exit_code, result.stderr) == (
        1, f"Error: The order {system_id} is {status}: only a draft can be confirmed\n")  # fmt: skip
    assert (Order.get().status, Outbox.select().count()) == (status, 0)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_confirm_refuses_an_order_without_lines(run: Run, add: Callable[..., str]) -> None:
    """A draft may be without; a confirmed order would be an empty file."""
    result = run("order", "confirm", add(with_changes(lines=...)))

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: The order {Order.get().system_id} has no lines: add some before it is confirmed, by an ORDER "
        "file with this Order_ID (`ftpdock import FILE --account NAME`) or SQL\n"
    )


@pytest.mark.parametrize("command", ["confirm", "show"])
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_an_order_that_is_not_there(run: Run, command: str) -> None:
    """An unknown System ID is a failure, what is none is wrong usage."""
    unknown = new_system_id()
    result = run("order", command, unknown)

    assert (result.exit_code, f"There is no order {unknown}" in result.stderr) == (1, True)
    assert run("order", command, "PO1").exit_code == 2


def test_list_and_show(done: Done, add: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Oldest first, by status, with exact sums; the lines stand in `show`."""
    monkeypatch.setattr(orders, "AT_ONCE", 1)
    first = add(with_changes(tax_amount="7.60", notes="call first", billing_address_reference_id="A1"))
    second = add(with_changes(reference_id=..., status="confirmed", lines=[{"sku_id": "002", "quantity": 1}]))

    listed = json.loads(done("order", "list", "--account", "acme", "--json"))
    assert [(each["system_id"], each["status"], each["lines"], each["total"]) for each in listed] == [
        (first, "draft", 1, "47.58"), (second, "confirmed", 1, None)]  # fmt: skip
    (confirmed,) = json.loads(done("order", "list", "--account", "acme", "--status", "confirmed", "--json"))
    assert confirmed == listed[1]
    assert done("order", "list", "--account", "acme").splitlines()[1].split()[:3] == [first, "PO1", "draft"]

    shown = json.loads(done("order", "show", first, "--json"))
    assert {name: shown[name] for name in ("account", "reference_id", "customer_name", "order_date", "subtotal",
                                           "total", "notes", "billing_address_reference_id")} == {
        "account": "acme", "reference_id": "PO1", "customer_name": "Delta 1", "order_date": "2026-11-23",
        "subtotal": "39.98", "total": "47.58", "notes": "call first", "billing_address_reference_id": "A1",
    }  # fmt: skip
    assert shown["lines"] == [{"position": 1, "sku_id": "001", "name": "Cup 001", "quantity": "2",
                               "unit_price": "19.99", "line_discount": None, "line_total": "39.98",
                               "line_notes": None}]  # fmt: skip
    assert done("order", "show", first).splitlines()[-1].split() == ["1", "001", "Cup", "001", "2", "19.99", "39.98"]


def test_an_amount_that_is_no_number(run: Run, add: Callable[..., str]) -> None:
    """Plain SQL may store one: it is told in a line."""
    system_id = add()
    wrong = "'NaN'" if models.is_postgres() else "'two'"
    models.database.execute_sql(f"UPDATE order_line SET unit_price = {wrong}")

    for arguments in (["show", system_id], ["list", "--account", "acme"]):
        result = run("order", *arguments)
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
        assert "An amount that is stored is not a number" in result.stderr


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_orders_of_another_account(run: Run, done: Done, add: Callable[..., str]) -> None:
    """Its customers, products and orders are none of this one's."""
    add()
    Account.create(name="beta")

    assert json.loads(done("order", "list", "--account", "beta", "--json")) == []
    result = run("order", "add", "-", "--account", "beta", input=json.dumps(SIMPLE))
    assert result.exit_code == 1
    assert "no customer of the account has 'K1'" in result.stderr
    assert "no product of the account has SKU_ID '001'" in result.stderr
    assert run("order", "add", "-", "--account", "nobody", input="{}").exit_code == 1
    assert run("order", "add", "no-such-file", "--account", "acme").exit_code == 2
