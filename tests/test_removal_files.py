"""A removal takes every row of an account and moves its files aside, and nothing of any other."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from peewee import OperationalError

import accounts
import customers
import models
import orders
from errors import ConflictError, NotFoundError
from exports.push import targets
from exports.push.url import read_url
from jobs.pickup import queue_file
from layout import account_root, export_source, make_account_folders, spool_folder
from models import (
    TABLES,
    Account,
    Customer,
    EchoGuard,
    EntitySettings,
    Export,
    ExportFile,
    ImportRun,
    Order,
    Outbox,
    Target,
    Upload,
)
from removal import REMOVED, put_back, remove
from schemas import SCHEMAS
from settings import Settings
from tests.filled import export_to, fill, receive, wait_in_spool

Add = Callable[..., Account]
KILLED = """
import os, signal, sys
import accounts, models, removal, settings
home = settings.load(sys.argv[1], {"FTPDOCK_DATABASE": sys.argv[2]})
models.bind(home.database_url)
models.database.connect()
models.database.obj.commit = lambda: os.kill(os.getpid(), signal.SIGKILL)
removal.remove(home, accounts.find("acme"))
"""


@pytest.fixture
def add(settings: Settings) -> Add:
    """add("acme") -> an account with the password `secret`."""

    def make(name: str, **options: Any) -> Account:
        return accounts.add(settings, SCHEMAS, name, "secret", **options)

    return make


def test_a_new_account_never_gets_the_files_of_an_earlier_one(settings: Settings, add: Add) -> None:
    """A folder with files in it is refused by name, and left as it was."""
    left = account_root(settings, "acme") / "Products" / "processed" / "PRODUCT_18_09_2024.000001.csv"
    left.parent.mkdir(parents=True)
    left.write_text("theirs")

    with pytest.raises(ConflictError, match="holds files of an earlier account"):
        add("acme")

    assert left.read_text() == "theirs"
    assert Account.select().count() == 0


def test_remove_takes_every_row_of_the_account_and_no_other(settings: Settings, add: Add) -> None:
    """Rows that hold others in place (orders, parents of categories) are no obstacle."""
    for name in ("acme", "beta"):
        fill(add(name))
        receive(Account.get(Account.name == name))
    owned = [table for table in TABLES if table is not EchoGuard]
    before = {table: table.select().count() for table in owned}
    assert 0 not in before.values()

    remove(settings, accounts.find("acme"))

    assert {table: count // 2 for table, count in before.items()} == {table: table.select().count() for table in owned}
    assert [account.name for account in Account.select()] == ["beta"]


def test_remove_moves_files_and_what_waits_in_the_spool_aside(settings: Settings, add: Add) -> None:
    """Nothing that a partner sent is lost by removing the account, and the name is free again."""
    account = add("acme")
    number = receive(account)
    waiting = spool_folder(settings, number) / "PRODUCT_18_09_2024.csv"
    waiting.parent.mkdir(parents=True)
    waiting.write_text("waiting")
    (account_root(settings, "acme") / "Orders" / "ORDER_18_09_2024.csv").write_text("uploaded")

    kept = remove(settings, account)

    assert kept is not None
    assert (kept / "Orders" / "ORDER_18_09_2024.csv").read_text() == "uploaded"
    assert (kept / "spool" / f"{number:06}" / "PRODUCT_18_09_2024.csv").read_text() == "waiting"
    assert not account_root(settings, "acme").exists()
    assert add("acme").name == "acme"


def test_remove_moves_exports_aside(settings: Settings, add: Add) -> None:
    """The next account of the name starts clean; no other one is touched."""
    account = add("acme")
    export_to(settings)
    other = export_to(settings, "beta")

    kept = remove(settings, account)

    assert kept is not None
    assert (kept / "exports" / "Orders" / "order_1" / "order_data_1.csv").read_text() == "theirs"
    assert not export_source(settings, "acme").exists()
    assert other.exists()
    again = add("acme")
    assert [row for table in (Export, ExportFile, Outbox) for row in table.select().where(table.account == again)] == []


def test_remove_with_exports_on_another_file_system(settings: Settings, add: Add) -> None:
    """There they move aside within their own file system, or are deleted when asked."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        apart = replace(settings, exports_path=folder)
        assert apart.exports.stat().st_dev != apart.accounts.stat().st_dev
        export_to(apart)

        remove(apart, add("acme"))
        (kept,) = apart.exports.glob(".removed/acme-*/Orders/order_1/order_data_1.csv")
        assert kept.read_text() == "theirs"

        export_to(apart, "beta")
        remove(apart, add("beta"), delete_files=True)
        assert list(apart.exports.rglob("*beta*")) == []


def test_a_new_account_never_gets_the_exports_of_an_earlier_one(settings: Settings, add: Add) -> None:
    """What a crash left in exports/ is refused by name, and left as it was."""
    left = export_to(settings)

    with pytest.raises(ConflictError, match=r"exports/acme holds files of an earlier account"):
        add("acme")

    assert left.read_text() == "theirs"
    assert (Account.select().count(), account_root(settings, "acme").exists()) == (0, False)


def test_remove_refuses_while_an_import_runs(settings: Settings, add: Add) -> None:
    """A worker that holds a lease is not pulled the ground from under."""
    account = add("acme")
    number = receive(account, status="running", lease_until=models.now() + dt.timedelta(seconds=30))

    with pytest.raises(ConflictError, match=f"Import {number} of 'acme' is running"):
        remove(settings, account)

    assert account_root(settings, "acme").is_dir()


def test_remove_does_not_wait_for_a_worker_that_died(settings: Settings, add: Add) -> None:
    """Its lease is over: nobody imports any more, and nobody might ever take the import over."""
    account = add("acme")
    receive(account, status="running", lease_until=models.now() - dt.timedelta(seconds=1))

    remove(settings, account)

    assert (Account.select().count(), ImportRun.select().count()) == (0, 0)


def test_remove_leaves_the_account_when_files_can_not_be_moved(
    settings: Settings, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and files go together or stay together."""
    account = add("acme")
    exported = export_to(settings)
    rename = Path.rename

    def fail(self: Path, target: Path) -> None:
        if self == export_source(settings, "acme"):
            raise PermissionError("Permission denied")
        rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(PermissionError):
        remove(settings, account)

    assert accounts.find("acme").name == "acme"
    assert exported.exists()
    assert (account_root(settings, "acme") / "Templates" / "README.txt").exists()


def test_remove_puts_files_back_when_it_can_not_be_committed(
    settings: Settings, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or a database that went: the account stays, and all of its files with it."""
    account = add("acme")
    exported = export_to(settings)
    spooled = wait_in_spool(settings, account)
    database = models.database.obj
    commit = database.commit

    def fail() -> None:
        if not account_root(settings, "acme").exists():
            raise OperationalError("database or disk is full")
        commit()

    monkeypatch.setattr(database, "commit", fail)
    with pytest.raises(OperationalError):
        remove(settings, account)
    monkeypatch.undo()

    assert accounts.find("acme").created_at == account.created_at
    assert exported.exists()
    assert spooled.read_text() == "bytes"
    assert (account_root(settings, "acme") / "Templates" / "README.txt").exists()
    assert not (account_root(settings, "acme") / "spool").exists()
    assert list((settings.accounts / REMOVED).iterdir()) == []


def test_a_removal_that_was_killed_before_its_commit_is_undone_by_the_next_start(settings: Settings, add: Add) -> None:
    """SIGKILL between the last rename and the commit. What was removed in earnest stays away."""
    gone = add("gone")
    (account_root(settings, "gone") / "Products" / "PRODUCT_18_09_2024.csv").write_text("old")
    kept = remove(settings, gone)
    account = add("acme")
    exported = export_to(settings)
    spooled = wait_in_spool(settings, account)
    models.database.close()
    finished = subprocess.run([sys.executable, "-c", KILLED, str(settings.home), settings.database_url], timeout=60)
    assert finished.returncode == -signal.SIGKILL
    models.database.connect()
    assert not spooled.exists()
    # The server goes on without them: a login makes the folders anew.
    make_account_folders(settings, "acme", ("Products",))

    put_back(settings)

    assert spooled.read_text() == "bytes"
    assert exported.exists()
    assert (account_root(settings, "acme") / "Templates" / "README.txt").exists()
    assert kept is not None
    assert (kept / "Products" / "PRODUCT_18_09_2024.csv").exists()
    assert [each.name for each in (settings.accounts / REMOVED).iterdir()] == [kept.name]
    put_back(settings)
    assert spooled.exists()


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_is_meant_for_one_that_was_removed_gets_nobody_else(settings: Settings, add: Add, tmp_path: Path) -> None:
    """While a command asks for a password, the account or login goes; on SQLite the next one gets its id."""
    account, login = add("acme"), accounts.find_login("acme")
    remove(settings, accounts.find("acme"))
    other = add("beta")
    assert (other.id, accounts.find_login("beta").id) == (account.id, login.id), "the test needs ids that come again"
    before = accounts.find_login("beta").password_hash
    file = tmp_path / "PRODUCT_18_09_2024.csv"
    file.write_text("SKU_ID,Name\n1,a\n")

    for call in (
        lambda: accounts.add_login(account, "erp", "secret"),
        lambda: accounts.change(settings, SCHEMAS, account, company="Acme"),
        lambda: accounts.set_schedule(settings, SCHEMAS, account, "product", "off"),
        lambda: accounts.set_export_schedule(account, ["product"], "every 1d"),
        lambda: accounts.set_on_error(account, ["product"], "abort"),
        lambda: queue_file(settings, account, "product", file, file.name, origin="command"),
        lambda: targets.add(settings, account, read_url(f"file://{tmp_path}/inbox")),
        lambda: orders.add(account, b'{"order_date": "2026-11-23", "customer_reference_id": "K9"}'),
        lambda: customers.add(account, b'{"company_name": "Delta"}'),
    ):
        with pytest.raises(NotFoundError, match="The account 'acme' was removed meanwhile; nothing was done"):
            call()
    for call in (lambda: accounts.change_login(login, password="another"), lambda: accounts.remove_login(login)):
        with pytest.raises(NotFoundError, match="The login 'acme' was removed meanwhile; nothing was done"):
            call()

    assert [each.name for each in other.logins] == ["beta"]
    assert accounts.find_login("beta").password_hash == before
    for table in (Upload, EntitySettings, Target, Order, Customer):
        assert table.select().count() == 0, table
