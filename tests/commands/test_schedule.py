"""`schedule set`, `schedule list` and `imports run`."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine

import layout
import models
from exports.scheduled import tick
from jobs.cards import server_card
from jobs.leases import Owner
from models import Account, ImportRun, ScheduleState, Upload, now
from settings import Settings

Done = Callable[..., str]
Run = Callable[..., Any]
GONE = ("Error: This machine knows no time zone 'US/Gone', which the account acme has: install the system's time zones "
        "(tzdata), or set another by `ftpdock account set acme --timezone ZONE`\n")  # fmt: skip


@pytest.fixture(autouse=True)
def afternoon() -> Iterator[None]:
    """It is 14:00 in Berlin, and stays so."""
    with time_machine.travel(dt.datetime(2026, 11, 23, 13, tzinfo=dt.UTC), tick=False):
        yield


@pytest.fixture
def acme(done: Done) -> str:
    done("account", "add", "acme", "--password-stdin", input="secret\n")
    done("account", "set", "acme", "--timezone", "Europe/Berlin")
    return "acme"


def listed(done: Done, *options: str) -> dict[str, dict[str, Any]]:
    return {each["entity"]: each for each in json.loads(done("schedule", "list", "--json", *options))}


def exported(done: Done) -> list[tuple[str, str | None]]:
    """Entity and next run of each export by a schedule."""
    found = json.loads(done("schedule", "list", "--json"))
    return [(each["entity"], each["next_run"]) for each in found if each["what"] == "export"]


def readme(settings: Settings) -> list[str]:
    path: Path = layout.account_root(settings, "acme") / layout.TEMPLATES / "README.txt"
    return path.read_text().splitlines()


def waits(settings: Settings, entity: str) -> int:
    """An upload that waits for its schedule."""
    models.database.connect(reuse_if_open=True)
    account = Account.get(Account.name == "acme")
    made = Upload.create(account=account, entity=entity, name=f"{entity.upper()}_18_09_2024.csv", size=1)
    folder = layout.spool_folder(settings, made.id)
    folder.mkdir(parents=True)
    (folder / made.name).write_bytes(b"x")
    return int(made.id)


def test_at_first_everything_is_immediate(done: Done, acme: str) -> None:
    """Each entity has a line, and no next run."""
    found = listed(done)
    assert len(found) == 8
    assert found["order"] == {
        "account": "acme", "entity": "order", "what": "import", "schedule": "immediate", "timezone": "Europe/Berlin",
        "next_run": None,
    }  # fmt: skip


def test_a_default_and_an_exception(done: Done, acme: str) -> None:
    """Both with their next run in the account's zone; `off` has none."""
    assert done("schedule", "set", "acme", "all", "0 2 * * *") == (
        "acme, all: 0 2 * * *, next run 2026-11-24 02:00 CET.\n"
    )
    done("schedule", "set", "acme", "Products", "every 30m")
    done("schedule", "set", "acme", "order", "off")
    found = listed(done, "--account", "acme")
    assert {entity: (each["schedule"], each["next_run"]) for entity, each in found.items()} == {
        **dict.fromkeys(found, ("0 2 * * *", "2026-11-24T02:00:00+01:00")),
        "product": ("every 30m", "2026-11-23T14:30:00+01:00"),
        "order": ("off", None),
    }


def test_an_exception_is_taken_away(done: Done, run: Run, acme: str) -> None:
    """`inherit` follows the default again; the default itself has nothing to inherit."""
    done("schedule", "set", "acme", "product", "off")
    done("schedule", "set", "acme", "all", "every 2h")
    assert listed(done)["product"]["schedule"] == "off"
    assert done("schedule", "set", "acme", "product", "inherit") == (
        "acme, product: every 2h, next run 2026-11-23 15:00 CET.\n"
    )
    assert run("schedule", "set", "acme", "all", "inherit").exit_code == 2


def test_another_time_zone_moves_the_next_run(done: Done, acme: str) -> None:
    """02:00 there, with the offset there."""
    done("schedule", "set", "acme", "all", "0 2 * * *")
    done("account", "set", "acme", "--timezone", "America/New_York")
    found = listed(done)["product"]
    assert (found["timezone"], found["next_run"]) == ("America/New_York", "2026-11-24T02:00:00-05:00")


@pytest.mark.parametrize("schedule", ["0 0 30 2 *", "every 30s", "every 0m", "sometimes", "", "61 * * * *"])
def test_a_bad_schedule_is_wrong_usage(run: Run, done: Done, acme: str, schedule: str) -> None:
    """Exit status 2, the schedule is named, and nothing has changed."""
    result = run("schedule", "set", "acme", "all", schedule)
    assert result.exit_code == 2
    assert repr(schedule) in result.output
    assert listed(done)["product"]["schedule"] == "immediate"


def test_in_a_time_zone_that_is_no_more_there_is_no_next_run(done: Done, acme: str, settings: Settings) -> None:
    """The other accounts are listed all the same."""
    done("schedule", "set", "acme", "products", "0 2 * * *")
    done("account", "add", "globex", "--password-stdin", input="secret\n")
    models.database.connect(reuse_if_open=True)
    Account.update(time_zone="US/Gone").where(Account.name == "acme").execute()
    found = json.loads(done("schedule", "list", "--json"))

    product = next(each for each in found if (each["account"], each["entity"]) == ("acme", "product"))
    assert (product["schedule"], product["timezone"], product["next_run"]) == ("0 2 * * *", "US/Gone", None)
    assert {each["account"] for each in found} == {"acme", "globex"}


def test_unknown_accounts_and_entities_are_refused(run: Run, done: Done, acme: str) -> None:
    """An account that is not there, an entity that nobody knows, one that the account may not send."""
    assert run("schedule", "set", "acne", "all", "off").exit_code == 1
    assert run("schedule", "list", "--account", "acne").exit_code == 1
    assert run("schedule", "set", "acme", "shipments", "off").exit_code == 2
    done("account", "set", "acme", "--entities", "products")
    assert run("schedule", "set", "acme", "orders", "off").exit_code == 1
    assert list(listed(done)) == ["product"]


def test_the_readme_of_templates_follows(done: Done, acme: str, settings: Settings) -> None:
    """What the partner reads there is what holds, after a change of the zone too."""
    assert "  /Products/     as soon as it has arrived whole" in readme(settings)
    done("schedule", "set", "acme", "all", "0 2 * * *")
    done("schedule", "set", "acme", "inventory", "every 30m")
    assert "  /Products/     at 02:00 every day, by the clock of Europe/Berlin" in readme(settings)
    assert "  /Inventory/    every 30 minutes" in readme(settings)
    done("account", "set", "acme", "--timezone", "UTC")
    assert "  /Products/     at 02:00 every day, by the clock of UTC" in readme(settings)


def test_immediate_picks_up_what_waits(done: Done, acme: str, settings: Settings) -> None:
    """At once, and of entities without a schedule of their own alone."""
    done("schedule", "set", "acme", "all", "off")
    done("schedule", "set", "acme", "order", "0 2 * * *")
    product, _ = waits(settings, "product"), waits(settings, "order")
    with contextlib.closing(Owner(settings)):
        said = done("schedule", "set", "acme", "all", "immediate")
    assert said == f"acme, all: immediate.\nQueued as import {product}.\n"
    models.database.connect(reuse_if_open=True)
    assert [run.number for run in ImportRun.select()] == [product]


def test_imports_run_picks_up_now(done: Done, run: Run, acme: str, settings: Settings) -> None:
    """Of one entity, then of all, and then there is nothing left."""
    done("schedule", "set", "acme", "all", "off")
    numbers = [waits(settings, entity) for entity in ("product", "order", "customer")]
    with contextlib.closing(server_card(settings, "127.0.0.1", 2121)):
        assert done("imports", "run", "acme", "orders") == f"Queued as import {numbers[1]}.\n"
    nobody = "no `ftpdock serve` and no `ftpdock worker` runs."
    assert done("imports", "run", "acme") == (
        f"Queued as imports {numbers[0]}, {numbers[2]}. They wait for one that imports: {nobody}\n"
    )
    last = waits(settings, "product")
    assert done("imports", "run", "acme") == f"Queued as import {last}. It waits for one that imports: {nobody}\n"
    assert done("imports", "run", "acme") == "Nothing waits.\n"
    assert run("imports", "run", "acne").exit_code == 1


def test_an_export_has_a_schedule_of_its_own(done: Done, acme: str) -> None:
    """It stands behind those of pick-ups in the listing, and changes none of them."""
    before = json.loads(done("schedule", "list", "--json"))
    assert done("schedule", "set", "acme", "products", "0 2 * * *", "--export") == (
        "acme, export of product: 0 2 * * *, next run 2026-11-24 02:00 CET.\n"
    )
    assert json.loads(done("schedule", "list", "--json")) == [
        *before,
        {"account": "acme", "entity": "product", "what": "export", "schedule": "0 2 * * *",
         "timezone": "Europe/Berlin", "next_run": "2026-11-24T02:00:00+01:00"},
    ]  # fmt: skip
    assert done("schedule", "set", "acme", "products", "off", "--export") == "acme, export of product: off.\n"
    assert json.loads(done("schedule", "list", "--json")) == before


def test_all_entities_are_exported_at_one_time(done: Done, acme: str) -> None:
    """Those that the account has, each with its own line."""
    done("account", "set", "acme", "--entities", "products,orders")
    done("schedule", "set", "acme", "all", "every 1d", "--export")
    found = [each["entity"] for each in json.loads(done("schedule", "list", "--json")) if each["what"] == "export"]
    assert sorted(found) == ["order", "product"]


@pytest.mark.parametrize("schedule", ["immediate", "inherit", "daily"])
def test_an_export_needs_times(run: Run, acme: str, schedule: str) -> None:
    """There is nothing that it could be immediate to, or inherit from."""
    assert run("schedule", "set", "acme", "product", schedule, "--export").exit_code == 2


def test_of_an_entity_that_was_taken_away_nothing_is_exported_and_the_schedule_can_go(
    done: Done, run: Run, acme: str
) -> None:
    """It is listed without a next run; with the entity it comes back, unless it was turned off."""
    done("schedule", "set", acme, "inventory", "every 1d", "--export")
    done("account", "set", acme, "--entities", "products")
    later = now() + dt.timedelta(days=3)
    models.database.connect(reuse_if_open=True)

    assert tick(later) == 0
    assert exported(done) == [("inventory", None)]
    assert run("schedule", "set", acme, "inventory", "every 2d", "--export").exit_code == 1
    done("account", "set", acme, "--entities", "all")
    models.database.connect(reuse_if_open=True)
    assert tick(later) == 1
    done("account", "set", acme, "--entities", "products")
    done("schedule", "set", acme, "all", "off", "--export")
    assert exported(done) == []


def test_in_a_time_zone_that_is_no_more_no_times_are_set(done: Done, run: Run, acme: str) -> None:
    """It is said what to do, and nothing has changed; what has no times can be set."""
    done("schedule", "set", acme, "products", "0 2 * * *")
    models.database.connect(reuse_if_open=True)
    Account.update(time_zone="US/Gone", schedule="every 1d").execute()
    ScheduleState.update(time_zone="US/Gone").execute()

    for arguments in (("orders", "0 3 * * *"), ("all", "every 30m"), ("products", "inherit"),
                      ("orders", "every 1d", "--export")):  # fmt: skip
        refused = run("schedule", "set", acme, *arguments)
        assert (refused.exit_code, refused.stderr) == (1, GONE)
    assert listed(done)["product"]["schedule"] == "0 2 * * *"
    assert done("schedule", "set", acme, "all", "off") == "acme, all: off.\n"
    assert done("schedule", "set", acme, "products", "immediate") == "acme, product: immediate.\n"
    assert done("schedule", "set", acme, "all", "off", "--export") == "acme, export of all: off.\n"

    for entity in listed(done):
        done("schedule", "set", acme, entity, "off")
    # Nothing has to be planned for a default that no entity follows.
    assert run("schedule", "set", acme, "all", "0 3 * * *").stderr == GONE
    models.database.connect(reuse_if_open=True)
    assert Account.get().schedule == "off"


def test_times_of_another_entity_that_can_not_be_planned_are_told_as_well(done: Done, run: Run, acme: str) -> None:
    """As of an account whose zone another program has changed."""
    done("schedule", "set", acme, "products", "0 2 * * *")
    models.database.connect(reuse_if_open=True)
    Account.update(time_zone="US/Gone").execute()

    refused = run("schedule", "set", acme, "orders", "off")

    assert (refused.exit_code, refused.stderr) == (1, GONE)
    assert listed(done)["order"]["schedule"] == "immediate"
