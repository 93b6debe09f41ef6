"""What the mirror puts into a partner's export folder, with its rows in the ledger."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import ssl
import threading
import time
from pathlib import Path
from typing import Any

from exports.swap import replace_folder
from layout import export_root
from models import Account, Export, ExportFile, now
from settings import Settings
from tests.visitor import House

UUID = "0192f0c4-7c1e-7cc3-9e64-5b0a4d3f2a11"
FOLDER = f"Orders/order_{UUID}"
DATA, ITEMS = f"{FOLDER}/order_data_{UUID}.csv", f"{FOLDER}/order_items_{UUID}.csv"
FILE = "Orders/a.csv"
"""One file, which no folder holds back."""
STEP = itertools.count(time.time_ns(), 1_000_000)


def on_loopback(settings: Settings) -> Settings:
    return dataclasses.replace(settings, host="127.0.0.1", port=0)


@dataclasses.dataclass
class Shelf:
    """The export folder of acme in a running house."""

    house: House

    @property
    def root(self) -> Path:
        return export_root(self.house.settings, "acme")

    def order(self, body: str = "one", size: int = 0) -> Export:
        """Place an order's folder, or a newer revision of it, as the mirror does: whole, in one step."""
        row = Export.get_or_none(Export.path == FOLDER)
        if row is None:
            row = Export.create(account=Account.get(), kind="order", entity="order", system_id=UUID, path=FOLDER,
                                state="ready", ready_at=now())  # fmt: skip
        else:
            Export.update(revision=Export.revision + 1, state="ready").where(Export.path == FOLDER).execute()
        staged = self.house.settings.spool / "staged"
        staged.mkdir()
        for path in (DATA, ITEMS):
            self.record(path, self.write(staged / Path(path).name, f"{Path(path).name[:10]} {body}", size), row)
        (self.root / FOLDER).parent.mkdir(parents=True, exist_ok=True)
        if not (self.root / FOLDER).exists():
            staged.rename(self.root / FOLDER)
            return Export.get_by_id(row.number)
        aside = self.house.settings.spool / f"old{row.revision}"
        replace_folder(staged, self.root / FOLDER, aside)
        return Export.get_by_id(row.number)

    def write(self, path: Path, body: str, size: int = 0) -> os.stat_result:
        path.write_text(body.ljust(size, "."))
        moment = next(STEP)
        os.utime(path, ns=(moment, moment))
        return path.stat()

    def record(self, path: str, found: os.stat_result, export: Export | None = None) -> None:
        values = {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "state": "mirrored", "export": export,
                  "collected_at": None, "collected_by": None, "removed_at": None}  # fmt: skip
        if not ExportFile.update(values).where(ExportFile.path == path).execute():
            ExportFile.create(account=Account.get(), path=path, **values)

    def place(self, path: str, body: str = "body", size: int = 0) -> Path:
        """A single file that the ledger knows."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self.record(path, self.write(target, body, size))
        return target

    def file(self, path: str) -> Any:
        return ExportFile.get(ExportFile.path == path)

    def state(self, path: str) -> str:
        return str(self.file(path).state)

    @property
    def export(self) -> Any:
        return Export.get(Export.path == FOLDER)

    def settled(self) -> None:
        """Wait until no session is left and nothing is being done."""
        shared = self.house.door.shared
        self.house.wait(lambda: not shared.sessions and all(pool.idle for pool in shared.pools))


def read_all(connection: ssl.SSLSocket) -> int:
    """Read until close_notify, without answering it."""
    total = 0
    while chunk := connection.recv(65536):
        total += len(chunk)
    return total


def read_what_is_there(connection: ssl.SSLSocket) -> int:
    """Read until nothing comes for a moment."""
    total = 0
    connection.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        while chunk := connection.recv(65536):
            total += len(chunk)
    return total


def hold(held: threading.Event, gate: threading.Event) -> None:
    held.set()
    assert gate.wait(10)
