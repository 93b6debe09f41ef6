from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

import passwords
from models import Login
from settings import Settings

Run = Callable[..., Result]
Done = Callable[..., str]


@pytest.fixture(autouse=True)
def acme(done: Done) -> None:
    done("account", "add", "acme", "--entities", "products,orders", "--password-stdin", input="first\n")


def listed(done: Done, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done("login", "list", "--json", *arguments))
    return found


def test_add_makes_a_second_login_with_its_limits(done: Done) -> None:
    """Networks are kept as CIDR, entities in the singular, and the password as a hash alone."""
    done("login", "add", "acme", "erp", "--entities", "ORDERS", "--network", "192.0.2.0/24", "--network", "2001:db8::1",
         "--password-stdin", input="second\n")  # fmt: skip

    erp = listed(done)[1]
    assert tuple(
        erp[key]
        for key in ("name", "account", "entities", "networks", "require_close_notify", "disabled", "last_login_at")
    ) == ("erp", "acme", ["order"], ["192.0.2.0/24", "2001:db8::1/128"], True, False, None)
    assert "$argon2id$" in Login.get(Login.name == "erp").password_hash
    assert "password" not in " ".join(erp)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["acme", "acme"], 1, "There is already a login 'acme'"),
        (["nobody", "erp"], 1, "There is no account 'nobody'"),
        (["acme", "erp", "--entities", "customers"], 1, "has no customer: it has product, order"),
        (["acme", "erp", "--network", "192.0.2.7/24"], 2, "write 192.0.2.0/24, or the address alone"),
        (["acme", "erp", "--network", "home"], 2, "'home' is not a network"),
        (["acme", "erp", "--network", "::ffff:192.0.2.0/120"], 2, "nobody is seen to come: write 192.0.2.0/24"),
        (["acme", "erp", "--network", "::ffff:192.0.2.7"], 2, "write 192.0.2.7/32"),
        (["acme", "ERP"], 2, "write 'erp'"),
    ],
)
def test_add_refuses_what_it_can_not_keep(
    run: Run, done: Done, arguments: list[str], status: int, message: str
) -> None:
    """The message names what is wrong, and there is no new login."""
    result = run("login", "add", *arguments, "--password-stdin", input="x\n")

    assert status == result.exit_code
    assert message in " ".join(result.stderr.split())
    assert [login["name"] for login in listed(done)] == ["acme"]


def test_list_of_one_account(done: Done) -> None:
    """`--account` leaves the others out."""
    done("account", "add", "beta")

    assert [login["name"] for login in listed(done)] == ["acme", "beta"]
    assert [login["name"] for login in listed(done, "--account", "beta")] == ["beta"]


def test_set_changes_limits_and_lifts_them(done: Done) -> None:
    """Each option shows in the listing, and each limit has a way back."""
    done("login", "set", "acme", "--network", "192.0.2.0/24", "--entities", "products", "--no-require-close-notify",
         "--disable")  # fmt: skip
    assert limits(listed(done)[0]) == (["192.0.2.0/24"], ["product"], False, True)

    done("login", "set", "acme", "--any-network", "--entities", "all", "--require-close-notify", "--enable")
    assert limits(listed(done)[0]) == ([], None, True, False)


def limits(login: dict[str, Any]) -> tuple[Any, ...]:
    return login["networks"], login["entities"], login["require_close_notify"], login["disabled"]


def test_the_help_of_close_notify_names_the_risk(done: Done) -> None:
    """Whoever turns the check off has read what may happen."""
    assert "HALF A FILE MAY BE IMPORTED" in " ".join(done("login", "set", "--help").split())


def test_passwd_replaces_the_password(done: Done) -> None:
    """The new one opens the login, the old one doesn't."""
    done("login", "passwd", "acme", "--password-stdin", input="other\n")

    stored = Login.get().password_hash
    assert (passwords.verify(stored, "other"), passwords.verify(stored, "first")) == (True, False)


def test_remove_takes_the_login_and_leaves_the_account(done: Done, run: Run, settings: Settings) -> None:
    """After a yes the login is gone; the account stays."""
    assert run("login", "remove", "acme", input="n\n").exit_code == 1
    done("login", "remove", "acme", input="y\n")

    assert listed(done) == []
    assert "acme" in done("account", "list")
