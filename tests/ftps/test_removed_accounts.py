"""SQLite gives the numbers of an account and a login that were removed to the next ones: nothing is done to those."""

from __future__ import annotations

import ftplib
from collections.abc import Callable
from typing import Any

import pytest

import ftps.receipt
import ftps.watch
from models import Account, ImportRun, Login, Outbox, Upload
from removal import remove
from tests.ftps.shelf import Shelf
from tests.visitor import BODY, PATH, House, add_account

TEMPORARY = "/Products/x.tmp"


@pytest.fixture(autouse=True)
def no_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of removed accounts stays while a test looks."""
    monkeypatch.setattr("ftps.sweeps.FIRST_AFTER", 600)


def replace(house: House, name: str) -> None:
    """Remove the account, and make another one with its number."""
    before, password_hash = Account.get(), Login.get().password_hash
    remove(house.settings, before)
    after = add_account(house.settings, password_hash, name)
    assert (before.id, before.created_at < after.created_at) == (after.id, True)


def test_a_receipt_in_the_making_is_not_recorded_for_the_next_account(house: House) -> None:
    """A hook takes its time, in which an admin removes the account. Nor does the session become one of the next."""
    house.hooks.on_received = lambda event: replace(house, "other")
    client = house.login()
    with pytest.raises(ftplib.error_perm, match=r"^553 This login may not upload here any more\.$"):
        client.put(PATH, BODY)
    assert client.last_reply() == "421 This login was changed; log in again."
    assert Upload.select().count() == 0
    assert not house.rung


def test_a_file_that_went_with_its_account_is_refused(house: House) -> None:
    """As above, and a sweep has removed what was left of the account."""

    def swept(event: Any) -> None:
        replace(house, "other")
        event.path.unlink()

    house.hooks.on_received = swept
    with pytest.raises(ftplib.error_perm, match=r"^553 This login may not upload here any more\.$"):
        house.login().put(PATH, BODY)


def test_a_file_under_a_temporary_name_does_not_get_into_the_next_account_of_the_name(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder has the same path, while the disk takes its time."""
    real = ftps.receipt._sync

    def slow(*arguments: Any) -> None:
        real(*arguments)
        replace(house, "acme")

    monkeypatch.setattr(ftps.receipt, "_sync", slow)
    with pytest.raises(ftplib.error_perm, match=r"^553 "):
        house.login().put(TEMPORARY, BODY)
    assert not house.file(TEMPORARY).exists()


@pytest.mark.parametrize("change", [{"disabled": True}, {"entities": ["order"]}], ids=str)
def test_a_login_that_may_not_upload_any_more_gets_no_receipt(house: House, change: dict[str, Any]) -> None:
    """It was changed after the first look at its rights."""
    house.hooks.on_received = lambda event: Login.update(**change).execute()
    with pytest.raises(ftplib.error_perm, match=r"^553 "):
        house.login().put(PATH, BODY)
    assert house.rows == []


def test_a_session_of_a_removed_account_changes_nothing_in_the_next_one(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is ended: it may be half a second until the server looks."""
    monkeypatch.setattr(ftps.watch, "EVERY", 60)
    house = make_house()
    old = house.login()
    replace(house, "acme")
    house.login().put(PATH, BODY)
    Shelf(house).place("a.csv")
    denied = "550 This login may not do this any more."

    assert old.ask(f"DELE {PATH}") == denied
    assert old.ask(f"RNFR {PATH}").startswith("350 ")
    assert old.ask("RNTO /Products/PRODUCT_19_09_2024.csv") == "553 This login may not upload here any more."
    assert old.ask("SITE EXPORT product") == denied
    assert old.ask(f"SITE VALIDATE {PATH}") == denied
    with pytest.raises(ftplib.error_perm, match=rf"^{denied}$"):
        old.get("/Export/a.csv")
    assert old.ask("DELE /Export/a.csv") == denied

    [row] = house.rows
    assert (row.state, house.file(PATH).read_bytes()) == ("waiting", BODY)
    assert Outbox.select().count() == ImportRun.select().count() == 0
    assert Shelf(house).state("a.csv") == "mirrored"
    assert not list(house.settings.spool.glob(".staged-*"))
