"""Many wrong passwords for one login from one address are not checked any more, and nobody else notices."""

from __future__ import annotations

import ftplib
import logging

import pytest

from ftps.entry import DENIED, TOO_MANY
from models import Login
from tests.visitor import PASSWORD, House, add_account


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are checked, and answered at once."""
    monkeypatch.setattr("ftps.guesses.MOST", 2)
    monkeypatch.setattr("ftps.entry.Entry.auth_failed_timeout", 0)


def log_in(house: House, password: str, user: str = "acme", source: str = "127.0.0.1") -> str:
    """The reply to a login on a connection of its own."""
    try:
        return house.connect(source=source).login(user, password, secure=False)
    except ftplib.Error as error:
        return str(error)


@pytest.mark.parametrize("user", ["acme", "nobody"])
def test_many_wrong_passwords_bar_a_login_from_an_address(
    house: House, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether there is such a login or not, and the right one, too; the log says so once, and no password."""
    caplog.set_level(logging.DEBUG)
    assert [log_in(house, "hunter2", user) for _ in range(4)] == [DENIED, DENIED, TOO_MANY, TOO_MANY]
    assert log_in(house, PASSWORD, user) == TOO_MANY

    told = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert told == [f"2 wrong passwords for login {user} from 127.0.0.1: from there none is checked for 10 minutes"]
    assert "hunter2" not in caplog.text


def test_other_addresses_and_other_logins_are_let_in(house: House) -> None:
    """A partner is not shut out by somebody who guesses, nor a colleague behind the same address."""
    account = add_account(house.settings, Login.get().password_hash, name="beta")
    assert [log_in(house, "wrong") for _ in range(3)][-1] == TOO_MANY
    assert log_in(house, PASSWORD, source="127.0.0.2") == "230 Logged in."
    assert log_in(house, PASSWORD, account.name) == "230 Logged in."


def test_after_a_while_they_are_forgotten(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not checked meanwhile does not count: a program with an old password bars nobody for ever."""
    assert [log_in(house, "wrong") for _ in range(3)][-1] == TOO_MANY
    monkeypatch.setattr("ftps.guesses.WITHIN", 0)
    assert log_in(house, PASSWORD) == "230 Logged in."


def test_a_right_one_begins_anew(house: House) -> None:
    """Who mistypes now and then is never barred."""
    for _ in range(3):
        assert log_in(house, "wrong") == DENIED
        assert log_in(house, PASSWORD) == "230 Logged in."
