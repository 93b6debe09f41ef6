"""What is wrong with rows that `ftpdock db copy` does not copy, or with the database that was to hold them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

import models
from handlers.registry import Registry
from models import Account
from settings import Settings
from tests.commands.copied import connected, file_of, moved, rows, shipments, source, write
from tests.commands.test_db_copy_refused import refused, target

__all__ = ["shipments", "source", "target"]


WRONG = {
    "NUL": ("UPDATE customer SET company_name = 'a' || char(0) || 'b' WHERE reference_id = 'K2'",
            "customer {id}: company_name holds a character of the value 0, which no text of Postgres has"),
    "NUL in JSON": ("UPDATE product SET attributes = '{\"a\": \"\\u0000\"}' WHERE sku_id = '002' AND name = 'Cup'",
                    "product {id}: attributes is refused by Postgres: unsupported Unicode escape sequence"),
    "no UTF-8": ("UPDATE product SET name = CAST(X'fe41' AS TEXT) WHERE reference_id = 'P2'",
                 "product {id}: name holds bytes that are no UTF-8"),
    "too long": ("UPDATE sales_order SET currency = 'EURO' WHERE reference_id = 'PO-1'",
                 "sales_order {id}: currency has 4 characters, and the column takes 3"),
    "blanks too many": ("UPDATE sales_order SET currency = 'EUR ' WHERE reference_id = 'PO-1'",
                        "sales_order {id}: currency has 4 characters, and the column takes 3"),
    "NUL in bytes": ("UPDATE customer SET phone = X'4100' WHERE reference_id = 'K2'",
                     "customer {id}: phone holds a character of the value 0, which no text of Postgres has"),
    "no number": ("UPDATE product SET moq = '7,90' WHERE reference_id = 'P2'",
                  "product {id}: moq is '7,90', which is no value of its kind"),
    "no whole number": ("UPDATE import_run SET rows = 'many' WHERE number = 2",
                        'import_run 2: rows is refused by Postgres: invalid input syntax for type integer: "many"'),
    "too large": ("UPDATE import_run SET rows = 3000000000 WHERE number = 2",
                  'import_run 2: rows is refused by Postgres: value "3000000000" is out of range for type integer'),
    "no date": ("UPDATE sales_order SET order_date = '11.12.2026' WHERE reference_id = 'PO-1'",
                "sales_order {id}: order_date is '11.12.2026', which is no value of its kind"),
    "six digits": ("UPDATE sales_order SET order_date = '111226' WHERE reference_id = 'PO-1'",
                   "sales_order {id}: order_date is '111226', which is no value of its kind"),
    "eight digits": ("UPDATE sales_order SET order_date = '20261123' WHERE reference_id = 'PO-1'",
                     "sales_order {id}: order_date is '20261123', which is no value of its kind"),
    "a fraction": ("UPDATE sales_order SET order_date = '2026.123' WHERE reference_id = 'PO-1'",
                   "sales_order {id}: order_date is '2026.123', which is no value of its kind"),
    "bytes for a time": ("UPDATE customer SET created_at = CAST('2026-11-23' AS BLOB) WHERE reference_id = 'K2'",
                         "customer {id}: created_at is \"b'2026-11-23'\", which is no value of its kind"),
    "no time": ("UPDATE customer SET created_at = 'yesterday' WHERE reference_id = 'K2'",
                "customer {id}: created_at is 'yesterday', which is no value of its kind"),
    "no JSON": ("UPDATE product SET prices = '{7.90}' WHERE reference_id = 'P2'",
                "product {id}: prices is refused by Postgres: invalid input syntax for type json"),
    "NaN": ("UPDATE product SET prices = '{\"a\": NaN}' WHERE reference_id = 'P2'",
            "product {id}: prices is refused by Postgres: invalid input syntax for type json"),
    "a long key": ("UPDATE category SET path = printf('%.*c', 1000, '\U0001f9a6') || path WHERE reference_id = 'C1'",
                   "category {id}: path has 1001 characters, and the column takes 1000"),
    "a key for no index": (f"UPDATE category SET path = '{''.join(map(chr, range(0x10000, 0x103e0)))}' "
                           "WHERE reference_id = 'C1'", "category {id}: Postgres refuses it: index row size "),
    "one key as text and bytes": (
        "UPDATE product SET sku_id = CAST('001' AS BLOB) WHERE reference_id = 'P2'",
        'product {id}: Postgres refuses it: duplicate key value violates unique constraint "product_account_id_sku_id" '
        "(Key (account_id, sku_id)=(1, 001) already exists.)"),
    "nobody there": ("DELETE FROM product WHERE reference_id = 'P2'",
                     "inventory {id}: product_id refers to a row of product that is not there"),
}  # fmt: skip
"""What another program may have written into SQLite, and what is said of it; {id}: a System ID."""


@pytest.mark.parametrize("case", WRONG)
def test_a_row_that_postgres_can_not_hold(
    source: Settings, target: Settings, shipments: Registry, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, with its key and column as far as they are known; nothing is copied, and nothing is changed."""
    monkeypatch.setattr("models.filling.CHUNK", 2)
    sql, told = WRONG[case]
    write(source, sql)
    digest = hashlib.sha256(file_of(source).read_bytes()).digest()

    said = refused(target, file_of(source))

    words = re.escape(told).replace(r"\{id\}", "[0-9a-f]{8}-[0-9a-f-]{27}")
    assert re.match(f"Error: A row of {file_of(source)} can't be copied: {words}", said), said
    assert "Nothing was copied." in said
    assert rows(target, shipments) == 0
    assert hashlib.sha256(file_of(source).read_bytes()).digest() == digest


@pytest.mark.parametrize(("column", "value"), [("uom", "201 * 'x'"), ("uom", "char(0)"), ("moq", "'many'")])
def test_the_row_that_is_named_is_the_one(
    source: Settings, target: Settings, monkeypatch: pytest.MonkeyPatch, column: str, value: str
) -> None:
    """Whether it is found here or by Postgres, in the first statement or a later one, and wherever its key stands."""
    key = "00000000-0000-7000-8000-000000000000"
    with connected(source):
        models.Product.create(system_id=key, account=Account.get(name="filled"), sku_id="last", name="Cup")
    value = value.replace("201 * 'x'", f"'{201 * 'x'}'")
    write(source, f"UPDATE product SET {column} = {value} WHERE system_id = '{key}'")

    for chunk in (1, 2, 5000):
        monkeypatch.setattr("models.filling.CHUNK", chunk)
        assert f"product {key}: {column} " in refused(target, file_of(source))


NETWORKS_MAY_BE_MISSING = """
    PRAGMA writable_schema = ON;
    UPDATE sqlite_master SET sql = replace(sql, '"networks" TEXT NOT NULL', '"networks" TEXT') WHERE name = 'login';
"""
"""As in a damaged file."""

FAULTS = {
    "a full disk": ("RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100', DETAIL = 'hash'",
                    "could not extend file: No space left on device"),
    "no patience": ("PERFORM pg_sleep(60)",
                    "canceling statement due to statement timeout"),
    "an admin": ("PERFORM pg_terminate_backend(pg_backend_pid())",
                 "terminating connection due to administrator command"),
}  # fmt: skip
"""What goes wrong while Postgres takes a row in, and the words that it has for it."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_target_is_not_put_on_a_row(
    source: Settings, target: Settings, shipments: Registry, fault: str
) -> None:
    """Though Postgres names the row at which it was."""
    body, words = FAULTS[fault]
    on_login(target, "BEFORE", body)
    with psycopg.connect(target.database_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET statement_timeout = '3s'".encode())

    assert refused(target, file_of(source)) == f"Error: The database can't be used: {words}. Nothing was copied\n"
    assert rows(target, shipments) == 0


def on_login(target: Settings, when: str, body: str) -> None:
    """Have Postgres do something for each login that comes in."""
    with psycopg.connect(target.database_url, autocommit=True) as connection:
        connection.execute(f"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NEW; "
                           f"END $$; CREATE TRIGGER fail {when} INSERT ON login FOR EACH ROW EXECUTE FUNCTION fail()"
                           .encode())  # fmt: skip


def test_a_row_of_which_postgres_does_not_say_where_it_is(source: Settings, target: Settings) -> None:
    """As it does of what is found when all rows of a statement are in, and in languages that are written otherwise."""
    on_login(target, "AFTER", "RAISE 'no more than none' USING ERRCODE = '23514', DETAIL = 'a hash'")

    assert refused(target, file_of(source)) == (
        f"Error: A row of {file_of(source)} can't be copied: login: Postgres refuses it: no more than none. Nothing "
        "was copied. Correct it in that file, and try again\n"
    )


def test_a_row_that_sqlite_can_not_hold(source: Settings, make_database: Callable[[str], str]) -> None:
    """Its table is named."""
    write(source, NETWORKS_MAY_BE_MISSING)
    write(source, "UPDATE login SET networks = NULL")

    assert refused(moved(source, make_database("sqlite")), file_of(source)) == (
        f"Error: A row of {file_of(source)} can't be copied: login: SQLite refuses it: NOT NULL constraint failed: "
        "login.networks. Nothing was copied. Correct it in that file, and try again\n"
    )


def test_a_row_of_a_table_without_a_key(source: Settings, target: Settings, tmp_path: Path,
                                        monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """A plugin's may have none. What is known is told."""
    (tmp_path / "keyless.py").write_text(KEYLESS)
    monkeypatch.syspath_prepend(tmp_path)
    write(source, "CREATE TABLE keyless (number INTEGER NOT NULL); INSERT INTO keyless VALUES ('many')")

    said = refused(replace(target, plugins=("keyless",)), file_of(source))

    assert "can't be copied: keyless: number is refused by Postgres: invalid input syntax for type integer" in said


KEYLESS = """
from peewee import IntegerField
from hookspecs import hookimpl
from models import Base

class Keyless(Base):
    number = IntegerField()

    class Meta:
        primary_key = False

@hookimpl
def register_entities(registry):
    registry.plugin_tables.append(Keyless)
"""


def test_a_password_is_not_told(source: Settings, target: Settings) -> None:
    """Nor its hash, whatever is wrong with its row."""
    write(source, "UPDATE login SET name = printf('%.*c', 64, 'x'), password_hash = 'the hash'")
    assert "the hash" not in refused(target, file_of(source))
    write(source, "UPDATE login SET name = 'x', password_hash = 'the hash' || char(0)")
    assert "the hash" not in refused(target, file_of(source))
    # Postgres tells the whole row where a value is missing, as it may be in a damaged file.
    write(source, f"UPDATE login SET password_hash = 'the hash'; {NETWORKS_MAY_BE_MISSING}")
    write(source, "UPDATE login SET networks = NULL")
    said = refused(target, file_of(source))
    assert 'login 1: networks is refused by Postgres: null value in column "networks"' in said
    assert "the hash" not in said


def test_a_column_that_a_plugins_table_lacks(source: Settings, target: Settings, shipments: Registry) -> None:
    """The plugin has another version than the one that made the table. It is not taken for a text of that name."""
    write(source, "ALTER TABLE shipment DROP COLUMN carrier")

    assert "can't be read: no such column: shipment.carrier" in refused(target, file_of(source))
    assert rows(target, shipments) == 0


def test_a_damaged_index(source: Settings, target: Settings, shipments: Registry) -> None:
    """By which SQLite counts other rows than it finds: no part is taken for the whole."""
    write(source, """
        DROP INDEX target_account_id;
        CREATE INDEX target_account_id ON target (account_id) WHERE account_id < 0;
        PRAGMA writable_schema = ON;
        UPDATE sqlite_master SET sql = 'CREATE INDEX target_account_id ON target (account_id)'
            WHERE name = 'target_account_id';
    """)  # fmt: skip

    assert "target has 2 rows in place of 0: another program changes it, or the file is damaged" in refused(
        target, file_of(source)
    )
    assert rows(target, shipments) == 0
