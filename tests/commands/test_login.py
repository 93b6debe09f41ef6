from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import passwords
from models import Login
from settings import Settings
from tests.pairs import Pair, issued, self_signed

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


@pytest.fixture
def pairs(tmp_path: Path) -> list[Pair]:
    return [self_signed(tmp_path, "old"), issued(tmp_path, "new")]


def test_client_certificates_are_set_replaced_and_lifted(done: Done, pairs: list[Pair]) -> None:
    """As fingerprints, whether they come in one file or in several."""
    old, new = (str(each.certificate) for each in pairs)
    fingerprints = [each.fingerprint for each in pairs]
    done("login", "add", "acme", "erp", "--client-cert", old, "--password-stdin", input="second\n")
    assert [login["client_certificates"] for login in listed(done)] == [[], fingerprints[:1]]

    done("login", "set", "erp", "--client-cert", old, "--client-cert", new)
    assert listed(done)[1]["client_certificates"] == fingerprints
    assert Login.get(Login.name == "erp").client_certificates == fingerprints

    pairs[0].certificate.write_bytes(b"".join(each.certificate.read_bytes() for each in reversed(pairs)))
    done("login", "set", "erp", "--client-cert", old)
    assert listed(done)[1]["client_certificates"] == fingerprints[::-1]

    done("login", "set", "erp", "--disable")
    assert listed(done)[1]["client_certificates"] == fingerprints[::-1]

    done("login", "set", "erp", "--no-client-cert")
    assert listed(done)[1]["client_certificates"] == []
    assert Login.get(Login.name == "erp").client_certificates is None


def test_the_table_has_the_beginnings_of_fingerprints(done: Done, pairs: list[Pair]) -> None:
    """Enough to compare them, and room for the rest."""
    done("login", "set", "acme", *(part for each in pairs for part in ("--client-cert", str(each.certificate))))

    assert ", ".join(f"{each.fingerprint[:23]}..." for each in pairs) in done("login", "list")
    assert pairs[0].fingerprint not in done("login", "list")


def key_inside(pair: Pair) -> list[str]:
    pair.certificate.write_bytes(pair.key.read_bytes() + pair.certificate.read_bytes())
    return ["--client-cert", str(pair.certificate)]


def rubbish(pair: Pair) -> list[str]:
    pair.certificate.write_text("rubbish")
    return ["--client-cert", str(pair.certificate)]


def missing(pair: Pair) -> list[str]:
    pair.certificate.unlink()
    return ["--client-cert", str(pair.certificate)]


def both(pair: Pair) -> list[str]:
    return ["--client-cert", str(pair.certificate), "--no-client-cert"]


@pytest.mark.parametrize(
    ("spoil", "status", "message"),
    [
        (key_inside, 1, "there is a private key in it, which nobody but the client should have"),
        (rubbish, 1, "not a certificate in PEM form"),
        (missing, 2, "does not exist"),
        (both, 2, "--client-cert and --no-client-cert exclude each other"),
    ],
)
def test_set_refuses_what_is_no_certificate(
    run: Run, done: Done, pairs: list[Pair], spoil: Callable[[Pair], list[str]], status: int, message: str
) -> None:
    """And leaves what was there."""
    done("login", "set", "acme", "--client-cert", str(pairs[1].certificate))

    result = run("login", "set", "acme", "--disable", *spoil(pairs[0]))

    assert result.exit_code == status
    assert message in " ".join(result.stderr.split())
    assert [login["client_certificates"] for login in listed(done)] == [[pairs[1].fingerprint]]
    assert not listed(done)[0]["disabled"]


def test_add_with_a_certificate_that_is_over_adds_nothing(run: Run, done: Done, tmp_path: Path) -> None:
    """Nor makes a password that somebody might note down."""
    gone = issued(tmp_path, "gone", days=-1)

    result = run("login", "add", "acme", "erp", "--client-cert", str(gone.certificate))

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"the certificate {gone.fingerprint} ended on" in result.stderr
    assert [login["name"] for login in listed(done)] == ["acme"]


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
