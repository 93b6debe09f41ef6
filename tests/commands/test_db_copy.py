"""`ftpdock db copy`: a deployment on SQLite goes to another database, whole, and goes on there."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from peewee import fn

import copying
import models
from handlers.registry import Registry
from models import Account, Category, Mail, Outbox
from models.base import NumberField
from models.source import opened
from settings import Settings
from tests.commands.copied import (
    FILES,
    connected,
    contents,
    file_of,
    invoke,
    listed,
    moved,
    shipments,
    source,
    write,
)
from tests.conftest import BACKENDS
from tests.filled import fill, receive
from tests.partner import Partner

__all__ = ["shipments", "source"]


@pytest.fixture(params=BACKENDS)
def target(request: pytest.FixtureRequest, source: Settings, make_database: Callable[[str], str]) -> Settings:
    """The home of the source, whose settings name an empty database now."""
    return moved(source, make_database(request.param))


@pytest.fixture
def on_postgres(source: Settings, make_database: Callable[[str], str]) -> Settings:
    return moved(source, make_database("postgres"))


def copy(target: Settings, source: Settings, *options: str) -> dict[str, int]:
    """Table to the number of its rows, as the command tells them."""
    return listed(invoke(target, "db", "copy", str(file_of(source)), "--json", *options))


def test_everything_reads_as_before(source: Settings, target: Settings, shipments: Registry) -> None:
    """Every row of every table, with every value of every field; nothing is there that was not, such as exports that
    triggers ask for; the file is as it was."""
    before, digest = contents(source, shipments), hashlib.sha256(file_of(source).read_bytes()).digest()

    told = copy(target, source)

    assert contents(target, shipments) == before
    assert told == {name: len(rows) for name, rows in before.items()}
    assert min(told.values()) > 0
    assert hashlib.sha256(file_of(source).read_bytes()).digest() == digest


def test_imports_go_on(source: Settings, target: Settings, shipments: Registry, tmp_path: Path) -> None:
    """The same files again change nothing, and get numbers behind all that there ever were."""
    with connected(source):
        (last,) = models.database.execute_sql("SELECT seq FROM sqlite_sequence WHERE name = 'upload'").fetchone()
    copy(target, source)

    (tmp_path / "again").mkdir()
    with connected(target):
        partner = Partner(target, Account.get(name="acme"), tmp_path / "again", shipments)
        for number, (entity, content) in enumerate(FILES.items(), last + 1):
            event = partner.send(entity, content)
            assert (event.status, event.unchanged, event.number) == ("completed", event.rows, number), entity


def test_no_number_is_given_twice(source: Settings, target: Settings, shipments: Registry) -> None:
    """Not even one of a row that is gone, or of a table without any; those of accounts and the like fit in, too."""
    write(source, "DELETE FROM delivery; UPDATE sqlite_sequence SET seq = seq + 1000")
    copy(target, source)

    with connected(target):
        fill(account := Account.create(name="new"))
        receive(account)
        Outbox.create(account=account, kind="full", entity="product")
        given = {model._meta.table_name: model.select(fn.MAX(model._meta.primary_key)).scalar() for model in numbered()}
    assert {name: number > 1000 for name, number in given.items()} == dict.fromkeys(given, True)


def numbered() -> list[type[models.Base]]:
    return [model for model in models.TABLES if isinstance(model._meta.primary_key, NumberField)]


def test_numbers_of_a_database_that_had_some_stay_behind(source: Settings, on_postgres: Settings) -> None:
    """It was used before, and emptied: what it has given out may stand in files of the home, too."""
    with psycopg.connect(on_postgres.database_url, autocommit=True) as connection:
        connection.execute("SELECT setval('mail_number_seq', 7000)")

    copy(on_postgres, source)

    with connected(on_postgres):
        assert Mail.create(key="new").number == 7001


@pytest.mark.parametrize("chunk", [1, 2])
def test_rows_go_over_in_any_chunks(source: Settings, target: Settings, shipments: Registry, chunk: int,
                                    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Also a category that comes before its parent: it was moved there later."""
    monkeypatch.setattr("models.filling.CHUNK", chunk)
    with connected(source):
        account = Account.get(name="acme")
        child = Category.create(account=account, path="Z > Y")
        child.parent = Category.create(account=account, path="Z")
        child.save()
    before = contents(source, shipments)

    copy(target, source)

    assert contents(target, shipments) == before


def test_large_cells_are_not_held_by_the_thousand(source: Settings) -> None:
    """Rows go over in chunks of some megabytes, however few they are."""
    with connected(source):
        account = Account.get(name="filled")
        for number in range(5):
            models.Product.create(account=account, sku_id=f"large {number}", name="x", description=6_000_000 * "x")
    with opened(file_of(source)) as file:
        chunks = list(file.rows(models.Product, 5_000))
    large = [sum("large" in str(row) for row in chunk) for chunk in chunks]

    assert (sum(large), max(large)) == (5, 3)


def test_what_was_committed_last_goes_over(source: Settings, target: Settings, tmp_path: Path) -> None:
    """It lies in the log of a server that was killed. Nobody moves it into the file, which is only read."""
    killed = tmp_path / "killed.db"
    with contextlib.closing(sqlite3.connect(file_of(source), isolation_level=None)) as file:
        file.execute("UPDATE account SET company = 'the last' WHERE name = 'acme'")
        for ending in ("", "-wal"):
            shutil.copy(f"{file_of(source)}{ending}", f"{killed}{ending}")
    before = {path: path.read_bytes() for path in tmp_path.glob("killed.db*")}

    copy(target, moved(source, f"sqlite:///{killed}"))

    with connected(target):
        assert Account.get(name="acme").company == "the last"
    assert {path: path.read_bytes() for path in before} == before


def test_what_is_written_meanwhile_is_not_copied(source: Settings, target: Settings, shipments: Registry) -> None:
    """All is copied as it was at one moment: no row goes without what it refers to."""
    before = contents(source, shipments)
    written: list[int] = []

    def show(done: int, _: int) -> None:
        if not written:
            written.append(done)
            write(source, "DELETE FROM shipment; DELETE FROM order_line; UPDATE account SET company = 'new'; "
                          "INSERT INTO collection SELECT 'new', created_at, updated_at, account_id, 'new', 'new', '', "
                          "media, position FROM collection LIMIT 1")  # fmt: skip

    invoke(target, "db", "migrate")
    with opened(file_of(source)) as opened_source, connected(target):
        copying.copy(target, opened_source, copying.tables(shipments), show)

    assert written != []
    assert contents(target, shipments) == before != contents(source, shipments)


def test_values_that_sqlite_takes_as_they_come(source: Settings, target: Settings, shipments: Registry) -> None:
    """Other programs write numbers for texts, other spellings of times and JSON, any truth: they read the same."""
    write(source, """
        UPDATE sales_order SET tax_amount = 19.99, shipping_amount = 1e3, order_date = '2026-11-23 10:00:00',
            updated_at = '2026-11-23T14:30:00Z', created_at = '2026-11-23 14:30:00.5+02:00', notes = 42;
        UPDATE order_line SET quantity = '2.50000', unit_price = '-0.0';
        UPDATE customer SET attributes = '{"a" :"\u00e4\\u00e4", "n": 1.50, "b": [true, null]}', phone = X'c3a4';
        UPDATE address SET is_default = 2;
        UPDATE inventory SET back_order_allowed = NULL, on_order_quantity = ' [ ] ', available_quantity = '1E+2';
        UPDATE product SET row_hash = -9223372036854775808, moq = '000999999999999999.999999',
            description = char(9, 10, 13) || ' \\N \\. \\' || char(11, 127);
    """)  # fmt: skip
    before = contents(source, shipments, digits=False)

    copy(target, source)

    assert contents(target, shipments, digits=False) == before


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
def test_a_time_without_a_zone_is_in_utc(source: Settings, target: Settings) -> None:
    """As SQLite's datetime('now') writes it, wherever the machine is that reads or copies it."""
    write(source, "UPDATE customer SET created_at = '2026-11-23 10:00:00'")

    copy(target, source)

    for settings in (source, target):
        with connected(settings):
            assert models.Customer.select().first().created_at == dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)


def test_an_empty_database_is_made_ready(source: Settings, make_database: Callable[[str], str],
                                         postgres_uri: str, shipments: Registry) -> None:  # fmt: skip
    """Its tables are made first, those of plugins too."""
    before = contents(source, shipments)
    with bare(postgres_uri) as url:
        copy(moved(source, url), source)
        assert contents(moved(source, url), shipments) == before


def test_a_schema_beside_that_of_another_deployment(
    source: Settings, on_postgres: Settings, shipments: Registry
) -> None:
    """The rows of the other one are not in the way, and stay as they are."""
    with connected(on_postgres):
        Account.create(name="theirs")
        models.database.execute_sql("CREATE SCHEMA dock")
    before, theirs = contents(source, shipments), contents(on_postgres, shipments)
    schema = moved(source, f"{on_postgres.database_url}&options=-csearch_path%3Ddock,public")

    copy(schema, source)

    assert contents(schema, shipments) == before
    assert contents(on_postgres, shipments) == theirs


@contextlib.contextmanager
def bare(postgres_uri: str) -> Iterator[str]:
    """The address of a Postgres in which there is nothing at all."""
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute("CREATE DATABASE bare")
        try:
            yield postgres_uri.replace("/postgres?", "/bare?")
        finally:
            connection.execute("DROP DATABASE bare WITH (FORCE)")


def test_a_table_for_people(source: Settings, on_postgres: Settings) -> None:
    """Tables in the order in which they were copied; where they are now, without the password, is told beside it."""
    result = invoke(on_postgres, "db", "copy", str(file_of(source)))
    lines = result.stdout.splitlines()

    assert [line.split() for line in lines[:3]] == [["table", "rows"], ["account", "3"], ["login", "1"]]
    assert lines[-1].split() == ["shipment", "1"]
    assert result.stderr == f"Copied into {on_postgres.database_name}.\n"


def test_what_is_not_copied_is_told(source: Settings, on_postgres: Settings) -> None:
    """Tables and columns of the business, and a plugin's that the settings do not name."""
    write(source, "CREATE TABLE shop (id INTEGER); ALTER TABLE customer ADD COLUMN class TEXT")

    result = invoke(moved(source, on_postgres.database_url), "db", "copy", str(file_of(source)), FTPDOCK_PLUGINS="")

    told = "Not copied, as neither ftpdock nor a plugin that the settings name has them: customer.class, shipment, shop"
    assert result.stderr.splitlines()[1:] == [f"{told}."]
    assert "shipment" not in result.stdout


def test_a_plugin_that_is_new_has_nothing_to_copy(source: Settings, on_postgres: Settings, shipments: Registry) -> None:
    """Its table is made, and is empty."""
    write(source, "DROP TABLE shipment")

    assert copy(on_postgres, source)["shipment"] == 0
    assert contents(on_postgres, shipments)["shipment"] == []


def test_what_waits_in_the_spool_is_imported(source: Settings, target: Settings, shipments: Registry,
                                             tmp_path: Path) -> None:  # fmt: skip
    """Its file lies where it lay, and its row is in the other database now."""
    (tmp_path / "waits").mkdir()
    with connected(source):
        partner = Partner(source, Account.get(name="acme"), tmp_path / "waits", shipments)
        number = partner.queue("product", "SKU_ID,Name\n009,Late\n").number
    copy(target, source)

    assert invoke(target, "doctor").exit_code == 0
    with connected(target):
        event = replace(partner, settings=target).work(number)
        assert (event.status, event.created) == ("completed", 1)
