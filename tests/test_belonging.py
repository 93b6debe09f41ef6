"""A home and a database that are not of each other are told apart before anything is done to either."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import accounts
from belonging import refuse_strange_home
from errors import FtpdockError
from layout import account_root
from models import Account, Login, Upload
from removal import remove
from schemas import SCHEMAS
from settings import Settings, load
from tests.filled import wait_in_spool

Add = Callable[[str], Account]


@pytest.fixture
def add(settings: Settings) -> Add:
    return lambda name: accounts.add(settings, SCHEMAS, name, "secret")


def receive(settings: Settings, account: str) -> Path:
    file = account_root(settings, account) / "Products" / "processed" / "PRODUCT_18_09_2024.000001.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("SKU_ID,Name\n1,Cup\n")
    return file


def test_a_home_without_the_folder_of_any_account_is_refused(settings: Settings, add: Add) -> None:
    """Its disk is not mounted; one folder is enough to go on."""
    refuse_strange_home(settings)
    add("acme")
    add("beta")
    root = account_root(settings, "acme")
    root.rename(root.with_name("away"))
    refuse_strange_home(settings)
    account_root(settings, "beta").rename(root.with_name("away2"))

    with pytest.raises(FtpdockError, match="is the disk mounted"):
        refuse_strange_home(settings)


def test_a_database_without_accounts_beside_files_of_one_is_refused(settings: Settings, add: Add) -> None:
    """It is named without its password, and what the files are."""
    add("acme")
    receive(settings, "acme")
    refuse_strange_home(settings)
    Login.delete().execute()
    Account.delete().execute()

    with pytest.raises(FtpdockError) as refused:
        refuse_strange_home(settings)

    assert settings.database_name in str(refused.value)
    assert f"{account_root(settings, 'acme')} holds files of one" in str(refused.value)
    shutil.rmtree(account_root(settings, "acme"))
    refuse_strange_home(settings)


def test_what_waits_in_the_spool_is_of_an_account(settings: Settings, add: Add) -> None:
    """Though all that partners see is gone. What a receipt has only begun is nothing."""
    waiting = wait_in_spool(settings, add("acme"))
    shutil.rmtree(settings.accounts)
    for model in (Upload, Login, Account):
        model.delete().execute()

    with pytest.raises(FtpdockError, match=f"{waiting.parent} holds files of one"):
        refuse_strange_home(settings)

    waiting.write_text("")
    refuse_strange_home(settings)


def test_what_was_removed_is_of_no_account(settings: Settings, add: Add) -> None:
    """Nor are folders in which nothing lies, as one that a login made while its account was removed, or templates."""
    add("acme")
    receive(settings, "acme")
    remove(settings, accounts.find("acme"))
    (account_root(settings, "acme") / "Templates").mkdir(parents=True)
    (account_root(settings, "acme") / "Templates" / "README.txt").touch()
    (account_root(settings, "acme") / "Products" / "processed").mkdir(parents=True)

    refuse_strange_home(settings)


@pytest.mark.parametrize(("address", "name"), [
    ("postgresql://shop:secret@db.example:5433/shop?sslmode=require&password=secret", "postgresql://db.example:5433/shop"),
    ("postgresql:///shop?host=/run/postgresql", "postgresql:///run/postgresql/shop"),
    ("postgresql:///shop", "postgresql:///shop"),
])  # fmt: skip
def test_a_database_is_named_without_its_password(tmp_path: Path, address: str, name: str) -> None:
    assert load(tmp_path, environ={}, database=address).database_name == name


def test_a_file_is_named_whole(tmp_path: Path) -> None:
    """However the setting has it."""
    names = [load(tmp_path, environ={}, database=each).database_name for each in ("", "sqlite:///a%20b.db")]
    assert names == [str(tmp_path / "ftpdock.db"), str(tmp_path / "a b.db")]
