"""How the mirror bears many exports in one account: first mirror, start, reconcile, listing over FTPS, memory.

The folders, two files each, are put into the export tree as the dispatcher would, with their rows; a real server
mirrors them. `A new order meanwhile` is the longest time that an order took from its rename into the export tree until
it was in the partner's folder, while the mirror looked through everything.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import models
from bench.figures import Figure
from exports.files import digest
from models import Account, Export, database
from tests.system.server import Server

AT_ONCE = 1_000
"""Rows in one transaction."""
LOOKED = re.compile(r"looked through the exports of 1 account in ([\d.]+) s; (\d+) differed")


class Bench:
    """A home with one account, and the server that runs on it."""

    def __init__(self, home: Path, folders: int) -> None:
        self.server = Server(home, FTPDOCK_RECONCILE_SECONDS="30")
        self.server.add_account()
        models.bind(f"sqlite:///{home / 'ftpdock.db'}").connect()
        self.account, self.folders = Account.get(), folders
        self.source = home / "exports" / "acme" / "Orders"
        self.target = home / "accounts" / "acme" / "Export" / "Orders"

    def make(self, number: int) -> tuple[str, dict[str, object]]:
        """Make the folder of an order aside; its path, and its row."""
        key = str(uuid.uuid4())
        files = {f"order_{part}_{key}.csv": f"{part},{number}\n".encode() * 10 for part in ("data", "items")}
        folder = self.source.parent / ".made" / f"order_{key}"
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        row = {"account": self.account, "kind": "order", "entity": "order", "system_id": key,
               "path": f"Orders/order_{key}", "digest": digest(files)}  # fmt: skip
        return folder.name, row

    def put(self, number: int) -> Path:
        """Export an order as the dispatcher does; where it will appear."""
        name, row = self.make(number)
        Export.create(**row)
        (self.source.parent / ".made" / name).rename(self.source / name)
        return self.target / name

    def fill(self) -> None:
        self.source.mkdir(parents=True)
        for first in range(0, self.folders, AT_ONCE):
            made = [self.make(number) for number in range(first, min(first + AT_ONCE, self.folders))]
            with database.atomic():
                Export.insert_many([row for _, row in made]).execute()
            for name, _ in made:
                (self.source.parent / ".made" / name).rename(self.source / name)
        os.sync()

    def looks(self) -> list[tuple[float, int]]:
        """Seconds and differences of each look that is over."""
        logs = "".join(path.read_text() for path in sorted((self.server.home / "logs").glob("server*")))
        return [(float(seconds), int(differing)) for seconds, differing in LOOKED.findall(logs)]

    def memory(self, when: str) -> Figure:
        """Of the server, without its workers."""
        assert self.server.process is not None
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return Figure(f"memory at most, {when}", int(found[1]) / 1000, "MB")

    def list(self, command: str) -> Figure:
        """A listing of the folder; the second of two, after the first has warmed what is cached."""
        for _ in range(2):
            with self.server.login() as client:
                lines: list[str] = []
                begun = time.monotonic()
                client.retrlines(f"{command} /Export/Orders", lines.append)
                taken = time.monotonic() - begun
        assert len(lines) >= self.folders
        return Figure(f"{command} over FTPS", taken, "s")

    def slowest_meanwhile(self, done: Callable[[], bool]) -> Figure:
        """Put order after order until `done`; the longest time that one took to appear."""
        slowest, number = 0.0, 0
        while not done() or number == 0:
            target = self.put(number)
            begun = time.monotonic()
            while not target.exists():
                time.sleep(0.001)
            slowest, number = max(slowest, time.monotonic() - begun), number + 1
            time.sleep(0.05)
        return Figure(f"a new order meanwhile, longest of {number}", slowest * 1000, "ms")


def wait(check: Callable[[], object]) -> float:
    """Wait for something; the seconds it took."""
    begun = time.monotonic()
    while not check():
        time.sleep(0.1)
    return time.monotonic() - begun


def measure(folders: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="ftpdock-bench-") as folder:
        bench = Bench(Path(folder), folders)
        try:
            return list(_run(bench))
        finally:
            if bench.server.process is not None:
                bench.server.stop()
            database.close()


def _run(bench: Bench) -> Iterator[Figure]:
    bench.fill()
    yield from _first(bench)
    bench.server.stop()
    yield from _again(bench)


def _first(bench: Bench) -> Iterator[Figure]:
    begun = time.monotonic()
    bench.server.start()
    waiting = Export.select().where(Export.state == "waiting")
    wait(lambda: not waiting.exists())
    yield Figure("first mirror", bench.folders / (time.monotonic() - begun), "folders/s")
    yield bench.memory("first mirror")


def _again(bench: Bench) -> Iterator[Figure]:
    before = len(bench.looks())
    begun = time.monotonic()
    bench.server.start()
    yield Figure("start until ready for clients", time.monotonic() - begun, "s")
    time.sleep(2)  # Until it watches the folder: what comes before is found by the look.
    yield bench.slowest_meanwhile(lambda: len(bench.looks()) > before)
    yield Figure("full look at the start", bench.looks()[before][0], "s")
    before = len(bench.looks())
    wait(lambda: len(bench.looks()) > before + 2)
    yield Figure("reconcile after orders have come", bench.looks()[before][0], "s")
    yield Figure("reconcile when nothing has changed", bench.looks()[before + 2][0], "s")
    yield bench.memory("started on all of them")
    yield from (bench.list(command) for command in ("LIST", "MLSD", "NLST"))
