"""`ftpdock status` and `ftpdock imports watch`."""

from __future__ import annotations

import datetime as dt
import fcntl
import functools
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from commands.watch import _line as watched
from jobs.cards import read_cards, server_card
from jobs.leases import Owner
from jobs.queue import claim
from models import ImportRun, now
from settings import Settings
from tests.commands.conftest import ROOT, environment
from tests.partner import Partner

CONTENT = "SKU_ID,Name\n1,a\n2,b\n"


def test_what_no_worker_has_in_hand_any_more_waits(partner: Partner, done: Callable[..., str]) -> None:
    """A database whose disk is full takes no words about it: its lease has ended."""
    number = partner.queue("product", CONTENT).number
    assert claim(partner.settings, partner.registry, "a-worker") is not None
    assert json.loads(done("status", "--json"))["queue"] == {"waiting": 0, "running": 1, "scheduled": 0}
    assert json.loads(done("imports", "list", "--status", "waiting", "--json")) == []

    received = now() - dt.timedelta(seconds=100)
    ImportRun.update(lease_until=now() - dt.timedelta(seconds=1), received_at=received).execute()

    assert 100 <= json.loads(done("status", "--json"))["oldest_waiting_seconds"] < 200
    run = ImportRun.get_by_id(number)
    assert run.shown == "waiting"
    assert watched(run).endswith(": waiting")
    shown = json.loads(done("imports", "show", str(number), "--json"))
    assert shown["status"] == "waiting"
    assert shown["error"].startswith("it was begun, and no worker has it in hand now: ")
    assert json.loads(done("status", "--json"))["queue"] == {"waiting": 1, "running": 0, "scheduled": 0}
    (listed,) = json.loads(done("imports", "list", "--status", "waiting", "--json"))
    assert listed["number"] == number
    assert json.loads(done("imports", "list", "--status", "running", "--json")) == []


def test_nothing_runs_and_nothing_waits(settings: Settings, done: Callable[..., str]) -> None:
    """Every part is there, so that a program need not ask whether it is."""
    shown = json.loads(done("status", "--json"))

    assert (shown["home"], shown["database"]) == (str(settings.home), settings.database_name)
    assert shown["server"]["running"] is False
    assert (shown["servers"], shown["workers"], shown["last_imports"]) == ([], [], [])
    assert shown["queue"] == {"waiting": 0, "running": 0, "scheduled": 0}
    assert (shown["oldest_waiting_seconds"], shown["mail_waiting"], shown["mail_failed"]) == (0, 0, 0)
    assert set(shown["imports_by_status"].values()) == {0}
    assert shown["disk"]["free_bytes"] > 0
    told = done("status")
    assert "server             not running\n" in told
    assert "oldest waiting     0 s\n" in told
    assert re.search(r"^disk +\d+\.\d GiB free$", told, re.MULTILINE)
    assert "_" not in told[told.index("\nserver ") :]


def test_server_worker_and_queue_are_told(settings: Settings, partner: Partner, done: Callable[..., str]) -> None:
    """The lock of a living process says that it runs, that of a killed node that it does not; who has which import
    stands in the database."""
    for _ in range(2):
        partner.queue("product", CONTENT)
    partner.send("customer", "Company_Name\na\n")
    dead = settings.spool / "servers" / "killed.lock"
    card, owner = server_card(settings, "127.0.0.1", 2121), Owner(settings)
    second = server_card(settings, "127.0.0.1", 2122)
    dead.write_text(card.path.read_text().replace("2121", "2123"))
    run = claim(settings, partner.registry, owner.name)
    assert run is not None
    shown = json.loads(done("status", "--json"))
    text = done("status")
    for each in (card, second, owner):
        each.close()

    assert shown["server"]["running"]
    assert shown["server"]["address"] in ("127.0.0.1:2121", "127.0.0.1:2122")
    assert {(each["address"], each["alive"]) for each in shown["servers"]} == {
        ("127.0.0.1:2121", True), ("127.0.0.1:2122", True), ("127.0.0.1:2123", False)}  # fmt: skip
    assert set(shown["servers"][0]) == {"pid", "host", "address", "since", "alive"}
    (worker,) = shown["workers"]
    assert (worker["owner"], worker["alive"], worker["import"]) == (owner.name, True, run.number)
    assert worker["pid"] == shown["server"]["pid"] == os.getpid()
    assert shown["queue"] == {"waiting": 1, "running": 1, "scheduled": 0}
    assert shown["imports_by_status"]["completed"] == 1
    assert [each["file"] for each in shown["last_imports"]] == ["CUSTOMER_18_09_2024.csv"]
    assert text.partition("\nServers\n")[2].count("127.0.0.1:212") == 3
    after = json.loads(done("status", "--json"))
    assert (after["server"]["running"], [each["alive"] for each in after["servers"]]) == (False, [False])


def test_a_card_that_can_not_be_read_is_no_server_that_is_known(settings: Settings, done: Callable[..., str]) -> None:
    """It stands last, of a moment that nobody knows, and a server beside it is told as before."""
    (settings.spool / "servers" / "another.lock").mkdir(parents=True)
    (odd,) = json.loads(done("status", "--json"))["servers"]
    assert (odd["pid"], odd["since"], odd["alive"]) == (None, None, True)
    assert not json.loads(done("status", "--json"))["server"]["running"]

    card = server_card(settings, "127.0.0.1", 2121)
    shown = json.loads(done("status", "--json"))
    card.close()
    assert (shown["server"]["running"], shown["server"]["address"]) == (True, "127.0.0.1:2121")
    assert [each["address"] for each in shown["servers"]] == ["127.0.0.1:2121", None]


def test_watch_tells_each_change_and_ends_with_ctrl_c(settings: Settings, partner: Partner) -> None:
    """Waiting, so many rows of so many, how it ended; exit status 0."""
    number = partner.queue("product", CONTENT).number
    # A shell that runs the tests in its background has Ctrl-C ignored, which children inherit.
    heeding = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    watching = subprocess.Popen([sys.executable, "-m", "commands", "imports", "watch", "--account", "acme"], cwd=ROOT,
                                env={**os.environ, **environment(settings), "PYTHONUNBUFFERED": "1"},
                                stdout=subprocess.PIPE, text=True, preexec_fn=heeding)  # fmt: skip
    assert watching.stdout is not None
    lines = [watching.stdout.readline()]
    mine = ImportRun.number == number
    lease = now() + dt.timedelta(seconds=100)
    ImportRun.update(status="running", position=1, total=2, lease_until=lease).where(mine).execute()
    lines.append(watching.stdout.readline())
    ImportRun.update(status="completed", rows=2, rejected=0).where(mine).execute()
    lines.append(watching.stdout.readline())
    time.sleep(0.1)
    watching.send_signal(signal.SIGINT)

    assert watching.wait(60) == 0
    watching.stdout.close()
    name = f"{number} acme PRODUCT_18_09_2024.csv"
    assert lines == [f"{name}: waiting\n", f"{name}: running, 1 of 2 rows\n",
                     f"{name}: completed, 2 rows, 0 rejected\n"]  # fmt: skip


def test_cards_of_dead_servers_go_when_one_starts(make_settings: Callable[..., Settings]) -> None:
    """Each kill would leave one for ever; those of others that live on the same home stay."""
    settings = make_settings("sqlite")
    folder = settings.spool / "servers"
    other = server_card(settings, "127.0.0.1", 2121)
    (folder / "killed.lock").write_text("{}")

    card = server_card(settings, "127.0.0.1", 2122)

    assert set(folder.iterdir()) == {other.path, card.path}
    assert {each["address"] for each in read_cards(folder)} == {"127.0.0.1:2121", "127.0.0.1:2122"}
    for each in (other, card):
        each.close()


def test_a_card_is_locked_before_it_is_seen(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another server, or worker, that starts at this moment would take it for a dead one's, and remove it."""
    settings = make_settings("sqlite")
    seen: list[Path] = []
    lock = fcntl.flock

    def late(handle: int, how: int) -> None:
        seen.extend(settings.spool.glob("*/*.lock"))
        lock(handle, how)

    monkeypatch.setattr("jobs.cards.fcntl.flock", late)
    server_card(settings, "127.0.0.1", 2121).close()
    Owner(settings).close()

    assert seen == []


def test_imports_are_listed_page_by_page(
    partner: Partner, done: Callable[..., str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There may be more than fit into memory; with --limit the newest, oldest first as well."""
    monkeypatch.setattr(sys.modules["commands.imports"], "PAGE", 2)
    numbers = [partner.queue("product", CONTENT).number for _ in range(5)]

    def listed(*options: str) -> list[int]:
        return [each["number"] for each in json.loads(done("imports", "list", "--json", *options))]

    with caplog.at_level(logging.DEBUG, "peewee"):
        assert listed() == listed("--account", "acme", "--status", "waiting") == numbers
        asked = [record.getMessage() for record in caplog.records]
        assert sum('"upload"' in each and "LIMIT" in each for each in asked) == 8
        assert listed("--limit", "3") == numbers[2:]
