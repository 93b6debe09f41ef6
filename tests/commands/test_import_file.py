"""`ftpdock import`, where it is not the file that goes wrong."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import layout
import models
from commands.context import Context
from commands.import_file import MESSAGES_SHOWN, _tell
from events import ImportFinished
from handlers.run import ImportJob
from jobs.queue import claim
from models import ImportRun, Upload
from settings import Settings
from tests.commands.conftest import ROOT, environment
from tests.partner import Partner

Run = Callable[..., Any]

PRODUCT = "SKU_ID,Name\n1,a\n"


heed_ctrl_c = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
"""A shell that runs the tests in its background has Ctrl-C ignored, which children inherit."""


@pytest.fixture
def waiting(partner: Partner, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`ftpdock import` that waits for an earlier file of the account, and the number of its own import."""
    partner.queue("product", PRODUCT)
    file = tmp_path / "PRODUCT_19_09_2024.csv"
    file.write_text(PRODUCT)
    command = [sys.executable, "-m", "commands", "import", str(file), "--account", partner.account.name]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment(partner.settings)}, text=True,
                          stderr=subprocess.PIPE, preexec_fn=heed_ctrl_c) as program:  # fmt: skip
        try:
            assert program.stderr is not None
            # Another process would have to import them, and there is none.
            assert "waits for earlier files of the account, which nobody imports: no `" in program.stderr.readline()
            yield program, ImportRun.select().order_by(ImportRun.number.desc()).first().number
        finally:
            program.kill()


def finish(run: ImportRun | None) -> None:
    assert run is not None
    ImportRun.update(status="completed", lease_owner=None).where(ImportRun.number == run.number).execute()


def test_it_waits_for_what_came_earlier_and_a_worker_does_that(
    partner: Partner, waiting: tuple[subprocess.Popen[str], int]
) -> None:
    """Neither holds up the other."""
    program, number = waiting

    finish(claim(partner.settings, partner.registry, "worker"))

    assert program.wait(30) == 0
    assert ImportRun.get_by_id(number).status == "completed"


def test_it_ends_when_its_import_is_removed(waiting: tuple[subprocess.Popen[str], int]) -> None:
    """As with its account, in another terminal."""
    program, number = waiting

    ImportRun.delete_by_id(number)

    assert program.wait(30) == 1
    assert program.stderr is not None
    assert f"Import {number} was removed meanwhile" in program.stderr.read()


def test_it_ends_when_a_worker_took_its_import(waiting: tuple[subprocess.Popen[str], int]) -> None:
    """After it stood still (Ctrl-Z) for longer than its lease lasts."""
    program, number = waiting

    ImportRun.update(status="running", lease_owner="worker").where(ImportRun.number == number).execute()

    assert program.wait(30) == 1
    assert program.stderr is not None
    told = program.stderr.read()
    assert f"Import {number} was taken by a worker: `ftpdock imports show {number}` tells of it" in told


def left(partner: Partner, number: int) -> tuple[bool, bool, bool]:
    """Whether there are still the run, the upload and the spool folder of that number."""
    run, upload = ImportRun.get_or_none(ImportRun.number == number), Upload.get_or_none(Upload.id == number)
    return run is not None, upload is not None, layout.spool_folder(partner.settings, number).exists()


def test_ctrl_c_before_it_has_begun_leaves_nothing(
    partner: Partner, waiting: tuple[subprocess.Popen[str], int]
) -> None:
    """What was aborted no worker imports behind the admin's back."""
    program, number = waiting
    assert left(partner, number) == (True, True, True)

    program.send_signal(signal.SIGINT)

    assert program.wait(30) == 1
    assert program.stderr is not None
    told = program.stderr.read()
    assert ("Aborted!" in told, "goes on" in told) == (True, False)
    assert left(partner, number) == (False, False, False)


SLOW = """
import sys, time
from hookspecs import hookimpl

@hookimpl
def on_rows(rows):
    if rows[0].values["sku_id"] == "3":
        print("the second chunk", file=sys.stderr, flush=True)
        time.sleep(60)
"""


@contextlib.contextmanager
def held_up(partner: Partner, folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`ftpdock import` of four products, the first two of which are in."""
    (folder / "slow.py").write_text(SLOW)
    file = folder / "PRODUCT_19_09_2024.csv"
    file.write_text("SKU_ID,Name\n1,a\n2,b\n3,c\n4,d\n")
    environ = {**os.environ, **environment(partner.settings), "FTPDOCK_PLUGINS": "slow", "FTPDOCK_CHUNK_ROWS": "2",
               "PYTHONPATH": str(folder)}  # fmt: skip
    command = [sys.executable, "-m", "commands", "import", str(file), "--account", partner.account.name, *options]
    with subprocess.Popen(command, cwd=ROOT, env=environ, text=True, stderr=subprocess.PIPE,
                          preexec_fn=heed_ctrl_c) as program:  # fmt: skip
        assert program.stderr is not None
        assert program.stderr.readline() == "the second chunk\n"
        yield program
        program.kill()


def test_ctrl_c_in_its_midst_leaves_the_rest_to_a_worker(partner: Partner, tmp_path: Path) -> None:
    """At once, not when a lease has ended; it says so, and each row is in once."""
    with held_up(partner, tmp_path) as program:
        program.send_signal(signal.SIGINT)
        assert program.wait(30) == 1
        assert program.stderr is not None
        told = program.stderr.read()

    number = ImportRun.get().number
    assert f"Import {number} goes on by the next worker: `ftpdock imports show {number}` tells of it" in told
    claimed = claim(partner.settings, partner.registry, "worker")
    assert claimed is not None
    assert (claimed.number, claimed.position) == (number, 2)
    event = ImportJob(partner.settings, partner.registry.handler("product"), partner.hooks, claimed, "worker").execute()
    assert (event.status, event.created, partner.column("product", "SKU_ID")) == ("completed", 4, ["1", "2", "3", "4"])


def test_ctrl_c_in_a_dry_run_leaves_nothing(partner: Partner, tmp_path: Path) -> None:
    """Nobody is there any more to whom a worker could tell what would happen."""
    with held_up(partner, tmp_path, "--dry-run") as program:
        number = ImportRun.get().number
        program.send_signal(signal.SIGINT)
        assert program.wait(30) == 1
        assert program.stderr is not None
        assert "goes on" not in program.stderr.read()

    assert left(partner, number) == (False, False, False)


def test_its_lease_begins_when_the_file_is_copied(
    partner: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long that takes: else a worker could have it first."""
    copy = shutil.copyfile

    def slowly(source: Path, target: Path) -> None:
        copy(source, target)
        time.sleep(0.3)

    monkeypatch.setattr(shutil, "copyfile", slowly)
    begun = models.now()
    run = partner.queue("product", PRODUCT, owner="command")

    held = (run.lease_until - begun).total_seconds() - partner.settings.lease_seconds
    assert held >= 0.3


def test_an_entity_that_the_account_has_not_is_refused(
    run: Run, done: Callable[..., str], settings: Settings, tmp_path: Path
) -> None:
    """By whatever it is named; no folder is made that the partner could never see."""
    done("account", "add", "acme", "--entities", "product", "--password-stdin", input="secret\n")
    file = tmp_path / "CUSTOMER_19_09_2024.csv"
    file.write_text("Company_Name\nDelta\n")

    for options in ((), ("--entity", "customer"), ("--dry-run",)):
        result = run("import", str(file), "--account", "acme", *options)
        assert (result.exit_code, result.stderr) == (1, "Error: The account 'acme' has no customer: it has product\n")

    models.database.connect(reuse_if_open=True)
    assert Upload.select().count() == 0
    assert not (layout.account_root(settings, "acme") / "Customers").exists()


def test_a_name_that_no_import_has_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    """Before anything is looked up: what is in it has to be said."""
    (tmp_path / "foo.csv").write_text(PRODUCT)

    result = run("import", str(tmp_path / "foo.csv"), "--account", "acme")

    assert (result.exit_code, "say what is in the file by --entity" in result.stderr) == (2, True)


@pytest.mark.parametrize("name", ["x" * 117 + ".csv", "ß" * 60 + ".csv"])
def test_a_name_that_leaves_no_room_for_its_reports_is_refused(
    run: Run, done: Callable[..., str], tmp_path: Path, name: str
) -> None:
    """By its bytes, which are what file systems count; nothing is queued."""
    done("account", "add", "acme", "--password-stdin", input="secret\n")
    file = tmp_path / name
    file.write_text(PRODUCT)

    result = run("import", str(file), "--account", "acme", "--entity", "product")

    assert result.exit_code == 2
    assert f"The file's name has {len(name.encode())} bytes: at most 120 are possible" in result.stderr
    models.database.connect(reuse_if_open=True)
    assert Upload.select().count() == 0


def test_the_object_stands_in_the_documentation(partner: Partner, done: Callable[..., str], tmp_path: Path) -> None:
    """Each of its keys, and those of a message."""
    file = tmp_path / "PRODUCT_18_09_2024.csv"
    file.write_text("SKU_ID,Name,MOQ\n1,a,six\n")
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    sections = {part.partition(" ")[0]: part for part in page.split("### `ftpdock ")}

    made = json.loads(done("import", str(file), "--account", "acme", "--json"))
    assert "completed with errors. 1 row: 0 would" in done("import", str(file), "--account", "acme", "--dry-run")

    assert [key for key in made if f"`{key}`" not in sections["import"]] == []
    assert [key for key in made["messages"][0] if f"`{key}`" not in page] == []


def test_the_first_messages_are_told_and_the_others_counted(
    partner: Partner, done: Callable[..., str], tmp_path: Path
) -> None:
    """The whole report lies where the last line says."""
    file = tmp_path / "PRODUCT_18_09_2024.csv"
    file.write_text("SKU_ID,Name,MOQ\n" + "".join(f"{number},a,six\n" for number in range(MESSAGES_SHOWN + 5)))

    *messages, last = done("import", str(file), "--account", "acme").splitlines()[2:]

    assert [line.split()[0] for line in messages] == [str(line) for line in range(2, MESSAGES_SHOWN + 2)]
    assert last.startswith("... and 5 more in ")
    assert last.endswith("PRODUCT_18_09_2024.000001.report.csv")


def test_a_long_report_takes_no_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is read row by row, though 20 rows are told."""
    report = tmp_path / "report.csv"
    rows = "".join(f"{line},MOQ,six,INVALID_VALUE,{'x' * 100}\r\n" for line in range(20_000))
    report.write_text(f"Line,Column,Value,Code,Message\r\n{rows}")
    event = ImportFinished(1, "acme", "product", "PRODUCT_18_09_2024.csv", False, "completed_with_errors", None,
                           20_000, 0, 0, 0, 20_000, 0, models.now(), report)  # fmt: skip
    tracemalloc.start()
    try:
        _tell(Context(), event, False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000
    assert capsys.readouterr().out.endswith(f"... and 19980 more in {report}\n")
