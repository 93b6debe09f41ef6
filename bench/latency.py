"""From the last byte of an upload by FTPS to the closed import and its queued mail, with a real `ftpdock serve`.

The clock starts when the client has closed its data connection; it stops when the mail is seen in the database, which
is committed together with the end of the import. One session, one upload after the other, no schedule. Half of the rows
of a file are new, half change what is stored.
"""

from __future__ import annotations

import csv
import datetime as dt
import ftplib
import io
import re
import sqlite3
import ssl
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median

from bench.figures import Figure, waits
from bench.partner_files import UNRELATED, numbered_products, unrelated
from tests.system.server import Server

P50, P99 = 150.0, 500.0
"""Milliseconds that are promised."""
POLL, PAUSE = 0.002, 0.1
"""Seconds between two looks for the mail, and from one upload to the next: the server is at rest by then."""
MOMENTS = """SELECT received_at, started_at, finished_at, mail.number IS NOT NULL
FROM import_run LEFT JOIN mail ON mail.run_id = import_run.number WHERE import_run.number = ?"""


@dataclass(frozen=True, slots=True)
class Moments:
    """Seconds from the last byte."""

    receipt: float
    reply: float
    claim: float
    close: float
    seen: float


TOLD = {
    "receipt": "the receipt is made (whole, hashed, synced)",
    "reply": "the client has its 226",
    "claim": "a worker takes the import",
    "close": "the import is closed, before its last commit",
}


def measure(uploads: int, rows: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="ftpdock-bench-") as folder:
        server = Server(Path(folder) / "home")
        server.environment["FTPDOCK_DATABASE"] = f"sqlite:///{server.home}/ftpdock.db"
        server.add_account()
        server.start()
        try:
            found = list(_uploads(server, uploads, rows))
        finally:
            server.stop()
    return _told(found, rows)


def _told(found: list[Moments], rows: int) -> list[Figure]:
    figures = waits(f"{rows:,} rows, last byte to queued mail", [each.seen for each in found], P50, P99)
    for field in fields(Moments)[:-1]:
        middle = median(getattr(each, field.name) for each in found)
        figures.append(Figure(f"of which until {TOLD[field.name]}, median", middle * 1000, "ms"))
    return figures


def _uploads(server: Server, uploads: int, rows: int) -> Iterator[Moments]:
    database = sqlite3.connect(server.home / "ftpdock.db")
    with server.login() as client:
        for number in range(uploads):
            content = _content(number * rows // 2, rows, number)
            yield _upload(client, database, f"/Products/PRODUCT_18_09_2024_{number}.csv", content)
            time.sleep(PAUSE)
    database.close()


def _content(first: int, rows: int, seed: int) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([UNRELATED, *unrelated(numbered_products(range(first, first + rows), seed))])
    return text.getvalue().encode()


def _upload(client: ftplib.FTP_TLS, database: sqlite3.Connection, path: str, content: bytes) -> Moments:
    connection = client.transfercmd(f"STOR {path}")
    connection.sendall(content)
    assert isinstance(connection, ssl.SSLSocket)
    connection.unwrap()
    connection.close()
    begun = time.time()
    found = re.match(r"226 .* queued as import (\d+)\b", client.voidresp())
    assert found
    replied = time.time()
    while not (moments := database.execute(MOMENTS, (int(found[1]),)).fetchone()) or not moments[-1]:
        assert time.time() < begun + 60, "no mail is queued"
        time.sleep(POLL)
    seen = time.time()
    receipt, claim, close = (dt.datetime.fromisoformat(each).timestamp() for each in moments[:-1])
    return Moments(*(each - begun for each in (receipt, replied, claim, close, seen)))
