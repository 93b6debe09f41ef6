"""What a partner sends is not exported back to the same partner, unless the account asks for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import psycopg
import pytest

from handlers.base import Context
from imports.rows import Row
from models import Account, Customer, EchoGuard, Order, OrderLine, Outbox, new_system_id
from settings import Settings
from tests.partner import Partner, counts

CUSTOMERS = "Reference_ID,Company_Name\nK1,Delta\nK2,Echo\n"
ORDERS = (
    "Reference_ID,Customer_Reference_ID,Status,Order_Date,SKU_ID,Quantity\n"
    "P1,K1,confirmed,2026-11-23,A,1\nP1,K1,confirmed,2026-11-23,B,2\nP2,K2,draft,2026-11-23,A,1\n"
)


def exported() -> list[str]:
    """The kinds in the outbox, those of one record once."""
    rows = Outbox.select(Outbox.kind, Outbox.system_id).order_by(Outbox.number).tuples()
    return [kind for kind, _ in dict.fromkeys(rows)]


def with_products(partner: Partner) -> Partner:
    partner.send("product", "SKU_ID,Name\nA,Cup\nB,Saucer\n")
    return partner


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_imports_are_not_echoed(partner: Partner, chunk_rows: int) -> None:
    """Neither new records nor changed ones, and the guard is gone when the import is."""
    partner = with_products(partner).in_chunks(chunk_rows)
    assert counts(partner.send("customer", CUSTOMERS)) == (2, 0, 0, 0)
    assert counts(partner.send("order", ORDERS)) == (3, 0, 0, 0)
    assert counts(partner.send("order", ORDERS.replace(",B,2", ",B,3"))) == (0, 2, 1, 0)

    assert (exported(), EchoGuard.select().count()) == ([], 0)


def test_what_is_written_after_an_import_is_exported(partner: Partner) -> None:
    """Imported or not: once the business changes a confirmed order, the partner gets it."""
    with_products(partner).send("customer", CUSTOMERS)
    partner.send("order", ORDERS)

    OrderLine.update(quantity=9).execute()

    assert [row.system_id for row in Outbox.select()] == [Order.get(reference_id="P1").system_id] * 2


def test_an_account_that_asks_for_its_imports(settings: Settings, make_partner: Callable[..., Partner]) -> None:
    """`export_imported`: customers that are new, and confirmed orders, once each."""
    partner = with_products(make_partner(settings, export_imported=True))
    partner.send("customer", CUSTOMERS)
    partner.send("order", ORDERS)

    assert exported() == ["customer", "customer", "order"]


@pytest.mark.parametrize("export_imported", [False, True])
def test_a_dry_run_exports_nothing(
    settings: Settings, make_partner: Callable[..., Partner], export_imported: bool
) -> None:
    """Nothing of it is kept, not even for an account that asks for its imports."""
    partner = with_products(make_partner(settings, export_imported=export_imported))
    partner.send("customer", CUSTOMERS, dry_run=True)

    assert (exported(), EchoGuard.select().count()) == ([], 0)


def meanwhile(partner: Partner, monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
    """Let `action` happen whenever rows of customers are written and not yet committed."""
    handler = partner.registry.handler("customer")
    process = handler.process

    def process_and_act(rows: list[Row], context: Context) -> None:
        process(rows, context)
        action()

    monkeypatch.setattr(handler, "process", process_and_act)


def test_a_chunk_that_falls_apart_stays_guarded(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that the database refuses are tried again in smaller parts: the guard holds for all of them."""
    seen: list[int] = []

    def refuse_both_together() -> None:
        seen.append(Customer.select().count())
        if seen == [2]:
            Account.create(name="acme")  # which is taken

    meanwhile(partner, monkeypatch, refuse_both_together)
    event = partner.send("customer", CUSTOMERS)

    assert (counts(event), seen) == ((2, 0, 0, 0), [2, 1, 2])
    assert exported() == []


def test_a_chunk_that_fails_leaves_no_guard(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """If an import breaks off, what the business writes afterwards is exported."""

    def fail() -> None:
        assert (Customer.select().count(), EchoGuard.select().count()) == (2, 1)
        raise RuntimeError("broken off")

    meanwhile(partner, monkeypatch, fail)
    with pytest.raises(RuntimeError, match="broken off"):
        partner.send("customer", CUSTOMERS)

    Customer.create(account=partner.account, company_name="Golf")

    assert (exported(), EchoGuard.select().count()) == (["customer"], 0)


@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
def test_a_program_that_writes_while_an_import_is_open(
    settings: Settings, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its order is exported: the guard is seen in the import's own transaction alone."""
    partner.send("customer", CUSTOMERS)
    order = new_system_id()

    def write() -> None:
        assert EchoGuard.select().count() == 1
        write_order(settings, partner.account, order)

    meanwhile(partner, monkeypatch, write)
    event = partner.send("customer", "Reference_ID,Company_Name\nK3,Foxtrot\n")

    assert counts(event) == (1, 0, 0, 0)
    assert [(row.kind, row.system_id) for row in Outbox.select()] == [("order", order)]


def write_order(settings: Settings, account: Account, system_id: str) -> None:
    """A confirmed order, committed by a connection of its own."""
    moment = dt.datetime.now(dt.UTC)
    customer = Customer.get(reference_id="K1").system_id
    with psycopg.connect(settings.database_url) as connection:
        connection.execute(
            "INSERT INTO sales_order (system_id, created_at, updated_at, account_id, customer_id, status, order_date) "
            "VALUES (%s, %s, %s, %s, %s, 'confirmed', '2026-11-23')",
            (system_id, moment, moment, account.id, customer),
        )
