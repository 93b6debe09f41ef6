"""`ftpdock exports replay --since` asks first: an ERP may book an order that comes again a second time."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable

import pytest
from click.testing import Result

from models import Account, Export, Outbox, Target
from settings import Settings
from tests.commands.conftest import environment
from tests.commands.terminal import Terminal
from tests.shop import Shop

Done = Callable[..., str]
Run = Callable[..., Result]
SINCE = ("exports", "replay", "--since", "2025-11-20", "--account", "acme")
TOLD = "3 exports of acme of 2025-11-21 to 2026-11-23 (2 orders, 1 full export)"


@pytest.fixture
def shop(settings: Settings) -> Shop:
    """Two orders and a full export within a year; another account has some, too."""
    shop, other = Shop(settings), Shop(settings, "beta")
    for each in (shop, shop, other):
        each.order()
        each.dispatch()
    Export.create(account=shop.account, kind="full", entity="product", path="Products/PRODUCT_23_11_2026.csv")
    Export.update(created_at=dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)).execute()
    # A quarter to midnight in Berlin is the next day's in UTC there.
    Export.update(created_at=dt.datetime(2025, 11, 20, 23, 15, tzinfo=dt.UTC)).where(Export.number == 1).execute()
    Account.update(time_zone="Europe/Berlin").where(Account.name == "acme").execute()
    return shop


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits at a terminal."""
    monkeypatch.setattr(importlib.import_module("commands.exports"), "at_terminal", lambda: True)


def target(account: Account, folder: str, kinds: list[str] | None = None, disabled: bool = False) -> None:
    Target.create(account=account, url=f"file:///{folder}", kinds=kinds, disabled=disabled)


def asked() -> int:
    count: int = Outbox.select().count()
    return count


@pytest.mark.usefixtures("person")
def test_how_far_it_goes_is_told_and_asked(shop: Shop, run: Run, done: Done) -> None:
    """How many of which kinds, the oldest and newest by the account's clock; a no changes nothing."""
    refused = run(*SINCE, input="n\n")

    assert refused.stdout.startswith(f"Put back {TOLD}, each as a new revision? [y/N]: ")
    assert (refused.exit_code, asked()) == (1, 0)
    said = done(*SINCE, input="y\n")
    assert said.endswith("3 exports will be put back by the next `ftpdock serve`: none is running.\n")
    assert asked() == 3


@pytest.mark.usefixtures("person")
def test_the_targets_that_get_them_again_are_told(shop: Shop, run: Run) -> None:
    """Those that take a kind of them, also one that is disabled, whose deliveries wait."""
    for folder, kinds in (("all", None), ("orders", ["order"]), ("customers", ["customer"])):
        target(shop.account, folder, kinds)
    target(Account.get(Account.name == "beta"), "theirs")

    assert f"{TOLD}, each as a new revision, which goes to 2 targets again? [y/N]" in run(*SINCE, input="n\n").stdout
    target(shop.account, "held", disabled=True)
    assert "which goes to 3 targets again?" in run(*SINCE, input="n\n").stdout


@pytest.mark.parametrize("yes", [(), ("--yes",)])
def test_a_program_is_not_asked(shop: Shop, done: Done, yes: tuple[str, ...]) -> None:
    """It has called this before a person was asked."""
    assert done(*SINCE, *yes) == "3 exports will be put back by the next `ftpdock serve`: none is running.\n"
    assert asked() == 3


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_person_is_asked_at_a_terminal(shop: Shop, settings: Settings) -> None:
    """And answers there."""
    terminal = Terminal(environment(settings), *SINCE)
    terminal.answer(f"Put back {TOLD}", "y")

    assert terminal.end() == 0, terminal.said
    assert asked() == 3


def test_a_dry_run_only_tells(shop: Shop, done: Done) -> None:
    """Of many, of one, of none; it asks nothing, and --yes makes no difference to it."""
    target(shop.account, "all")
    fate = "as a new revision, which goes to 1 target again.\n"

    assert done(*SINCE, "--dry-run") == done(*SINCE, "--dry-run", "--yes") == f"{TOLD} would be put back, each {fate}"
    assert done("exports", "replay", "1", "--dry-run") == (
        f"1 export of acme of 2025-11-21 (1 order) would be put back, {fate}"
    )
    assert done("exports", "replay", "--since", "2038-01-01", "--account", "acme", "--dry-run") == (
        "Nothing was exported since.\n"
    )
    assert asked() == 0


def test_one_export_needs_no_question(shop: Shop, done: Done) -> None:
    """It was named."""
    assert done("exports", "replay", "1").startswith("1 export will be put back by ")
    assert [row.system_id for row in Outbox.select()] == [Export.get_by_id(1).system_id]


def test_nothing_to_put_back_is_no_question(shop: Shop, done: Done) -> None:
    """Nobody would know what to answer."""
    assert done("exports", "replay", "--since", "2038-01-01", "--account", "acme") == "Nothing was exported since.\n"


@pytest.mark.parametrize("zone", ["US/Gone", "../etc"])
def test_a_day_needs_the_clock_of_the_account(shop: Shop, run: Run, done: Done, zone: str) -> None:
    """In a time zone that is no more nobody knows when it began; what to do is told, and a moment with an offset, or an
    age, needs none."""
    Account.update(time_zone=zone).where(Account.name == "acme").execute()

    refused = run(*SINCE, "--yes")

    assert (refused.exit_code, refused.stderr) == (
        1, f"Error: This machine knows no time zone {zone!r}, which the account acme has: install the system's time "
        "zones (tzdata), or set another by `ftpdock account set acme --timezone ZONE`. Or give --since with an offset, "
        "such as 2026-11-20T08:00+01:00, or as an age, such as 24h\n"
    )  # fmt: skip
    assert asked() == 0
    whole = done("exports", "replay", "--since", "2025-11-20T00:00+01:00", "--account", "acme", "--dry-run")
    assert whole.startswith("3 exports of acme of 2025-11-20 to 2026-11-23")
    assert done("exports", "replay", "--since", "9999d", "--account", "acme", "--yes").startswith("3 exports will be")
