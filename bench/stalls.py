"""How long another client waits for NOOP and LIST while an import, an upload and logins go on in a real `serve`.

The logins are by argon2id as shipped, twenty at once; all who make work, and the one who waits, are processes of their
own. First the same client on an idle server.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bench import ftp_clients as clients
from bench.apart import Stop, beside
from bench.contender import Contender
from bench.figures import Figure, waits
from bench.ftp_idle import LOGINS, logins, probe
from bench.ours import NAME
from bench.partner_files import PRODUCT_NAME, UNRELATED, product_rows, unrelated, write
from tests.system.server import Server, wait_for

PROMISED = {"NOOP": 20.0, "LIST": 50.0}
"""Milliseconds at p99."""

Probes = dict[str, list[float]]
"""Command to the milliseconds of each."""


def measure(rows: int, megabytes: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="ftpdock-bench-") as name:
        folder = Path(name)
        table = write(folder / PRODUCT_NAME, UNRELATED, unrelated(product_rows(rows)))
        source = folder / "upload"
        source.write_bytes(os.urandom(1 << 20) * megabytes)
        server = _server(folder / "home")
        try:
            return _beside_all(server, table, source)
        finally:
            server.kill()


def _server(home: Path) -> Server:
    """Only the importer's uploads are imported."""
    server = Server(home)
    server.environment["FTPDOCK_DATABASE"] = f"sqlite:///{home}/ftpdock.db"
    for name in ("acme", "importer"):
        server.add_account(name)
    server.command("schedule", "set", "acme", "all", "off")
    server.start()
    return server


def _beside_all(server: Server, table: Path, source: Path) -> list[Figure]:
    contender = Contender(NAME, server.port, "acme", server.home, server.home / "certs" / "server.pem", "argon2id")
    with clients.session(contender) as client:
        idle = _probe(client)
        number = server.upload(f"/Products/{PRODUCT_NAME}", table.read_bytes(), "importer")
        wait_for(lambda: server.ask(f"SELECT 1 FROM import_run WHERE number = {number} AND position > 0"), 600)
        with beside(uploads, contender, source) as uploaded, beside(many_logins, contender) as logged_in:
            busy = _until_over(client, server, number)
    megabytes = source.stat().st_size / 1e6
    return [
        *_told("idle", idle, {}),
        *_told("beside all", busy, PROMISED),
        Figure("uploads meanwhile", megabytes * len(uploaded) / sum(uploaded), "MB/s"),
        Figure(f"logins meanwhile, {LOGINS} at once", len(logged_in) / sum(1 / rate for rate in logged_in), "a second"),
    ]


def _until_over(client: clients.Client, server: Server, number: int) -> Probes:
    """Probes until the import is over; those of its last seconds don't count."""
    found: Probes = {name: [] for name in PROMISED}
    while True:
        probes = _probe(client)
        if not server.unfinished(number):
            assert found["NOOP"], "the import was over before anything was measured: give it more rows"
            return found
        for name, values in probes.items():
            found[name] += values


def _probe(client: clients.Client) -> Probes:
    return dict(zip(PROMISED, probe(client), strict=True))


def _told(when: str, probes: Probes, promised: dict[str, float]) -> list[Figure]:
    figures = []
    for name, values in probes.items():
        figures += waits(f"{name} {when}", [each / 1000 for each in values], p99=promised.get(name))
    return figures


def uploads(stop: Stop, contender: Contender, source: Path) -> list[float]:
    """Seconds of each upload, one after the other."""
    seconds = [clients.ftplib_up(contender, source)]
    while not stop.is_set():
        seconds.append(clients.ftplib_up(contender, source))
    return seconds


def many_logins(stop: Stop, contender: Contender) -> list[float]:
    """Logins a second, of each twenty."""
    rates = [logins(contender, LOGINS, LOGINS)]
    while not stop.is_set():
        rates.append(logins(contender, LOGINS, LOGINS))
    return rates
