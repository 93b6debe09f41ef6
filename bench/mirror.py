"""How the mirror bears many exports in one account: first mirror, start, reconcile, listing over FTPS, memory.

python bench/mirror.py [FOLDERS]     (default 100,000)

The folders are put into the export tree as the dispatcher would, with their rows; a real server mirrors them. Prints a
table. `A new order meanwhile` is the longest time that an order took from its rename into the export tree until it was
in the partner's folder, while the mirror looked through everything.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import models  # noqa: E402
from exports.files import digest  # noqa: E402
from models import Account, Export, database  # noqa: E402
from tests.system.server import Server  # noqa: E402

AT_ONCE = 1_000
"""Rows in one transaction."""
LOOKED = re.compile(r"looked through the exports of 1 accounts in ([\d.]+) s; (\d+) differed")


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

    def memory(self) -> Iterator[str]:
        """Resident now and at most, in MB."""
        assert self.server.process is not None
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        for name in ("VmRSS", "VmHWM"):
            found = re.search(rf"{name}:\s+(\d+) kB", status)
            assert found is not None
            yield f"{int(found[1]) / 1024:.0f} MB"

    def list(self, command: str) -> str:
        """Seconds of a listing of the folder; the second of two, after the first has warmed what is cached."""
        taken = []
        for _ in range(2):
            with self.server.login() as client:
                lines: list[str] = []
                begun = time.monotonic()
                client.retrlines(f"{command} /Export/Orders", lines.append)
                taken.append(time.monotonic() - begun)
        return f"{taken[0]:.2f} s, then {taken[1]:.2f} s ({len(lines)} lines)"

    def slowest_meanwhile(self, done: Callable[[], bool]) -> str:
        """Put order after order until `done`; the longest time that one took to appear."""
        slowest, number = 0.0, 0
        while not done() or number == 0:
            target = self.put(number)
            begun = time.monotonic()
            while not target.exists():
                time.sleep(0.001)
            slowest, number = max(slowest, time.monotonic() - begun), number + 1
            time.sleep(0.05)
        return f"{slowest * 1000:.0f} ms (of {number})"


def wait(check: Callable[[], object]) -> float:
    """Wait for something; the seconds it took."""
    begun = time.monotonic()
    while not check():
        time.sleep(0.1)
    return time.monotonic() - begun


def told(name: str, value: str) -> None:
    print(f"{name:42} {value}", flush=True)


def run(bench: Bench) -> None:
    server = bench.server
    told("folders", f"{bench.folders}, two files each")
    bench.fill()
    begun = time.monotonic()
    server.start()
    waiting = Export.select().where(Export.state == "waiting")
    wait(lambda: not waiting.exists())
    taken = time.monotonic() - begun
    told("first mirror", f"{taken:.1f} s ({bench.folders / taken:.0f} a second)")
    told("memory, now and at most", ", ".join(bench.memory()))
    server.stop()

    before = len(bench.looks())
    begun = time.monotonic()
    server.start()
    told("start until ready for clients", f"{time.monotonic() - begun:.1f} s")
    time.sleep(2)  # Until it watches the folder: what comes before is found by the look.
    told("a new order meanwhile", bench.slowest_meanwhile(lambda: len(bench.looks()) > before))
    told("full look at the start", "{:.1f} s, {} differed".format(*bench.looks()[before]))
    before = len(bench.looks())
    wait(lambda: len(bench.looks()) > before + 2)
    told("reconcile, orders have come meanwhile", "{:.1f} s, {} differed".format(*bench.looks()[before]))
    told("reconcile, nothing has changed", "{:.1f} s, {} differed".format(*bench.looks()[before + 2]))
    told("memory, now and at most", ", ".join(bench.memory()))
    for command in ("LIST", "MLSD", "NLST"):
        told(f"{command} over FTPS", bench.list(command))
    server.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run(Bench(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
