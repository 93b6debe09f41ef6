"""Statements that are made once give what peewee's own would give, on both engines."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

import models
from models import Account, EntitySettings, ImportRun, Login, Upload, database, receipts
from models.prepared import Prepared, slot
from settings import Settings


@pytest.fixture
def account(settings: Settings) -> Account:
    """An account with a login, on either engine."""
    return add_account()


def add_account() -> Account:
    made = Account.create(name="acme", schedule="0 2 * * *")
    Login.create(account=made, name="acme", password_hash="hash", networks=["192.0.2.0/24"])
    return made


def upload(account: Account, state: str = "waiting", name: str = "a.csv") -> int:
    return receipts.add_upload(account=account.id, entity="product", name=name, size=7, sha256="ab", login="acme",
                               remote_ip="192.0.2.1", state=state)  # fmt: skip


def test_values_are_given_anew_at_each_call(account: Account) -> None:
    """A slot is no constant; what is constant stays."""
    named = Prepared(lambda: Account.select(Account.id).where(Account.name == slot("name"), ~Account.disabled).tuples())
    assert [named.first(name=name) for name in ("acme", "other", "acme")] == [(account.id,), None, (account.id,)]
    Account.update(disabled=True).execute()
    assert named.rows(name="acme") == []


def test_a_value_that_is_missing_is_an_error(account: Account) -> None:
    """Not a NULL."""
    named = Prepared(lambda: Account.select(Account.id).where(Account.name == slot("name")))
    with pytest.raises(KeyError):
        named.run()


@pytest.mark.parametrize("state", ["waiting", "picked"])
def test_an_upload_is_recorded_with_all_that_belongs_to_it(account: Account, state: str) -> None:
    """The rows are those that the models would have made, defaults and all; the import only if it is picked up."""
    number = upload(account, state)
    stored = Upload.get_by_id(number)
    made = Upload(id=number, account=account, entity="product", name="a.csv", size=7, sha256="ab", login="acme",
                  remote_ip="192.0.2.1", state=state, received_at=stored.received_at)  # fmt: skip
    assert stored.__data__ == made.__data__
    runs = [{name: value for name, value in row.items() if value is not None} for row in ImportRun.select().dicts()]
    expected = ImportRun(number=number, account=account, entity="product", file="a.csv", received_at=stored.received_at)
    assert runs == ([expected.__data__] if state == "picked" else [])
    assert receipts.is_waiting(number) == (state == "waiting")


def test_what_waits_is_found_by_its_name(account: Account) -> None:
    """Neither what was picked up nor what has another name."""
    numbers = [upload(account), upload(account, "picked"), upload(account, name="b.csv"), upload(account)]
    assert sorted(receipts.waiting_numbers(account.id, "product", "a.csv")) == [numbers[0], numbers[3]]
    assert receipts.waiting_numbers(account.id, "inventory", "a.csv") == []


def test_what_is_replaced_is_all_that_waits_under_the_name(account: Account) -> None:
    """What was picked up is no longer in the queue, and other names are other files."""
    numbers = [upload(account), upload(account, "picked"), upload(account, name="b.csv"), upload(account)]
    assert sorted(receipts.replace_waiting(account.id, "product", "a.csv")) == [numbers[0], numbers[3]]
    states = [row.state for row in Upload.select().order_by(Upload.id)]
    assert states == ["replaced", "picked", "waiting", "replaced"]
    assert receipts.replace_waiting(account.id, "product", "a.csv") == []


@pytest.mark.parametrize("own", [None, "off", "immediate"])
def test_the_schedule_is_the_entitys_or_the_accounts(account: Account, own: str | None) -> None:
    """As EntitySettings.of has it."""
    assert receipts.schedule(account.id, "product") == "0 2 * * *"
    EntitySettings.create(account=account, entity="product", schedule=own)
    EntitySettings.create(account=account, entity="inventory", schedule="every 30m")
    assert receipts.schedule(account.id, "product") == EntitySettings.of(account.id, "product").schedule
    assert receipts.schedule(account.id, "product") == (own or "0 2 * * *")


def test_the_row_of_a_login_changes_with_its_rights(account: Account) -> None:
    """And not with the time of its last login."""
    login = Login.get()
    rows = [receipts.login_row(login.id)]
    Login.update(last_login_at=models.now()).execute()
    rows.append(receipts.login_row(login.id))
    assert rows[0] == rows[1] is not None
    Account.update(entities=["product"]).execute()
    rows.append(receipts.login_row(login.id))
    Login.update(networks=[]).execute()
    rows.append(receipts.login_row(login.id))
    Login.update(client_certificates=["AB:CD"]).execute()
    rows.append(receipts.login_row(login.id))
    Login.update(disabled=True).execute()
    rows.append(receipts.login_row(login.id))
    assert all(before != after for before, after in itertools.pairwise(rows[1:]))
    Login.delete().execute()
    assert receipts.login_row(login.id) is None


def test_one_process_may_turn_to_another_database(
    settings: Settings, make_settings: Callable[..., Settings], account: Account
) -> None:
    """Each engine has a statement of its own."""
    number = upload(account)
    database.close()
    make_settings()
    made = add_account()
    assert receipts.waiting_numbers(made.id, "product", "a.csv") == []
    upload(made, "picked")
    database.close()
    models.bind(settings.database_url).connect()
    assert receipts.waiting_numbers(account.id, "product", "a.csv") == [number]
