"""Workers that stand still, that die of a file, and that lose the database: real processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BACKENDS
from tests.system.server import ROOT, Server, wait_for

ROWS = 20_000
POISON = """
import os, signal
from hookspecs import hookimpl

@hookimpl
def on_rows(entity, account, rows):
    for row in rows:
        if row.cells[0] == "CRASH":
            os._exit(7)
        if row.cells[0] == "KILL":
            os.kill(os.getpid(), signal.SIGKILL)
"""


@contextlib.contextmanager
def worker(server: Server) -> Iterator[subprocess.Popen[bytes]]:
    """`ftpdock worker` on the home of a server."""
    process = subprocess.Popen([sys.executable, "-m", "commands", "worker"], env=server.environment,
                               stderr=subprocess.DEVNULL, cwd=ROOT)  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(30) == 0


def pids(server: Server) -> list[int]:
    """Of the workers, as their cards say."""
    cards = (server.home / "spool" / "workers").glob("*.lock")
    found = []
    for card in cards:
        with contextlib.suppress(FileNotFoundError):  # of a worker that has just ended
            found.append(card.read_text())
    return [json.loads(text)["pid"] for text in found if text]


def may_write(server: Server) -> bool:
    """Whether the database's writers' lock is free. On Postgres there is none."""
    url = server.environment["FTPDOCK_DATABASE"]
    if not url.startswith("sqlite"):
        return True
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0.1)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
    return True


def stands(pid: int) -> bool:
    """Whether all threads have stopped: one takes the signal, and until it has a processor the others go on."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return all((task / "stat").read_text().rpartition(")")[2].split()[0] == "T" for task in tasks)


def stop(server: Server, pid: int) -> None:
    """SIGSTOP, on SQLite outside of a transaction: who stops inside has the whole database, and nobody takes over."""
    for _ in range(200):
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: stands(pid))
        if may_write(server):
            return
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.013)
    raise AssertionError("always in a transaction")


def log(server: Server) -> str:
    return (server.home / "logs" / "worker.log").read_text()


def has_noticed(server: Server, number: int, backend: str) -> bool:
    """Whether the former owner says that the import is no longer its own.

    Postgres ends the transaction of a worker that stands still inside of one: then its connection is gone first.
    """
    said = log(server)
    lost = any(f"psycopg.{error}" in said for error in ("OperationalError", "errors.IdleInTransactionSessionTimeout"))
    cut = backend == "postgres" and f"import {number} failed" in said and lost
    return cut or f"import {number} was taken over by another worker" in said


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_worker_that_stands_still_past_its_lease(make_server: Callable[..., Server], backend: str) -> None:
    """Another takes its import over and ends it; once it goes on it changes nothing, and then works on as before."""
    server = make_server(backend, FTPDOCK_LEASE_SECONDS="2", FTPDOCK_CHUNK_ROWS="200")
    server.add_account()
    server.start()
    (pid,) = wait_for(lambda: pids(server))
    rows = "".join(f"S{number:05},Cup,{'six' if number % 50 == 7 else '6'}\n" for number in range(ROWS))
    number = server.upload("/Products/PRODUCT_18_09_2024.csv", "SKU_ID,Name,MOQ\n" + rows)
    spool = server.home / "spool" / f"{number:06}"
    wait_for(lambda: (spool / "1" / "ids.csv").exists() and (spool / "1" / "ids.csv").stat().st_size > 20_000)
    stop(server, pid)
    # By itself, not by `imports show`, which says "waiting" once the lease is over.
    assert server.ask(f"SELECT status FROM import_run WHERE number = {number}") == [("running",)]
    with worker(server):
        shown = server.finished(number)
        os.kill(pid, signal.SIGCONT)
        wait_for(lambda: has_noticed(server, number, backend))
        again = server.finished(server.upload("/Products/PRODUCT_18_09_2024_b.csv", "SKU_ID,Name\nS00000,Mug\n"))

    assert (shown["status"], shown["rows"]) == ("completed_with_errors", ROWS)
    assert (shown["created"], shown["rejected"], shown["updated"]) == (ROWS * 49 // 50, ROWS // 50, 0)
    assert server.show(number) == shown
    reports = server.home / "accounts" / "acme" / "Products" / "reports"
    ids = (reports / f"PRODUCT_18_09_2024.{number:06}.ids.csv").read_text().splitlines()
    assert [line[:6] for line in ids[1:]] == [f"S{each:05}" for each in range(ROWS) if each % 50 != 7]
    assert again["updated"] == 1
    assert not spool.exists()


@pytest.fixture
def poisoned(make_server: Callable[..., Server], tmp_path: Path) -> Server:
    """A server with a plugin that dies of certain rows."""
    (tmp_path / "poison_plugin.py").write_text(POISON)
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    server = make_server(PYTHONPATH=path, FTPDOCK_PLUGINS="poison_plugin", FTPDOCK_CHUNK_ROWS="2")
    server.add_account()
    server.start()
    return server


@pytest.mark.parametrize(("how", "deaths"), [("CRASH", 2), ("KILL", 4)])
def test_a_file_that_kills_the_worker_is_set_aside(poisoned: Server, how: str, deaths: int) -> None:
    """After so many deaths it has failed with a code of its own, and the file behind it is imported."""
    number = poisoned.upload("/Products/PRODUCT_18_09_2024.csv", f"SKU_ID,Name,MOQ\n1,a,\n2,b,six\n{how},c,\n")
    after = poisoned.upload("/Products/PRODUCT_18_09_2024.csv", "SKU_ID,Name\n1,Cup\n")

    shown = poisoned.finished(number)

    assert (shown["status"], shown["code"]) == ("failed", "KILLED_WORKER")
    assert (poisoned.home / "logs" / "server.log").read_text().count("ended with status") == deaths
    assert poisoned.finished(after)["status"] == "completed"
    tell_the_same(poisoned, number, shown)


def tell_the_same(server: Server, number: int, shown: dict[str, Any]) -> None:
    """Of three rows one is in, one was rejected, one killed the worker: so say all who are asked, and the mail."""
    reason = (f"ftpdock's worker died several times while it imported the file; 1 of 3 rows are in, 1 rejected; "
              f"the file is kept, and import {number} can be retried")  # fmt: skip
    assert shown["error"] == shown["messages"][0]["message"] == reason
    assert [each["code"] for each in shown["messages"]] == ["KILLED_WORKER", "INVALID_VALUE"]
    listed = next(each for each in server.json("imports", "list") if each["number"] == number)
    for told in (shown, listed):
        assert (told["rows"], told["created"], told["rejected"]) == (2, 1, 1)
    with server.login() as client:
        status = client.sendcmd(f"SITE STATUS {number}")
        ids: list[str] = []
        client.retrlines(f"RETR /Products/reports/PRODUCT_18_09_2024.{number:06}.ids.csv", ids.append)
    assert "failed rows=2 created=1 updated=0 unchanged=0 rejected=1 warnings=0 code=KILLED_WORKER" in status
    assert [(line[:2], line.rpartition(",")[2]) for line in ids[1:]] == [("1,", "created")]
    subject = "[ftpdock] PRODUCT_18_09_2024.csv: failed (KILLED_WORKER), 1 row is in"
    wait_for(lambda: [path for path in (server.home / "mail").glob("*.eml") if subject in path.read_text()])


def test_a_lone_worker_is_minded_as_well(poisoned: Server) -> None:
    """`ftpdock worker` without a server sets a poisonous file aside in the same way."""
    poisoned.stop()
    path = poisoned.home.parent / "PRODUCT_18_09_2024.csv"
    path.write_text("SKU_ID,Name\nCRASH,c\n")
    importing = subprocess.Popen(
        [sys.executable, "-m", "commands", "import", str(path), "--account", "acme"],
        env={**poisoned.environment, "FTPDOCK_PLUGINS": "poison_plugin"}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)  # fmt: skip
    assert importing.wait(60) == 7
    with worker(poisoned):
        (listed,) = wait_for(lambda: _failed(poisoned), 90)

    assert listed["code"] == "KILLED_WORKER"


def _failed(server: Server) -> Any:
    return server.json("imports", "list", "--status", "failed")


def test_a_worker_stops_between_two_chunks(make_server: Callable[..., Server]) -> None:
    """SIGTERM does not wait for the end of a long file; what follows goes on where it stopped."""
    server = make_server(FTPDOCK_CHUNK_ROWS="100")
    server.add_account()
    server.start()
    rows = "".join(f"S{number:05},Cup\n" for number in range(ROWS))
    number = server.upload("/Products/PRODUCT_18_09_2024.csv", "SKU_ID,Name\n" + rows)
    wait_for(lambda: (server.home / "spool" / f"{number:06}" / "1").exists())
    began = time.monotonic()

    assert server.stop() == 0

    assert time.monotonic() - began < 8
    assert server.show(number)["status"] == "waiting"
    with worker(server):
        shown = server.finished(number)
    assert (shown["created"], shown["rejected"]) == (ROWS, 0)
