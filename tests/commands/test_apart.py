"""What a command tells or does of one account, and of no other; and that a no, or wrong usage, changes nothing."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import models
from commands import main
from models import Account, Export, Login, Mail, Outbox, Target
from settings import Settings
from tests.commands.conftest import environment
from tests.postbox import Postbox
from tests.shop import Shop

Run = Callable[..., Result]
Done = Callable[..., str]


@pytest.fixture
def two(done: Done) -> None:
    """Two accounts."""
    for name in ("acme", "beta"):
        done("account", "add", name, "--password-stdin", input="secret\n")


def test_an_account_is_shown_with_what_is_its_own(done: Done, two: None) -> None:
    """Its logins, and what a rejected row does to its files."""
    done("login", "add", "acme", "erp", "--password-stdin", input="secret\n")
    done("account", "set", "acme", "--on-error", "abort", "--entity", "product")
    done("account", "set", "beta", "--on-error", "abort", "--entity", "order")

    shown = {each["name"]: each for each in json.loads(done("account", "list", "--json"))}

    assert {name: (each["logins"], each["abort_on_error"]) for name, each in shown.items()} == {
        "acme": (["acme", "erp"], ["product"]),
        "beta": (["beta"], ["order"]),
    }


def test_a_schedule_of_another_account_is_no_reason_to_have_one(done: Done, run: Run, two: None) -> None:
    """Of an entity that the account has not only what it has set itself is taken back."""
    done("schedule", "set", "acme", "order", "off")
    done("account", "set", "beta", "--entities", "product")

    for when in ("off", "inherit"):
        result = run("schedule", "set", "beta", "order", when)
        assert (result.exit_code, result.stderr) == (1, "Error: The account 'beta' has no order: it has product\n")


@pytest.mark.parametrize("when", ["off", "inherit"])
def test_the_schedule_of_an_entity_that_was_taken_from_the_account_can_go(done: Done, two: None, when: str) -> None:
    """Else it would come back with the entity, some day."""
    done("schedule", "set", "acme", "order", "0 2 * * *")
    done("account", "set", "acme", "--entities", "product")

    done("schedule", "set", "acme", "order", when)

    done("account", "set", "acme", "--entities", "all")
    found = json.loads(done("schedule", "list", "--account", "acme", "--json"))
    held = {each["entity"]: each["schedule"] for each in found}["order"]
    assert held == ("off" if when == "off" else "immediate")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["account", "set", "acme", "--email", "a@b.example", "--no-email"],
         "--email and --no-email exclude each other"),
        (["account", "set", "acme", "--company", "x", "--entity", "product"], "--entity goes with --on-error"),
        (["login", "set", "acme", "--network", "192.0.2.0/24", "--any-network"],
         "--network and --any-network exclude each other"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_options_that_contradict_each_other_are_wrong_usage(
    run: Run, done: Done, two: None, arguments: list[str], message: str
) -> None:
    """Neither of them wins, and nothing is changed: whoever meant the limit would be left without it."""
    before = done("account", "list", "--json"), done("login", "list", "--json")

    result = run(*arguments)

    assert (result.exit_code, message in " ".join(result.stderr.split())) == (2, True)
    assert (done("account", "list", "--json"), done("login", "list", "--json")) == before


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_target_stays_after_a_no(run: Run, done: Done, two: None, tmp_path: Path) -> None:
    """What is to be removed is asked for with its account; a yes removes it."""
    done("target", "add", "acme", f"file://{tmp_path}/inbox")
    url = Target.get().url

    refused = run("target", "remove", "1", input="n\n")
    assert (refused.exit_code, Target.select().count()) == (1, 1)
    assert f"Remove the target 1 ({url}) of acme?" in refused.stdout

    done("target", "remove", "1", input="y\n")
    assert Target.select().count() == 0


@pytest.mark.parametrize("option", [[], ["--files"]])
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_whoever_removes_an_account_is_told_what_becomes_of_its_files(
    run: Run, two: None, settings: Settings, option: list[str]
) -> None:
    """Before it is done; the other account has no part in it."""
    refused = run("account", "remove", "acme", *option, input="n\n")

    assert ("its files are deleted" in refused.stdout, "its files are kept aside" in refused.stdout) == (
        bool(option), not option)  # fmt: skip
    assert refused.exit_code == 1
    assert Account.select().count() == 2
    assert run("account", "remove", "acme", *option, "--yes").exit_code == 0
    assert [login.name for login in Login.select()] == ["beta"]
    assert [path.name for path in settings.accounts.iterdir() if not path.name.startswith(".")] == ["beta"]


def test_what_waits_to_be_exported_is_narrowed_as_the_rest(settings: Settings, done: Done) -> None:
    """By account, by kind and by number: what is in the outbox alone has no row in the ledger."""
    acme, beta = Shop(settings), Shop(settings, "beta")
    acme.order()
    acme.dispatch()
    Outbox.create(account=acme.account, kind="full", entity="product")
    Outbox.create(account=beta.account, kind="full", entity="order")

    def listed(*options: str) -> list[tuple[str, str, str]]:
        found: list[dict[str, Any]] = json.loads(done("exports", "list", "--json", *options))
        return [(each["account"], each["kind"], each["entity"]) for each in found]

    order, product, other = ("acme", "order", "order"), ("acme", "full", "product"), ("beta", "full", "order")
    assert listed() == [order, product, other]
    assert listed("--account", "acme") == [order, product]
    assert listed("--kind", "order") == [order]
    assert listed("--kind", "full") == [product, other]
    assert listed("--limit", "1") == [other]
    assert listed("--limit", "2") == [product, other]
    assert listed("--account", "acme", "--limit", "1") == [product]
    assert listed("--not-collected", "1m") == []


def test_a_worker_does_not_begin_in_a_home_that_has_the_folder_of_no_account(
    run: Run, two: None, settings: Settings
) -> None:
    """Its disk may not be mounted, and what waits there would be taken for lost."""
    for name in ("acme", "beta"):
        (settings.accounts / name).rename(settings.home / name)
    assert environment(settings)["FTPDOCK_HOME"] == str(settings.home)

    result = run("worker")

    assert (result.exit_code, "is the disk mounted?" in result.stderr) == (1, True)
    assert not (settings.spool / "workers").exists()


def test_targets_are_listed_of_one_account(run: Run, done: Done, two: None, tmp_path: Path) -> None:
    """Or of all."""
    for name in ("acme", "beta"):
        (tmp_path / name).mkdir()
        done("target", "add", name, f"file://{tmp_path}/{name}")

    def listed(*options: str) -> list[str]:
        return [each["account"] for each in json.loads(done("target", "list", "--json", *options))]

    assert (listed(), listed("--account", "beta")) == (["acme", "beta"], ["beta"])
    assert run("target", "list", "--account", "nobody").exit_code == 1


def test_exports_are_listed_page_by_page(settings: Settings, done: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be more than fit into memory; none is left out, and none comes twice."""
    monkeypatch.setattr(importlib.import_module("commands.exports"), "PAGE", 2)
    shop = Shop(settings)
    made = [shop.order().system_id for _ in range(5)]
    shop.dispatch()

    assert [each["system_id"] for each in json.loads(done("exports", "list", "--json"))] == made


def test_an_export_that_two_accounts_have_is_called_by_its_number(settings: Settings, run: Run, done: Done) -> None:
    """As when the records of one were copied to the other: none of them is put back for the wrong partner."""
    shop, other = Shop(settings), Shop(settings, "beta")
    order = shop.order()
    shop.dispatch()
    number = shop.export(order).number
    copy = Export.create(account=other.account, kind="order", entity="order", system_id=order.system_id,
                         path=f"Orders/order_{order.system_id}", state="collected")  # fmt: skip

    for command in ("show", "replay"):
        result = run("exports", command, order.system_id)
        assert (result.exit_code, result.stderr) == (
            1, f"Error: Several exports are of {order.system_id}: name one by its number, {number}, {copy.number}\n"
        )  # fmt: skip
    assert Outbox.select().count() == 0
    assert done("exports", "replay", order.system_id, "--account", "beta").startswith("1 export will be put back")
    assert [row.account_id for row in Outbox.select()] == [other.account.id]


def test_a_server_that_was_killed_does_nothing_any_more(settings: Settings, done: Done) -> None:
    """Its card is left until the next one starts; nobody is told to wait for it."""
    folder = settings.spool / "servers"
    folder.mkdir()
    (folder / "killed.lock").write_text('{"pid": 1, "host": "x", "since": "2026-11-23", "address": "127.0.0.1:2121"}')
    Mail.alert("disk-1", what="disk", free="1 MiB", least="64 MiB", home="/srv")
    number = Mail.get().number

    assert done("mail", "retry", str(number)) == (
        f"Mail {number} will be sent by the next `ftpdock serve`: none is running.\n"
    )


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_mail_that_is_put_off_was_not_handed_over(settings: Settings, make_postbox: Callable[..., Postbox]) -> None:
    """`mail test` tries once: what the server refuses for now is a failure, with its words."""
    postbox = make_postbox(address_answers={"ada@acme.example": ["450 4.2.0 greylisted"]})
    found = {f"FTPDOCK_{name.upper()}": str(value) for name, value in postbox.settings.items()}
    models.database.close()

    result = CliRunner().invoke(main, ["mail", "test", "ada@acme.example"], env=environment(settings) | found)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "refused ada@acme.example: 450 4.2.0 greylisted" in result.stderr
    assert postbox.mails == []
