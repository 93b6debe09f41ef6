"""A row whose record has its hash is unchanged without a look; whatever else changes the record clears the hash."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
import pytest

from handlers.base import Row
from handlers.block_pass import BlockPass
from hooks import Hooks
from hookspecs import hookimpl
from models import Account, Category, Collection, Inventory, Product, database, is_postgres
from tests.partner import Partner, counts

PRODUCTS = "SKU_ID,Reference_ID,Name,Category,Collection,MOQ,Price: Retail\n1,R1,Cup,K,S,1.5,9.90\n2,R2,Saucer,,,2,\n"
STOCK = "SKU_ID,Warehouse,Available_Quantity,On_Order_Quantity,On_Order_ETA\n1,,5,1,2024-09-18\n2,W,7,,\n"


class Watcher:
    """A plugin that changes nothing, but wants to see each row."""

    @hookimpl
    def on_rows(self, entity: str, account: str, rows: list[Row]) -> None: ...


def hashes(model: Any = Product) -> list[int | None]:
    """In the order of the records."""
    return [value for (value,) in model.select(model.row_hash).order_by(model.system_id).tuples()]


def records(model: Any = Product) -> list[dict[str, Any]]:
    """All that is stored, time and hash included."""
    return list(model.select().order_by(model.system_id).dicts())


def sql(statement: str) -> None:
    database.execute_sql(statement)


@pytest.fixture
def stocked(partner: Partner) -> Partner:
    """With two products and their stock, imported by the column."""
    Category.create(account=partner.account, path="K")
    Collection.create(account=partner.account, name="S")
    assert counts(partner.send("product", PRODUCTS)) == counts(partner.send("inventory", STOCK)) == (2, 0, 0, 0)
    return partner


@pytest.mark.parametrize(("entity", "content", "model"),
                         [("product", PRODUCTS, Product), ("inventory", STOCK, Inventory)])  # fmt: skip
def test_an_unchanged_row_writes_nothing(stocked: Partner, entity: str, content: str, model: Any) -> None:
    """Neither its time nor its hash; the names in ids.csv are the same."""
    before = records(model)
    assert None not in hashes(model)
    time.sleep(0.001)

    event = stocked.send(entity, content)

    assert counts(event) == (0, 0, 2, 0)
    assert records(model) == before
    assert [row["System_ID"] for row in stocked.read(event, ".ids.csv")] == [each["system_id"] for each in before]


def test_the_hash_alone_decides(stocked: Partner) -> None:
    """Shown by a lie: a record that was changed behind the trigger's back, its hash put back, is not looked at."""
    (first, _) = hashes()
    sql("UPDATE product SET name = 'theirs' WHERE sku_id = '1'")
    sql(f"UPDATE product SET row_hash = {first} WHERE sku_id = '1'")

    assert counts(stocked.send("product", PRODUCTS)) == (0, 0, 2, 0)
    assert stocked.column("product", "Name") == ["theirs", "Saucer"]


def save_what_was_read_before(partner: Partner) -> None:
    """The record comes back with the hash of a row that it has had, but it never was that row's."""
    product = Product.get(Product.sku_id == "1")
    partner.send("product", PRODUCTS.replace("Cup", "Mug"))
    product.uom, product.name = "piece", "theirs"
    product.save()


def save_one_field(partner: Partner) -> None:
    product = Product.get(Product.sku_id == "1")
    product.name = "theirs"
    product.save(only=[Product.name])


def test_a_row_that_the_handler_writes_leaves_a_hash(partner: Partner) -> None:
    """A row that clears something is created by it, and one that brings a Reference_ID is updated by it."""
    created, updated = "SKU_ID,Name,UOM\n1,Cup,\\N\n", "SKU_ID,Reference_ID,Name\n1,R1,Cup\n"

    for content, expected in ((created, (1, 0, 0, 0)), (updated, (0, 1, 0, 0))):
        assert counts(partner.send("product", content)) == expected
        (value,) = hashes()
        assert value is not None
        sql("UPDATE product SET name = 'theirs'")
        sql(f"UPDATE product SET row_hash = {value}")
        assert counts(partner.send("product", content)) == (0, 0, 1, 0)
        sql("UPDATE product SET name = 'Cup'")


def update_name(connection: Any, mark: str) -> None:
    connection.execute(f"UPDATE product SET name = {mark}", ("theirs",))


def update_moq(connection: Any, mark: str) -> None:
    connection.execute(f"UPDATE product SET moq = {mark}", ("77",))


def take_code(connection: Any, mark: str) -> None:
    connection.execute(f"UPDATE product SET sku_id = {mark} WHERE sku_id = '1'", ("3",))


def take_reference(connection: Any, mark: str) -> None:
    connection.execute(f"UPDATE product SET reference_id = {mark} WHERE sku_id = '2'", ("R3",))


@pytest.mark.parametrize(("change", "content", "expected"), [
    (update_name, PRODUCTS, (0, 2, 0, 0)),
    (update_moq, PRODUCTS, (0, 2, 0, 0)),
    (update_name, PRODUCTS.replace("9.90", "8"), (0, 2, 0, 0)),
    (take_code, PRODUCTS.replace("R1", ""), (1, 0, 1, 0)),
    (take_code, PRODUCTS + "3,,Mug,,,,\n", (0, 1, 1, 1)),
    (take_reference, "SKU_ID,Reference_ID,Name\n3,R3,Mug\n", (0, 0, 0, 1)),
])  # fmt: skip
def test_what_changes_before_the_database_is_locked_counts(
    stocked: Partner, monkeypatch: pytest.MonkeyPatch, change: Callable[..., None], content: str,
    expected: tuple[int, ...],
) -> None:  # fmt: skip
    """By another connection, when the rows were looked up, but none is written yet."""
    commit = BlockPass._commit

    def change_first(self: BlockPass, *args: Any) -> None:
        url, postgres = stocked.settings.database_url, is_postgres()
        other: Any = psycopg.connect(url) if postgres else sqlite3.connect(url.removeprefix("sqlite:///"))
        with closing(other), other:
            change(other, "%s" if postgres else "?")
        commit(self, *args)

    monkeypatch.setattr(BlockPass, "_commit", change_first)
    if change is update_moq:
        sql("UPDATE product SET name = 'ours'")  # so that they have no hashes that would tell

    assert counts(stocked.send("product", content)) == expected
    assert "77" not in stocked.column("product", "MOQ")


CHANGES: dict[str, Callable[[Partner], Any]] = {
    "plain SQL": lambda partner: sql("UPDATE product SET name = 'theirs' WHERE sku_id = '1'"),
    "SQL on a list": lambda partner: sql("UPDATE product SET categories = '[]' WHERE sku_id = '1'"),
    "SQL on a price": lambda partner: sql("UPDATE product SET prices = '{}' WHERE sku_id = '1'"),
    "peewee update": lambda partner: Product.update(moq=7).where(Product.sku_id == "1").execute(),
    "peewee save": save_what_was_read_before,
    "peewee save of one field": save_one_field,
    "another file": lambda partner: partner.send("product", "SKU_ID,Name\n1,theirs\n"),
    "a file of fewer columns": lambda partner: partner.send("product", "SKU_ID,MOQ\n1,7\n"),
    "a file with System IDs": lambda partner: partner.send(
        "product", f"SKU_ID,System_ID,Name\n,{partner.ids('product', 'SKU_ID')['1']},theirs\n"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_record_is_looked_at(stocked: Partner, change: str) -> None:
    """Whoever changes it; the import puts its values back, and the hash with them."""
    before = hashes()
    CHANGES[change](stocked)
    assert hashes()[0] != before[0]

    assert counts(stocked.send("product", PRODUCTS)) == (0, 1, 1, 0)
    assert (stocked.column("product", "Name"), hashes()) == (["Cup", "Saucer"], before)
    assert counts(stocked.send("product", PRODUCTS)) == (0, 0, 2, 0)


def test_changed_stock_is_looked_at(stocked: Partner) -> None:
    sql("UPDATE inventory SET available_quantity = '0' WHERE warehouse = 'W'")

    assert counts(stocked.send("inventory", STOCK)) == (0, 1, 1, 0)


def test_a_removed_record_is_made_again(stocked: Partner) -> None:
    Product.delete().where(Product.sku_id == "2").execute()

    assert counts(stocked.send("product", PRODUCTS)) == (1, 0, 1, 0)
    assert counts(stocked.send("inventory", STOCK)) == (1, 0, 1, 0)


@pytest.mark.parametrize(("model", "name"), [(Category, "path"), (Collection, "name")])
def test_an_unknown_reference_is_seen(stocked: Partner, model: Any, name: str) -> None:
    """A category or collection that was renamed or removed, though the row and the record are as they were."""
    model.update({name: "other"}).execute()
    renamed = stocked.codes("product", PRODUCTS)
    model.delete().execute()

    column = model.__name__
    assert stocked.codes("product", PRODUCTS) == renamed == [(2, column, "UNKNOWN_REFERENCE")]


@pytest.mark.parametrize(("model", "name", "old"), [(Category, "path", "K"), (Collection, "name", "S")])
def test_a_reference_that_means_another_is_seen(stocked: Partner, model: Any, name: str, old: str) -> None:
    """The name went to another category or collection: the product goes with the name."""
    model.update({name: "other"}).execute()
    model.create(account=stocked.account, **{name: old})

    assert counts(stocked.send("product", PRODUCTS)) == (0, 1, 1, 0)
    assert counts(stocked.send("product", PRODUCTS)) == (0, 0, 2, 0)


def test_another_decimal_separator_is_another_meaning(stocked: Partner) -> None:
    """The very same bytes are no numbers any more."""
    Account.update(decimal_separator=",").execute()

    assert stocked.codes("product", PRODUCTS) == [(2, "MOQ", "INVALID_VALUE"), (2, "Price: Retail", "INVALID_VALUE")]


def test_another_date_format_is_another_meaning(stocked: Partner) -> None:
    partner, content = stocked, STOCK.replace("2024-09-18", "03.04.2024")
    Account.update(date_format="DD.MM.YYYY").execute()
    assert counts(partner.send("inventory", content)) == (0, 1, 1, 0)
    Account.update(date_format="MM.DD.YYYY").execute()

    assert counts(partner.send("inventory", content)) == (0, 1, 1, 0)
    assert partner.column("inventory", "On_Order_ETA")[0] == "03.04.2024"
    assert Inventory.select().where(Inventory.warehouse == "MAIN").get().on_order_eta == ["2024-03-04"]


def test_the_same_cells_under_another_header_mean_something_else(stocked: Partner) -> None:
    stocked.send("product", "SKU_ID,Name,MOQ\n1,Cup,3\n")

    assert counts(stocked.send("product", "SKU_ID,Name,IOQ\n1,Cup,3\n")) == (0, 1, 0, 0)
    assert stocked.column("product", "IOQ")[0] == "3"


def test_cells_that_join_to_the_same_text_are_told_apart(partner: Partner) -> None:
    """The unit separator may stand within cells, too."""
    header = "SKU_ID,Name,Description\n"
    partner.send("product", header + '"1","x\x1fy","z"\n')

    assert counts(partner.send("product", header + '"1","x","y\x1fz"\n')) == (0, 1, 0, 0)


def test_unchanged_rows_beside_stored_codes_with_leading_zeros(partner: Partner) -> None:
    """A file of which no row is left to be read."""
    content = "SKU_ID,Name\n001,Cup\n02,Saucer\n"
    partner.send("product", content)

    event = partner.send("product", content)

    assert (event.status, counts(event)) == ("completed", (0, 0, 2, 0))


def test_a_warning_comes_again_with_the_row(partner: Partner) -> None:
    """Such a row keeps no hash."""
    content = "SKU_ID,Name,Barcode\n1,Cup,4E11\n2,Saucer,5\n"
    first = partner.send("product", content)
    again = partner.send("product", content)

    assert (counts(first), first.warnings) == ((2, 0, 0, 0), 1)
    assert (counts(again), again.warnings) == ((0, 0, 2, 0), 1)
    assert partner.messages(again) == partner.messages(first)
    assert [each.sku_id for each in Product.select().where(Product.row_hash.is_null())] == ["1"]


def test_a_plugin_that_sees_the_rows_leaves_no_hash(stocked: Partner) -> None:
    """It may have changed what is stored; the next import without it looks at the record."""
    stocked.hooks = Hooks(plugins=[Watcher()])
    changed = PRODUCTS.replace("Cup", "Mug").replace("Saucer", "Plate")

    assert counts(stocked.send("product", changed)) == (0, 2, 0, 0)
    assert hashes() == [None, None]

    stocked.hooks = Hooks()
    assert counts(stocked.send("product", changed)) == (0, 0, 2, 0)
    assert None not in hashes()


@pytest.mark.parametrize("table", ["product", "inventory"])
def test_the_trigger_keeps_a_new_hash_and_clears_an_old_one(stocked: Partner, table: str) -> None:
    """An update that names another hash knows what it does."""
    model: Any = {"product": Product, "inventory": Inventory}[table]
    sql(f"UPDATE {table} SET updated_at = created_at, row_hash = -5")
    assert hashes(model) == [-5, -5]

    sql(f"UPDATE {table} SET updated_at = created_at")
    assert hashes(model) == [None, None]

    sql(f"UPDATE {table} SET row_hash = 9223372036854775807")
    assert hashes(model) == [2**63 - 1] * 2

    sql(f"UPDATE {table} SET row_hash = row_hash")
    assert hashes(model) == [None, None]


def test_a_dry_run_leaves_hashes_alone(stocked: Partner) -> None:
    before = records()

    assert counts(stocked.send("product", PRODUCTS.replace("Cup", "Mug"), dry_run=True)) == (0, 1, 1, 0)
    assert records() == before
