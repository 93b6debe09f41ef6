"""By the column or row by row: whatever partners send, and whatever happens in between, both ways do the same."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from peewee import fn

from events import ImportFinished
from handlers.base import Row
from handlers.block_pass import BlockPass
from handlers.run import ImportJob
from hooks import Hooks
from hookspecs import hookimpl
from imports import ahead
from imports.batches import Batch
from jobs.queue import claim
from models import Account, Category, Collection, EntitySettings, Inventory, Product, database, now
from settings import Settings
from tests.partner import Partner, counts
from tests.processes import always_ahead
from tests.random_files import NEEDED, Chance, File

SCENARIOS = int(os.environ.get("FTPDOCK_RANDOM_SCENARIOS", "5"))
"""Random sequences of files on each engine."""
STEPS = 8
PASSING = {"account", "created_at", "updated_at", "row_hash"}
"""What is another for each account and each time."""

FORMATS = [("YYYY-MM-DD", "."), ("DD.MM.YYYY", ","), ("MM/DD/YYYY", ".")]


class Watcher:
    """A plugin that changes nothing, but wants to see each row."""

    @hookimpl
    def on_rows(self, entity: str, account: str, rows: list[Row]) -> None: ...


class Killed(BaseException):
    """Nobody catches this one."""


@dataclass
class Side:
    """One of the two partners, and the names of the records that it has ever had."""

    partner: Partner
    by_row: bool
    """Whether all rows are looked at: a handler that is derived from ours has no rules by the column."""
    names: dict[str, str] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        found: Account = Account.get_by_id(self.partner.account.id)
        return found

    def send(self, entity: str, content: bytes, *, kill_after: int = 0, **run: Any) -> list[Any]:
        """Import the file, by a worker that dies once if it should; everything that the partner sees of it."""
        number = self.partner.queue(entity, content, **run).number
        for after in [kill_after, 0] if kill_after else [0]:
            try:
                return self._seen(self._execute(entity, number, after))
            except Killed:
                continue
        raise AssertionError

    def _execute(self, entity: str, number: int, kill_after: int) -> ImportFinished:
        def progress(done: int, rows: int) -> None:
            if 0 < kill_after <= done:
                raise Killed

        partner = self.partner
        run = claim(partner.settings, partner.registry, "test", number)
        assert run is not None
        handler = partner.registry.handler(entity)
        if self.by_row:
            handler = type("ByRow", (type(handler),), {})()
        return ImportJob(partner.settings, handler, partner.hooks, run, "test", progress).execute()

    def _seen(self, event: ImportFinished) -> list[Any]:
        self._name_records()
        files = [self.partner.file(event, f".{each}.csv") for each in ("report", "rejected", "ids")]
        texts = [path.read_bytes().decode() if path.exists() else "" for path in files]
        head = (event.status, event.code, event.rows, counts(event), event.warnings)
        return [head, *map(self._named, texts), *self._tables(Product), *self._tables(Inventory)]

    def _name_records(self) -> None:
        skus = dict(Product.select(Product.system_id, Product.sku_id).where(Product.account == self.account).tuples())
        stock = Inventory.select(Inventory.system_id, Inventory.product, Inventory.warehouse).tuples()
        found = {key: f"<product {sku}>" for key, sku in skus.items()}
        found |= {key: f"<stock {skus[product]} {warehouse}>" for key, product, warehouse in stock if product in skus}
        for model, named_by in ((Category, Category.path), (Collection, Collection.name)):
            found |= {key: f"<{name}>" for key, name in model.select(model.system_id, named_by).where(
                model.account == self.account).tuples()}  # fmt: skip
        self.names = found | self.names

    def _named(self, text: str) -> str:
        for key, name in self.names.items():
            text = text.replace(key, name)
        return text

    def _tables(self, model: Any) -> list[str]:
        """The records, but for what is made anew each time; whether they were ever updated is told."""
        records = []
        for record in model.select().where(model.account == self.account).dicts():
            kept = {name: value for name, value in record.items() if name not in PASSING}
            kept["new"] = record["created_at"] == record["updated_at"]
            records.append(self._named(json.dumps(kept, sort_keys=True, default=str)))
        return sorted(records)


def by_sql(side: Side, table: str, assignment: str, condition: str) -> None:
    database.execute_sql(f"UPDATE {table} SET {assignment} WHERE account_id = {side.account.id} AND {condition}")


def by_peewee(side: Side, sku: str) -> None:
    for product in Product.select().where((Product.account == side.account) & (Product.sku_id == sku)):
        product.uom, product.updated_at = "theirs", now()
        product.save()


def rename(side: Side, model: Any, attribute: str, old: str, new: str) -> None:
    named = model._meta.fields[attribute]
    if not model.select().where((model.account == side.account) & (named == new)).exists():
        model.update({named: new}).where((model.account == side.account) & (named == old)).execute()


def remove(side: Side, model: Any, condition: Any) -> None:
    for record in model.select().where((model.account == side.account) & condition):
        record.delete_instance()


def set_account(side: Side, **changes: Any) -> None:
    Account.update(**changes).where(Account.id == side.account.id).execute()


Happening = Callable[[Side], None]
HAPPENINGS: list[Happening] = [
    lambda side: by_sql(side, "product", "name = 'theirs'", "sku_id IN ('a', 'b', '001')"),
    lambda side: by_sql(side, "product", "sku_id = 'new'", "sku_id = 'c'"),
    lambda side: by_sql(side, "product", "reference_id = NULL", "sku_id IN ('a', 'd', 'A')"),
    lambda side: by_sql(side, "product", "categories = '[]'", "sku_id < 'c'"),
    lambda side: by_sql(side, "product", """attributes = '{"retail": null, "x": "y"}'""", "sku_id < 'd'"),
    lambda side: by_sql(side, "product", "moq = 1.50, media = '[ \"x\" ]', prices = '{}'", "sku_id > 'd'"),
    lambda side: by_sql(side, "inventory", "on_order_eta = '[]'", "warehouse = 'W'"),
    lambda side: by_sql(side, "inventory", "warehouse = 'moved'", "warehouse = 'W'"),
    lambda side: by_sql(side, "inventory", "available_quantity = '77'", "warehouse = 'MAIN'"),
    lambda side: by_peewee(side, "b"),
    lambda side: rename(side, Category, "path", "K > L", "K > Z"),
    lambda side: rename(side, Category, "path", "K > Z", "K > L"),
    lambda side: rename(side, Collection, "name", "S", "gone"),
    lambda side: rename(side, Collection, "name", "gone", "S"),
    lambda side: remove(side, Collection, Collection.name == "T"),
    lambda side: remove(side, Category, Category.path == "M"),
    lambda side: remove(side, Product, Product.sku_id << ["a", "e", "1"]),
    lambda side: remove(side, Inventory, Inventory.warehouse == "MAIN"),
    lambda side: set_account(side, date_format="DD.MM.YYYY", decimal_separator=","),
    lambda side: set_account(side, date_format="YYYY-MM-DD", decimal_separator="."),
]  # fmt: skip
"""What others may do between two imports."""


def two_sides(partner: Partner, number: int, chance: Chance) -> tuple[Side, Side]:
    """Two accounts with the same settings, categories and collections; only the first one's rows are all looked at."""
    date_format, point = chance.choice(FORMATS)
    sides = []
    for name in ("rows", "columns"):
        account = Account.create(name=f"{name}{number}", date_format=date_format, decimal_separator=point)
        sides.append(Side(replace(partner, account=account), by_row=name == "rows"))
        for path in ("K", "K > L", "M"):
            Category.create(account=account, path=path, name=path)
        for each in ("S", "T"):
            Collection.create(account=account, name=each)
        if number % 4 == 0:
            for entity in NEEDED:
                EntitySettings.create(account=account, entity=entity, on_error="abort")
    return sides[0], sides[1]


def scenario(partner: Partner, number: int) -> None:
    """Some files, each to both; what has happened so far is printed if they differ."""
    chance = Chance(number)
    sides = two_sides(partner, number, chance)
    sent: list[File] = []
    for step in range(STEPS):
        if sent and chance.likely(0.3):
            happening = chance.randrange(len(HAPPENINGS))
            print(f"happening {happening}")
            for side in sides:
                HAPPENINGS[happening](side)
        again = sent and chance.likely(0.6)
        file = chance.edited(chance.choice(sent)) if again else chance.file("inventory" if step % 3 == 2 else "product")
        sent.append(file)
        chunk_rows = chance.choice([1, 2, 3, 7, 5_000])
        options = {"dry_run": chance.likely(0.1), "kill_after": chance.choice([0] * 6 + [1, 4])}
        print(step, chunk_rows, options, file.content()[:2000])
        seen = []
        for side in sides:
            side.partner = side.partner.in_chunks(chunk_rows)
            seen.append(side.send(file.entity, file.content(), **options))
        for by_row, by_column in zip(*seen, strict=True):
            assert by_row == by_column


@pytest.fixture(params=["alone", "ahead"])
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether another process reads the files ahead, which takes a while to start."""
    if request.param == "ahead":
        always_ahead(monkeypatch)
    return str(request.param)


def test_both_ways_tell_and_store_the_same(partner: Partner, reading: str) -> None:
    """Counts, report, rejected rows, IDs and tables, after files of every kind, killed runs and changes by others."""
    for number in range(SCENARIOS if reading == "alone" else -(-SCENARIOS // 4)):
        scenario(partner, number)

    hashed = dict(
        Product.select(Account.name, fn.COUNT(Product.row_hash)).join(Account).group_by(Account.name).tuples()
    )
    assert not any(count for name, count in hashed.items() if name.startswith("rows"))
    assert sum(count > 0 for count in hashed.values()) > len(hashed) / 4


@pytest.mark.parametrize(("entity", "content", "change", "again"), [
    ("inventory", "SKU_ID,Available_Quantity,On_Order_Quantity,On_Order_ETA\na,1,1|2,2024-01-01|2024-01-02\n",
     "UPDATE inventory SET on_order_eta = '[]'",
     "SKU_ID,Available_Quantity,On_Order_Quantity,On_Order_ETA\na,2,,\n"),
    ("inventory", "SKU_ID,Available_Quantity\na,1\n", "UPDATE inventory SET on_order_eta = '[\"2024-01-01\"]'",
     "SKU_ID,Available_Quantity\na,2\n"),
    ("product", "SKU_ID,Name,Attribute: x\na,Cup,1\n", """UPDATE product SET attributes = '{"x": "1", "y": null}'""",
     "SKU_ID,Name,Attribute: x\na,Cup,1\n"),
    ("product", "SKU_ID,Name,Price: x\na,Cup,1\n", """UPDATE product SET prices = '{"x": 1.0, "y": 2}'""",
     "SKU_ID,Name,Price: x\na,Cup,1\n"),
    *[("product", "SKU_ID,Name,Price: x\na,Cup,1\n", f"UPDATE product SET prices = '{prices}'",
       "SKU_ID,Name,Price: x\na,Cup,1\n") for prices in
      ('{"x": "7,90"}', '{"x": ""}', '{"x": [1]}', '{"y": "n/a"}', "[1]", '"much"', "7")],
    ("inventory", "SKU_ID,On_Order_Quantity,On_Order_ETA\na,1,2024-01-01\n",
     """UPDATE inventory SET on_order_quantity = '["much"]'""",
     "SKU_ID,On_Order_Quantity,On_Order_ETA\na,1,2024-01-01\n"),
    ("inventory", "SKU_ID,On_Order_Quantity,On_Order_ETA\na,1,2024-01-01\n",
     """UPDATE inventory SET on_order_quantity = '{"much": 1}'""",
     "SKU_ID,On_Order_Quantity,On_Order_ETA\na,1,2024-01-01\n"),
], ids=["lists kept", "lists not in the file", "null", "number", "comma", "empty", "list in it", "another", "list",
        "text", "only a number", "no number in a list", "no list"])  # fmt: skip
def test_what_other_programs_wrote_is_taken_the_same_way(
    partner: Partner, entity: str, content: str, change: str, again: str
) -> None:
    """Values that no import would have stored."""
    sides = two_sides(partner, 1, Chance(1))
    Account.update(date_format="YYYY-MM-DD", decimal_separator=".").execute()
    for side in sides:
        side.send("product", b"SKU_ID,Name\na,Cup\n")
        side.send(entity, content.encode())
    database.execute_sql(change)

    by_row, by_column = (side.send(entity, again.encode()) for side in sides)

    assert by_row == by_column


@pytest.mark.parametrize("by_row", [False, True])
def test_a_number_that_is_none_is_replaced(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner], by_row: bool
) -> None:
    """SQLite stores whatever a program writes; the file is imported all the same."""
    partner = make_partner(make_settings("sqlite"))
    if by_row:
        partner.hooks = Hooks(plugins=[Watcher()])
    partner.send("product", "SKU_ID,Name,MOQ,Weight\na,Cup,1,2\nb,Mug,1,2\n")
    database.execute_sql("UPDATE product SET moq = 'n/a' WHERE sku_id = 'a'")

    event = partner.send("product", "SKU_ID,Name,MOQ\na,Cup,3\nb,Mug,1\n")

    assert (event.status, counts(event)) == ("completed", (0, 1, 1, 0))
    assert partner.column("product", "MOQ") == ["3", "1"]


def test_a_number_that_is_none_stays_where_no_row_gives_one(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]
) -> None:
    """Another row of the same chunk gives one, so that the column is written for both."""
    partner = make_partner(make_settings("sqlite"))
    partner.hooks = Hooks(plugins=[Watcher()])
    partner.send("product", "SKU_ID,Name,MOQ\na,Cup,1\nb,Mug,1\n")
    database.execute_sql("UPDATE product SET moq = 'n/a' WHERE sku_id = 'a'")

    event = partner.send("product", "SKU_ID,Name,MOQ\na,Tea cup,\nb,Mug,2\n")

    assert (event.status, counts(event)) == ("completed", (0, 2, 0, 0))
    assert database.execute_sql("SELECT name, moq FROM product ORDER BY sku_id").fetchall() == [
        ("Tea cup", "n/a"), ("Mug", "2")]  # fmt: skip


def test_new_records_are_made_in_the_order_of_the_file(partner: Partner) -> None:
    """Also when some of a chunk's rows go to the handler; exports are written in that order."""
    partner.send("product", "SKU_ID,Name,UOM\nb,x,\\N\na,x,box\n1E5,x,\n0,x,\n")

    assert partner.column("product", "SKU_ID") == ["b", "a", "1E5", "0"]


def test_a_file_without_the_columns_of_a_new_record(partner: Partner) -> None:
    """Its rows change records by the column; those that would make one say what they lack."""
    partner.send("product", "SKU_ID,Name,MOQ,Price: a\n1,x,1,2\n2,y,1,3\n")

    event = partner.send("product", "SKU_ID,Price: a\n1,5\n2,3.0\n3,1\n")

    assert counts(event) == (0, 1, 1, 1)
    assert [each["code"] for each in partner.messages(event)] == ["REQUIRED"]
    assert partner.column("product", "Price: a") == ["5", "3"]
    hashes = dict(Product.select(Product.sku_id, Product.row_hash.is_null()).tuples())
    assert hashes == {"1": False, "2": False}
    assert counts(partner.send("product", "SKU_ID,Price: a\n1,5\n2,3.0\n")) == (0, 0, 2, 0)


def test_a_file_that_changes_after_its_scan(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes before the fault is kept, also where the next chunk is made ready while one is written."""
    commit, batches = BlockPass._commit, ahead.Task.batches
    spoilt, given = list[int](), list[int]()

    def counted(self: ahead.Task) -> Iterator[Batch]:
        for batch in batches(self):
            given.append(len(batch))
            yield batch

    def spoil_first(self: BlockPass, *args: Any) -> None:
        if not spoilt:
            spoilt.append(self.position)
            with self.job.source.open("r+b") as file:
                file.seek(-100, os.SEEK_END)
                file.write(b"\xff" * 10)
        commit(self, *args)

    monkeypatch.setattr(ahead.Task, "batches", counted)
    monkeypatch.setattr(BlockPass, "_commit", spoil_first)
    rows = "".join(f"{number:05},{'Cup ' * 20}\n" for number in range(3_000))

    event = partner.in_chunks(500).send("product", "SKU_ID,Name\n" + rows)

    assert (event.status, event.code) == ("failed", "NOT_TEXT")
    assert 0 < len(partner.column("product", "SKU_ID")) == sum(given) < 3_000
