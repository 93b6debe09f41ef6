"""The part of a server that has full exports written, by processes of their own, and what becomes of those."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playhouse.migrations import Runner

import models
from exports.full import PAUSES, FullExports, _next
from exports.full_file import clear_staging
from jobs.mail_render import render
from models import Account, Export, Mail, Order, Outbox, now
from models.migrate import MIGRATIONS, pending
from settings import Settings
from tests.exports.wanting import ask, export, outbox, staged
from tests.partner import Partner

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The variables by which a writer finds the database of `settings`; a folder for its plugins."""
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    monkeypatch.setenv("FTPDOCK_DATABASE", settings.database_url)
    monkeypatch.setenv("PYTHONPATH", str(plugins))
    return plugins


@contextlib.contextmanager
def running(settings: Settings, partner: Partner) -> Iterator[list[tuple[str, str]]]:
    """The part on its thread; what it told the mirror. Ends when the outbox is empty."""
    told: list[tuple[str, str]] = []
    part = FullExports(settings, partner.registry.folders, lambda account, path: told.append((account, path)))
    stopping = threading.Event()

    def run() -> None:
        part.run(stopping)
        models.database.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield told
    finally:
        stopping.set()
        thread.join(30)
    assert not thread.is_alive()


def wait_for(check: Callable[[], object], patience: float = 60) -> None:
    deadline = time.monotonic() + patience
    while not check():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_what_was_asked_for_twice_is_written_once(settings: Settings, partner: Partner, environment: Path) -> None:
    """By another process; the mirror is told, and the outbox is empty. What others asked for is not touched."""
    partner.send("product", "SKU_ID,Name\n001,Cup\n")
    first, _ = ask(partner), ask(partner)
    order = Outbox.create(account=partner.account, kind="order", system_id="x", entity="order")

    with running(settings, partner) as told:
        wait_for(lambda: not outbox())
        wait_for(lambda: told)

    row = Export.get()
    assert told == [("acme", row.path)]
    assert (row.revision, row.state, row.created_at) == (1, "waiting", first.created_at)
    assert "001,," in (settings.exports / "acme" / row.path).read_text()
    assert [each.number for each in Outbox.select()] == [order.number]


def test_a_writer_takes_no_modules_from_the_folder_in_which_the_server_was_started(
    make_settings: Callable[..., Settings],
    make_partner: Callable[..., Partner],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Django project has `accounts` and `settings`, too, and not everybody who may write there may be the server."""
    partner = make_partner(settings := make_settings("sqlite"))
    monkeypatch.setenv("FTPDOCK_DATABASE", settings.database_url)
    (tmp_path / "project" / "accounts").mkdir(parents=True)
    (tmp_path / "project" / "accounts" / "__init__.py").touch()
    (tmp_path / "project" / "settings.py").touch()
    monkeypatch.chdir(tmp_path / "project")
    ask(partner)

    with running(settings, partner):
        wait_for(lambda: not [each for each in outbox() if not each.error])

    assert [each.error for each in outbox()] == []


def test_a_writer_that_is_killed_is_started_again(
    settings: Settings, partner: Partner, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a pause that the outbox shows, with the reason."""
    (environment / "deadly.py").write_text(
        "import os, pathlib, signal\n"
        f"mark = pathlib.Path({str(environment / 'died')!r})\n"
        "if not mark.exists():\n"
        "    mark.touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    monkeypatch.setenv("FTPDOCK_PLUGINS", "deadly")
    wanted = ask(partner)

    with running(settings, partner):
        before = now()
        wait_for(lambda: any(each.attempts for each in outbox()))
        (waiting,) = outbox()
        assert waiting.error == "the process that wrote it was ended by SIGKILL"
        assert before < waiting.due_at <= now() + dt.timedelta(seconds=PAUSES[0])
        Outbox.update(due_at=None).where(Outbox.number == wanted.number).execute()
        wait_for(lambda: not outbox())

    assert Export.get().revision == 1


def test_a_clock_that_was_ahead_holds_nothing_up(make_settings: Callable[..., Settings]) -> None:
    """No pause is so long as what it has written."""
    make_settings("sqlite")
    moment = now()
    wanted = Outbox.create(account=Account.create(name="acme"), kind="full", entity="product",
                           due_at=moment + dt.timedelta(seconds=PAUSES[-1]))  # fmt: skip
    assert _next(moment) is None
    Outbox.update(due_at=moment + dt.timedelta(days=365)).execute()
    assert _next(moment) == wanted


def test_the_servers_log_has_what_a_writer_complains_of(
    settings: Settings, partner: Partner, environment: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody sees the standard error of a process that the server started."""
    globex = partner.neighbour("globex")
    globex.send("customer", "Reference_ID,Company_Name\nG1,Globex\n")
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
    partner.send("product", "SKU_ID,Name\n001,Cup\n")
    partner.send("order", "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\nPO1,K1,2026-11-23,001,1\n")
    Order.update(customer=globex.ids("customer", "Reference_ID")["G1"]).execute()
    system_id = Order.get().system_id
    ask(partner, "order")

    with running(settings, partner) as told:
        wait_for(lambda: told)

    assert [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING] == [
        f"order of acme: order {system_id} is not written as it is stored: its customer is not there, or of another "
        "account; correct it"
    ]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_writer_of_a_newer_version_leaves_the_database_alone(
    settings: Settings, partner: Partner, environment: Path
) -> None:
    """It was installed beneath the running server, which is told why nothing is written."""
    Runner(models.database.obj, str(MIGRATIONS)).down()
    ask(partner)

    with running(settings, partner):
        wait_for(lambda: outbox()[0].attempts)

    assert "newer than what started it" in outbox()[0].error
    assert len(pending(models.database.obj)) == 1


def test_what_can_not_be_written_is_given_up_in_the_end(
    settings: Settings, partner: Partner, environment: Path
) -> None:
    """It is `failed`, and says why; the outbox is empty, and the admin is told."""
    blocked = settings.exports / "acme"
    blocked.write_text("a file where the folder should be")
    ask(partner, attempts=len(PAUSES))

    with running(settings, partner) as told:
        wait_for(lambda: not outbox())

    row = Export.get()
    assert (row.kind, row.state, told) == ("full", "failed", [])
    mail = render(settings, Mail.get(), partner.registry.folders)
    assert str(mail["Subject"]) == "[ftpdock] The export of product of acme failed"
    assert row.error.startswith("The file could not be written in 7 attempts: ")
    assert str(blocked) in row.error


def test_the_last_attempt_but_one_is_not_the_last(partner: Partner) -> None:
    """After each pause there is an attempt, after the longest, too."""
    wanted = ask(partner, attempts=len(PAUSES) - 1)
    part = FullExports(partner.settings, partner.registry.folders, lambda account, path: None)

    part._failed(wanted, "no room")

    (waiting,) = outbox()
    assert (waiting.attempts, waiting.error) == (len(PAUSES), "no room")
    assert (waiting.due_at - now()).total_seconds() == pytest.approx(PAUSES[-1], abs=60)
    assert (Export.select().count(), Mail.select().count()) == (0, 0)
    part._failed(wanted, "no room")
    assert (outbox(), Export.get().state, Mail.select().count()) == ([], "failed", 1)


def test_what_lies_in_place_stays_ready_when_a_newer_one_fails(
    settings: Settings, partner: Partner, environment: Path
) -> None:
    """The partner can still fetch it, so its state is as before; the error stands beside it."""
    export(partner)
    Export.update(state="ready", ready_at=now()).execute()
    (settings.exports / ".staging" / "full").rmdir()
    (settings.exports / ".staging" / "full").write_text("a file where the folder should be")
    ask(partner, attempts=len(PAUSES))

    with running(settings, partner):
        wait_for(lambda: not outbox())

    row = Export.get()
    assert (row.state, row.revision, bool(row.error)) == ("ready", 1, True)


@contextlib.contextmanager
def held_up_writer(settings: Settings, plugins: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A writer that waits for ever in the middle of its rows: a plugin sees to it."""
    (plugins / "slow.py").write_text(
        "import threading\n"
        "from handlers.products import ProductHandler\n"
        "ProductHandler.export = lambda self, account: iter(threading.Event().wait, True)\n"
    )
    command = [sys.executable, "-m", "commands", "export", "product", "--account", "acme", "--leashed"]
    environ = {**os.environ, "FTPDOCK_HOME": str(settings.home), "FTPDOCK_PLUGINS": "slow"}
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=environ)  # fmt: skip
    try:
        wait_for(lambda: any(path.suffix == ".csv" for path in staged(settings)))
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_writer_that_is_killed_in_the_middle_leaves_nothing_half(
    settings: Settings, partner: Partner, environment: Path
) -> None:
    """The file is aside, and swept away; the outbox still wants it."""
    ask(partner)
    with held_up_writer(settings, environment) as process:
        clear_staging(settings)
        assert len(staged(settings)) == 1, "what a living writer has in hand stays"
        process.kill()
        process.wait(10)
    assert Export.select().count() == 0
    clear_staging(settings)
    assert staged(settings) == []
    assert len(outbox()) == 1

    assert export(partner).revision == 1
    assert outbox() == []


def test_a_writer_ends_with_the_server(settings: Settings, partner: Partner, environment: Path) -> None:
    """It sees the end of its standard input, which the kernel closes whatever becomes of the server."""
    ask(partner)
    with held_up_writer(settings, environment) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 1
        process.stdin = None
    assert Export.select().count() == 0
    assert len(outbox()) == 1
