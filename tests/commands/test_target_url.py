"""`target set --url`, and what is said of what waits: by removals, and for a disabled account."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import models
from exports.push import targets as push_targets
from models import Account, Delivery, Export, Target, now
from settings import Settings
from tests.commands.conftest import environment
from tests.commands.terminal import Terminal
from tests.remotes import PASSWORD, SshServer

Done = Callable[..., str]
Run = Callable[..., Result]
URL, NEXT = "ftps://shop@ftp.example/in", "ftps://ftp2.example/in"


@pytest.fixture
def acme(done: Done) -> str:
    done("account", "add", "acme", "--password-stdin", input="secret\n")
    return "acme"


@pytest.fixture
def shop(done: Done, acme: str) -> Target:
    """A target with a password."""
    done("target", "add", acme, URL, "--password-stdin", input="theirs\n")
    return stored()


def stored() -> Target:
    models.database.connect(reuse_if_open=True)
    found: Target = Target.get()
    return found


def secret(settings: Settings) -> str:
    return push_targets.access_of(settings, stored()).secret


def wait(count: int) -> None:
    """So many deliveries wait for the target."""
    target, account = stored(), Account.get()
    for number in range(count):
        export = Export.create(account=account, kind="order", entity="order", path=f"Orders/order_{number}",
                               state="ready", ready_at=now())  # fmt: skip
        Delivery.create(target=target, export=export, revision=1)


def test_another_folder_of_the_same_host(done: Done, shop: Target, settings: Settings) -> None:
    """Nothing is asked, what waits goes there, and so it is said; the user may stand in the URL or be named."""
    wait(2)
    said = done("target", "set", "1", "--url", "ftps://other@ftp.example:2121/out")

    assert said == ("Changed the target 1: what waits goes to ftps://ftp.example:2121/out. "
                    "Try it: ftpdock target test 1\n")  # fmt: skip
    assert (stored().username, secret(settings)) == ("other", "theirs")
    assert Delivery.select().where(Delivery.state == "waiting").count() == 2
    done("target", "set", "1", "--url", "ftps://other@ftp.example/in", "--username", "named")
    assert stored().username == "named"


def test_the_password_of_another_host_has_to_be_given(run: Run, done: Done, shop: Target, settings: Settings) -> None:
    """Without a terminal by an option; what was given for the former host is not sent to it."""
    refused = run("target", "set", "1", "--url", NEXT)
    assert (refused.exit_code, "Give the password by --password-stdin" in refused.stderr) == (2, True)
    assert stored().url == "ftps://ftp.example/in"

    done("target", "set", "1", "--url", NEXT, "--password-stdin", input="the new one\n")
    assert (stored().url, stored().username, secret(settings)) == (NEXT, "shop", "the new one")
    done("target", "set", "1", "--url", URL, "--password-env", "ACME_PASSWORD")
    done("target", "set", "1", "--url", NEXT)
    assert (stored().url, stored().secret_env) == (NEXT, "ACME_PASSWORD")


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_at_a_terminal_the_password_of_another_host_is_asked_for(shop: Target, settings: Settings) -> None:
    """For the user there, of whom the URL need not tell; it is not shown."""
    models.database.close()
    terminal = Terminal(environment(settings), "target", "set", "1", "--url", NEXT)
    terminal.answer("Password of shop at ftp2.example: ", "the new one")

    assert terminal.end() == 0, terminal.said
    assert "the new one" not in terminal.said
    assert (stored().url, secret(settings)) == (NEXT, "the new one")


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_another_server_shows_another_host_key(
    done: Done, run: Run, acme: str, settings: Settings, tmp_path: Path
) -> None:
    """It is compared by a person, or given; that of the former one is not expected of it."""
    server = SshServer(tmp_path / "ssh", tmp_path / "ssh-etc")
    server.start()
    try:
        key = ("--key-file", str(server.user_key), "--host-key", "SHA256:" + "a" * 43)
        done("target", "add", acme, "sftp://acme@localhost:1/in", *key, "--password-stdin", input=PASSWORD + "\n")
        refused = run("target", "set", "1", "--url", server.url)
        assert (refused.exit_code, f"then give --host-key {server.fingerprint()}" in refused.stderr) == (1, True)

        models.database.close()
        terminal = Terminal(environment(settings), "target", "set", "1", "--url", server.url)
        terminal.answer(f"shows the host key {server.fingerprint()}", "y")
        assert terminal.end() == 0, terminal.said
        assert done("target", "test", "1").endswith("wrote, renamed and removed a file.\n")
        done("target", "set", "1", "--url", f"{server.url}/deeper")
        assert stored().options["host_key"] == server.fingerprint()
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("url", "options", "status", "said"),
    [
        ("ftps://shop:hunter2@ftp.example/in", (), 2, "leave it out"),
        ("foo", (), 2, "The URL has no scheme"),
        ("sftp://ftp.example/in", ("--ca-file", "README.md"), 1, "--ca-file is for ftps:// only"),
        ("ftps://ftp2.example/in", (), 1, "has the target ftps://ftp2.example/in already"),
    ],
)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_url_that_can_not_be_taken_changes_nothing(
    run: Run, done: Done, shop: Target, url: str, options: tuple[str, ...], status: int, said: str
) -> None:
    """Checked as that of a new one, before anything is asked."""
    done("target", "add", "acme", "ftps://shop@ftp2.example/in", "--password-env", "ACME_PASSWORD")

    result = run("target", "set", "1", "--url", url, *options)

    assert (result.exit_code, said in result.stderr, "hunter2" in result.output) == (status, True, False)
    assert Target.get_by_id(1).url == "ftps://ftp.example/in"


def test_removing_an_account_tells_what_is_dropped(run: Run, done: Done, shop: Target) -> None:
    """Of all of its targets, as the removal of one does; nothing is said of nothing."""
    done("target", "add", "acme", NEXT, "--username", "shop", "--password-env", "ACME_PASSWORD")
    wait(2)
    other = Target.get(Target.number != shop.number)
    Delivery.update(target=other).where(Delivery.number == Delivery.get().number).execute()

    dropped = "Dropped with it: 2 deliveries that wait for its targets."
    asked = run("account", "remove", "acme", input="n\n")
    assert asked.stdout.startswith(
        f"Remove acme with all of its records and logins (its files are kept aside)? {dropped} [y/N]: "
    )
    assert done("account", "remove", "acme", "--yes").startswith(f"Removed the account acme. {dropped} Its files lie ")
    done("account", "add", "beta", "--password-stdin", input="secret\n")
    assert done("account", "remove", "beta", "--yes").startswith("Removed the account beta. Its files lie ")


def test_deliveries_of_a_disabled_account_say_what_they_wait_for(done: Done, shop: Target) -> None:
    """In the table and in JSON, until it is enabled."""
    wait(1)
    done("account", "disable", "acme")

    told = "The account acme is disabled, which holds its deliveries: `ftpdock account enable acme`"
    assert json.loads(done("target", "list", "--json"))[0]["error"] == told
    assert told in done("target", "list")
    done("account", "enable", "acme")
    assert json.loads(done("target", "list", "--json"))[0]["error"] == ""


def test_removing_a_target_tells_what_is_dropped(run: Run, done: Done, shop: Target) -> None:
    """In the question, with the other way; and afterwards, whoever was not asked."""
    wait(1)
    asked = run("target", "remove", "1", input="n\n")
    assert (asked.exit_code, stored().number) == (1, 1)
    assert asked.stdout.startswith(
        "Remove the target 1 (ftps://ftp.example/in) of acme? Dropped with it: 1 delivery that waits for it. "
        "`target set 1 --url URL` would bring it to another server [y/N]: "
    )
    Delivery.delete().execute()
    Export.delete().execute()
    wait(3)
    assert done("target", "remove", "1", "--yes") == (
        "Removed the target 1. Dropped with it: 3 deliveries that wait for it.\n"
    )
