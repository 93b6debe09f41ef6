"""Accounts are made and changed as a whole or not at all, whatever fails and whoever else is about it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from peewee import OperationalError, PeeweeException

import accounts
import models
from errors import ConflictError, FtpdockError, NotFoundError
from imports.templates import write_templates
from layout import account_root
from models import Account, EntitySettings, Login
from removal import remove
from schemas import SCHEMAS, Formats
from settings import Settings
from tests.failing_commit import failing_commit
from tests.full_disk import files_of

Add = Callable[..., Account]


@pytest.fixture
def add(settings: Settings) -> Add:
    """add("acme") -> an account with the password `secret`."""

    def make(name: str, **options: Any) -> Account:
        return accounts.add(settings, SCHEMAS, name, "secret", **options)

    return make


def test_a_commit_that_fails_leaves_no_folder(settings: Settings, add: Add) -> None:
    """Either all of it is made or nothing."""
    with failing_commit(table="login"), pytest.raises((PeeweeException, ConflictError)):
        add("acme")

    assert not account_root(settings, "acme").exists()
    add("acme")


def test_a_commit_of_which_nothing_is_known_leaves_what_it_made(
    settings: Settings, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row may be there all the same, or another command has made such an account since: the folder is its."""
    real = type(models.database.obj).commit

    def commit() -> None:
        monkeypatch.undo()
        real(models.database.obj)
        raise OperationalError("the connection was lost")

    monkeypatch.setattr(models.database.obj, "commit", commit)
    with pytest.raises(OperationalError, match="was lost"):
        add("acme")

    assert accounts.find("acme").name == "acme"
    assert (account_root(settings, "acme") / "Templates" / "PRODUCT.csv").exists()


def test_a_template_that_could_not_be_written_leaves_nothing(settings: Settings, add: Add) -> None:
    """What was written aside goes, and the former one stays."""
    add("acme")
    folder = account_root(settings, "acme") / "Templates"
    before = sorted(path.name for path in folder.iterdir())

    with files_of(10), pytest.raises(OSError, match="File too large"):
        write_templates(folder, SCHEMAS, Formats(date_format="DD.MM.YYYY"))

    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("broken", ["write_templates", "make_account_folders"])
def test_a_failure_while_folders_are_made_leaves_nothing(
    settings: Settings, add: Add, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """No account, no login and no folder remain, and the name can be used again."""

    def fail(*_: Any) -> None:
        (account_root(settings, "acme") / "Products").mkdir(parents=True, exist_ok=True)
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(accounts, broken, fail)
        with pytest.raises(OSError, match="No space left"):
            add("acme")

    assert (Account.select().count(), Login.select().count()) == (0, 0)
    assert not account_root(settings, "acme").exists()
    assert add("acme").name == "acme"


def test_two_commands_asking_for_one_name(settings: Settings, add: Add) -> None:
    """One gets it; the other is told, and takes nothing of the winner's away."""

    def attempt(_: int) -> str:
        try:
            return str(add("acme").name)
        except ConflictError as error:
            return str(error)
        finally:
            models.database.close()

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(attempt, range(4)))

    assert outcomes.count("acme") == 1, outcomes
    assert (Account.select().count(), Login.select().count()) == (1, 1)
    assert (account_root(settings, "acme") / "Products" / "reports").is_dir()


def test_changing_formats_is_undone_when_templates_can_not_be_written(
    settings: Settings, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stored formats are always those of the templates that the partner sees."""
    account = add("acme")

    def fail(*_: Any) -> None:
        raise OSError("Read-only file system")

    monkeypatch.setattr(accounts, "write_templates", fail)
    with pytest.raises(OSError, match="Read-only"):
        accounts.change(settings, SCHEMAS, account, date_format="DD.MM.YYYY")

    assert Formats() == accounts.formats_of(Account.get())


def test_a_login_can_not_have_more_than_its_account(add: Add) -> None:
    """The message says what the account has."""
    account = add("acme", entities=["product"])

    with pytest.raises(FtpdockError, match="has no order: it has product"):
        accounts.add_login(account, "erp", "secret", entities=["product", "order"])


def test_changing_a_login_leaves_what_the_server_writes(add: Add) -> None:
    """Only the columns that are changed are written: a login may happen meanwhile."""
    add("acme")
    ours = accounts.find_login("acme")
    moment = models.now()
    Login.update(last_login_at=moment).execute()

    accounts.change_login(ours, disabled=True)

    stored = accounts.find_login("acme")
    assert (stored.disabled, stored.last_login_at) == (True, moment)


def test_an_account_that_another_admin_removed_meanwhile(settings: Settings, add: Add) -> None:
    """A new one may have its name by then, and keeps its folders."""
    stale = add("acme")
    remove(settings, accounts.find("acme"))
    add("acme")

    with pytest.raises(NotFoundError, match="was removed meanwhile"):
        remove(settings, stale)

    assert accounts.find("acme").name == "acme"
    assert account_root(settings, "acme").is_dir()


def test_what_two_admins_set_at_once_is_both_kept(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each writes what it was asked for, not what it had read before."""
    account = add("acme")
    accounts.set_on_error(account, ["product"], "continue")
    found = EntitySettings.get_or_create

    def meanwhile(**query: Any) -> Any:
        made = found(**query)
        EntitySettings.update(schedule="0 2 * * *").execute()
        return made

    monkeypatch.setattr(EntitySettings, "get_or_create", meanwhile)
    accounts.set_on_error(account, ["product"], "abort")

    row = EntitySettings.get(EntitySettings.entity == "product")
    assert (row.on_error, row.schedule) == ("abort", "0 2 * * *")
