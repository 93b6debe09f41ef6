"""What an admin does to one account changes nothing of another, and nothing that another admin has set meanwhile."""

from __future__ import annotations

import json
from typing import Any

import pytest

import accounts
import orders
import passwords
from errors import ConflictError, FtpdockError
from models import Account, Customer, EntitySettings, Login, Order, ScheduleState
from models.schedule import EXPORT
from schemas import SCHEMAS
from settings import Settings


@pytest.fixture
def acme(settings: Settings) -> Account:
    return accounts.add(settings, SCHEMAS, "acme", "secret")


@pytest.fixture
def beta(settings: Settings) -> Account:
    return accounts.add(settings, SCHEMAS, "beta", "secret")


def test_schedules_are_an_accounts_own(settings: Settings, acme: Account, beta: Account) -> None:
    """Of pick-ups and of exports, of one entity and of all."""
    accounts.set_schedule(settings, SCHEMAS, acme, "product", "0 2 * * *")
    accounts.set_export_schedule(acme, ["order"], "every 1d")

    assert set(accounts.schedules_of(beta, SCHEMAS).values()) == {"immediate"}
    assert accounts.export_schedules_of(beta) == {}
    assert [accounts.has_schedule(beta, entity) for entity in ("product", "order")] == [False, False]
    assert accounts.export_schedules_of(acme) == {"order": "every 1d"}
    assert {row.account_id for row in ScheduleState.select()} == {acme.id}


def test_planning_one_account_anew_forgets_nothing_of_another(settings: Settings, acme: Account, beta: Account) -> None:
    """A run that was due would else be missed."""
    for account in (acme, beta):
        accounts.set_schedule(settings, SCHEMAS, account, "product", "0 2 * * *")
        accounts.set_export_schedule(account, ["product"], "0 3 * * *")

    accounts.set_schedule(settings, SCHEMAS, acme, "product", "off")
    accounts.set_export_schedule(acme, ["product"], "off")

    rows = [(row.account_id, row.entity, row.schedule) for row in ScheduleState.select().order_by(ScheduleState.id)]
    assert rows == [(beta.id, "product", "0 2 * * *"), (beta.id, EXPORT + "product", "0 3 * * *")]


@pytest.mark.parametrize("kind", ["import", "export"])
def test_either_schedule_is_one_of_its_own(settings: Settings, acme: Account, kind: str) -> None:
    """Either can be taken back when the entity was taken from the account."""
    if kind == "import":
        accounts.set_schedule(settings, SCHEMAS, acme, "product", "0 2 * * *")
    else:
        accounts.set_export_schedule(acme, ["product"], "0 2 * * *")

    assert [accounts.has_schedule(acme, entity) for entity in ("product", "order")] == [True, False]


def test_an_accounts_schedule_leaves_what_was_set_meanwhile(settings: Settings, acme: Account) -> None:
    """Only what is asked for is written: another admin may have changed the rest since the account was looked up."""
    accounts.change(settings, SCHEMAS, accounts.find("acme"), company="Acme GmbH", disabled=True)

    accounts.set_schedule(settings, SCHEMAS, acme, None, "0 2 * * *")

    stored = Account.get()
    assert (stored.company, stored.disabled, stored.schedule) == ("Acme GmbH", True, "0 2 * * *")


@pytest.mark.parametrize("kind", ["import", "export"])
def test_an_entitys_schedule_leaves_what_was_set_meanwhile(
    settings: Settings, acme: Account, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """As when two admins set what is done on an error and when, at one moment."""
    found = EntitySettings.get_or_create

    def meanwhile(**query: Any) -> Any:
        made = found(**query)
        EntitySettings.update(on_error="abort").execute()
        return made

    monkeypatch.setattr(EntitySettings, "get_or_create", meanwhile)
    if kind == "import":
        accounts.set_schedule(settings, SCHEMAS, acme, "product", "0 2 * * *")
    else:
        accounts.set_export_schedule(acme, ["product"], "0 2 * * *")

    row = EntitySettings.get()
    assert (row.on_error, row.schedule or row.export_schedule) == ("abort", "0 2 * * *")


def test_a_login_whose_name_is_taken_while_its_password_is_hashed(
    acme: Account, beta: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That takes a while. One of the two gets it, the other is told in words."""
    hash_password = passwords.hash_password

    def slowly(text: str) -> str:
        if text == "late":
            accounts.add_login(beta, "erp", "early")
        return hash_password(text)

    monkeypatch.setattr(passwords, "hash_password", slowly)
    with pytest.raises(ConflictError, match="The name 'erp' is taken"):
        accounts.add_login(acme, "erp", "late")

    login = Login.get(Login.name == "erp")
    assert login.account_id == beta.id
    assert passwords.verify(login.password_hash, "early")


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("", "The password is empty"),
        ("a" * 501, "one line of at most 500 characters"),
        ("a\nb", "without control characters"),
        ("a\x00b", "without control characters"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_no_login_has_a_password_that_no_client_can_send(
    settings: Settings, acme: Account, password: str, message: str
) -> None:
    """Whichever way it would get it."""
    login = accounts.find_login("acme")
    for call in (
        lambda: accounts.add(settings, SCHEMAS, "other", password),
        lambda: accounts.add_login(acme, "erp", password),
        lambda: accounts.change_login(login, password=password),
    ):
        with pytest.raises(FtpdockError, match=message):
            call()

    assert [each.name for each in Login.select()] == ["acme"]
    assert passwords.verify(Login.get().password_hash, "secret")


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_the_longest_password_opens_its_login(acme: Account) -> None:
    """500 characters, and no more (see above)."""
    accounts.change_login(accounts.find_login("acme"), password="ä" * 500)

    assert passwords.verify(Login.get().password_hash, "ä" * 500)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_login_never_gets_more_than_its_account_has(settings: Settings) -> None:
    """Neither when it is made nor later; nor has an account rules for what it may not send."""
    account = accounts.add(settings, SCHEMAS, "acme", "secret", entities=["product"])
    login = accounts.find_login("acme")
    for call in (
        lambda: accounts.add_login(account, "erp", "secret", entities=["order"]),
        lambda: accounts.change_login(login, entities=["product", "order"]),
        lambda: accounts.set_on_error(account, ["order"], "abort"),
    ):
        with pytest.raises(FtpdockError, match="The account 'acme' has no order: it has product"):
            call()

    assert [(each.name, each.entities) for each in Login.select()] == [("acme", None)]
    assert EntitySettings.select().count() == 0


def test_an_order_that_names_two_customers(acme: Account) -> None:
    """By its two keys: neither is taken for the right one."""
    for number in (1, 2):
        Customer.create(account=acme, reference_id=f"K{number}", company_name=f"Delta {number}")
    other = Customer.get(reference_id="K2").system_id
    order = {"order_date": "2026-11-23", "customer_reference_id": "K1", "customer_system_id": other}

    with pytest.raises(FtpdockError, match="it and customer_system_id name two different customers"):
        orders.add(acme, json.dumps(order).encode())

    assert Order.select().count() == 0
