"""Programs that write into the same tables while a file is imported: what they wrote is seen before it is changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from hooks import Hooks
from hookspecs import hookimpl
from models import Account, Customer, Product, is_postgres
from settings import Settings
from tests.handlers.test_block_pass import Watcher
from tests.partner import Partner, counts

_WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@contextmanager
def beside(partner: Partner, statement: str) -> Iterator[None]:
    """Another program's transaction, which is committed as soon as somebody waits for it."""
    with closing(psycopg.connect(partner.settings.database_url)) as other:
        other.execute(statement)

        def commit() -> None:
            deadline = time.monotonic() + 20
            with closing(psycopg.connect(partner.settings.database_url, autocommit=True)) as looker:
                while looker.execute(_WAITS).fetchone() == (0,) and time.monotonic() < deadline:
                    time.sleep(0.01)
            other.commit()

        thread = threading.Thread(target=commit)
        thread.start()
        try:
            yield
        finally:
            thread.join()


@pytest.mark.parametrize("by_row", [False, True])
def test_what_is_not_yet_committed_is_waited_for(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner], by_row: bool
) -> None:
    """On Postgres; SQLite has one writer. What the row does not give stays theirs, what it gives is the partner's."""
    partner = make_partner(make_settings("postgres"))
    assert is_postgres()
    if by_row:
        partner.hooks = Hooks(plugins=[Watcher()])
    partner.send("product", "SKU_ID,Name,MOQ,UOM,Price: a\nA,Cup,1,piece,1\nC,Mug,1,piece,1\n")
    theirs = """UPDATE product SET uom = 'crate', name = 'theirs', prices = '{"a": "1", "b": "2"}' WHERE sku_id = 'A'"""

    with beside(partner, theirs):
        event = partner.send("product", "SKU_ID,Name,MOQ,UOM,Price: a\nA,Cup,2,,3\nC,Mug,1,box,1\n")

    assert (event.status, counts(event)) == ("completed", (0, 2, 0, 0))
    cup = Product.get(Product.sku_id == "A")
    assert (cup.name, cup.uom, cup.moq, cup.prices) == ("Cup", "crate", 2, {"a": "3", "b": "2"})


def test_a_row_is_not_taken_for_unchanged_while_its_record_changes(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]
) -> None:
    """Its hash would vouch for what somebody else has stored."""
    partner = make_partner(make_settings("postgres"))
    partner.send("product", "SKU_ID,Name,MOQ\nA,Cup,1\n")

    with beside(partner, "UPDATE product SET name = 'theirs' WHERE sku_id = 'A'"):
        partner.send("product", "SKU_ID,Name,MOQ\nA,Cup,2\n")

    partner.send("product", "SKU_ID,Name,MOQ\nA,Cup,2\n")
    assert Product.get().name == "Cup"


def test_customers_are_waited_for_as_well(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]
) -> None:
    """An entity whose rows always go one by one."""
    partner = make_partner(make_settings("postgres"))
    partner.send("customer", "Reference_ID,Company_Name,Email,Phone\nR1,One,a@one.example,1\nR2,Two,a@two.example,2\n")

    with beside(partner, "UPDATE customer SET email = 'theirs@one.example' WHERE reference_id = 'R1'"):
        event = partner.send("customer", "Reference_ID,Company_Name,Email,Phone\nR1,One,,11\nR2,Two,b@two.example,2\n")

    assert counts(event) == (0, 2, 0, 0)
    assert partner.column("customer", "Email") == ["theirs@one.example", "b@two.example"]


def test_a_customer_who_is_renamed_meanwhile_gets_no_key_of_the_former_name(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]
) -> None:
    """The name that the key is made of can't change before the key is stored."""
    partner = make_partner(make_settings("postgres"))
    Customer.create(account=partner.account, reference_id="R1", company_name="One")

    with beside(partner, "UPDATE customer SET company_name = 'Two' WHERE reference_id = 'R1'"):
        event = partner.send("customer", "Company_Name,Phone\nOne,1\n")

    assert counts(event) == (1, 0, 0, 0)
    assert partner.column("customer", "Company_Name") == ["Two", "One"]


class Writer:
    """Another program that writes a product when a file was scanned and its rows are not yet looked up."""

    @hookimpl
    def on_rows(self, entity: str, account: str, rows: list[object]) -> None:
        owner = Account.get(Account.name == account)
        Product.create(account=owner, sku_id="A", reference_id="R1", name="theirs")


def test_two_rows_of_a_chunk_that_mean_one_new_record_are_both_rejected(partner: Partner) -> None:
    """By different keys. When the file was scanned nothing said so: there was no such record."""
    partner.hooks = Hooks(plugins=[Writer()])

    event = partner.send("product", "SKU_ID,Reference_ID,Name\nA,,Cup\n,R1,Mug\nB,,Jug\n")

    assert [(each["line"], each["code"]) for each in partner.messages(event)] == [
        (2, "DUPLICATE_IN_FILE"), (3, "DUPLICATE_IN_FILE")]  # fmt: skip
    assert "Lines 2 and 3 mean the same record" in partner.messages(event)[0]["message"]
    assert counts(event) == (1, 0, 0, 2)
    assert Product.get(Product.sku_id == "A").name == "theirs"
