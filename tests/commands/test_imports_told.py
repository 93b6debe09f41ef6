"""What `imports`, `import` and `status` tell of imports, and what they leave out; exit statuses."""

from __future__ import annotations

import datetime as dt
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import layout
from models import ImportRun, Upload, now
from settings import Settings
from tests.partner import Partner

Run = Callable[..., Result]
Done = Callable[..., str]

GOOD = "SKU_ID,Name\n1,Cup\n"
NAME = "PRODUCT_18_09_2024.csv"


def upload(partner: Partner, state: str, **more: Any) -> int:
    made = Upload.create(account=partner.account, entity="product", name=NAME, size=1, state=state, **more)
    return int(made.id)


def listed(done: Done, *options: str) -> list[tuple[int, str]]:
    found = json.loads(done("imports", "list", "--json", *options))
    return [(each["number"], each["status"]) for each in found]


def test_what_is_no_import_is_not_listed(partner: Partner, done: Done, run: Run) -> None:
    """Files that were replaced or deleted before their time came, and dry runs of both kinds; nor is it shown.

    Of the former the partner has a number, so it says what became of them.
    """
    imported = partner.send("product", GOOD).number
    others = [upload(partner, "replaced"), upload(partner, "deleted"), upload(partner, "picked", origin="validate"),
              partner.queue("product", GOOD, dry_run=True).number]  # fmt: skip
    waiting = upload(partner, "waiting")

    assert listed(done) == [(imported, "completed"), (waiting, "waiting")]
    assert listed(done, "--status", "waiting") == [(waiting, "waiting")]
    told = [f"Import {others[0]} ({NAME} of acme) was replaced by another upload of that name before it began",
            f"Import {others[1]} ({NAME} of acme) was deleted by the partner before it began",
            *(f"There is no import {number}: `ftpdock imports list` shows them" for number in others[2:])]  # fmt: skip
    for number, words in zip(others, told, strict=True):
        for command in ("show", "retry"):
            result = run("imports", command, str(number))
            assert (result.exit_code, result.stderr) == (1, f"Error: {words}\n")


def test_a_listing_is_narrowed(partner: Partner, done: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    """By account, entity, status and number; always the oldest first, page by page."""
    monkeypatch.setattr(importlib.import_module("commands.imports"), "PAGE", 2)
    first = partner.send("product", GOOD).number
    other = partner.neighbour("beta").send("product", GOOD).number
    failed = partner.send("product", "").number
    customer = partner.queue("customer", "Company_Name\nDelta\n").number
    numbers = [first, other, failed, customer]

    def found(*options: str) -> list[int]:
        return [number for number, _ in listed(done, *options)]

    assert found() == numbers
    assert found("--limit", "3") == numbers[1:]
    assert found("--account", "acme") == [first, failed, customer]
    assert found("--account", "beta") == [other]
    assert found("--entity", "product") == [first, other, failed]
    assert found("--status", "failed") == [failed]
    assert found("--status", "completed", "--limit", "1") == [other]


def test_a_file_is_imported_again_from_wherever_it_is_kept(partner: Partner, done: Done, run: Run) -> None:
    """Out of processed/ or failed/; one that is not done, or whose file is gone, is not."""
    processed, failed = partner.send("product", GOOD).number, partner.send("product", "").number
    open_ = partner.queue("product", GOOD).number

    for number in (processed, failed):
        assert done("imports", "retry", str(number)).startswith("Queued as import ")
        again = Upload.select().order_by(Upload.id.desc()).get()
        kept = layout.spool_folder(partner.settings, again.id) / NAME
        assert (again.origin, kept.read_text()) == ("retry", GOOD if number == processed else "")

    before = Upload.select().count()
    refused = run("imports", "retry", str(open_))
    assert (refused.exit_code, "is not finished: it needs no retry" in refused.stderr) == (1, True)
    folder = layout.account_root(partner.settings, "acme") / "Products" / layout.PROCESSED
    (folder / layout.numbered(NAME, processed)).unlink()
    gone = run("imports", "retry", str(processed))
    assert (gone.exit_code, f"The file of import {processed} is gone" in gone.stderr) == (1, True)
    assert Upload.select().count() == before


@pytest.mark.parametrize(
    ("content", "outcome", "status"),
    [(GOOD, "completed", 0), ("SKU_ID,Name,MOQ\n1,Cup,six\n2,Mug,1\n", "completed_with_errors", 0), ("", "failed", 1)],
)
def test_the_exit_status_of_an_import(
    partner: Partner, run: Run, tmp_path: Path, content: str, outcome: str, status: int
) -> None:
    """1 when the file failed, after its outcome was printed; a dry run ends as the import would, and leaves nothing."""
    file = tmp_path / NAME
    file.write_text(content)
    for dry in (["--dry-run"], []):
        result = run("import", str(file), "--account", "acme", "--json", *dry)
        assert (result.exit_code, json.loads(result.stdout)["status"]) == (status, outcome)
        assert Upload.select().count() == ImportRun.select().count() == int(not dry)
        assert [path for path in partner.settings.spool.iterdir() if path.name.isdecimal()] == []


def test_status_counts_what_changes_something(partner: Partner, done: Done) -> None:
    """Dry runs are in no number of it."""
    for _ in range(2):
        partner.send("product", GOOD, dry_run=True)
    dry = partner.queue("product", GOOD, dry_run=True).number
    ImportRun.update(received_at=now() - dt.timedelta(hours=1)).where(ImportRun.number == dry).execute()

    shown = json.loads(done("status", "--json"))

    assert set(shown["imports_by_status"].values()) == {0}
    assert (shown["queue"]["waiting"], shown["oldest_waiting_seconds"], shown["last_imports"]) == (0, 0, [])


def test_status_tells_the_oldest_that_waits_and_the_newest_that_ended(partner: Partner, done: Done) -> None:
    """The last five, newest first; what waits for its schedule has a number of its own."""
    ended = [partner.send("product", GOOD).number for _ in range(6)]
    for minutes in (1, 10, 5):
        number = partner.queue("product", GOOD).number
        moment = now() - dt.timedelta(minutes=minutes)
        ImportRun.update(received_at=moment).where(ImportRun.number == number).execute()
    for _ in range(2):
        upload(partner, "waiting")

    shown = json.loads(done("status", "--json"))

    assert [each["number"] for each in shown["last_imports"]] == ended[:0:-1]
    assert 600 <= shown["oldest_waiting_seconds"] < 660
    assert shown["queue"] == {"waiting": 3, "running": 0, "scheduled": 2}


def test_a_clock_that_was_ahead_makes_no_age_less_than_none(partner: Partner, done: Done) -> None:
    """Of what arrived in the future nothing is told that is not true."""
    number = partner.queue("product", GOOD).number
    ImportRun.update(received_at=now() + dt.timedelta(hours=1)).where(ImportRun.number == number).execute()

    assert json.loads(done("status", "--json"))["oldest_waiting_seconds"] == 0


def test_a_demo_begins_behind_a_server_that_was_killed(make_settings: Callable[..., Settings]) -> None:
    """Its card is left, and nobody holds it: what it has printed nobody can use."""
    from commands.demo import refuse_second

    settings = make_settings("sqlite")
    folder = settings.spool / "servers"
    folder.mkdir()
    (folder / "killed.lock").write_text('{"pid": 1, "host": "x", "since": "2026-11-23", "address": "127.0.0.1:2121"}')

    refuse_second(settings)
