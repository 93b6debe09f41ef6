"""How long other clients wait while a large import runs: NOOP and LIST of one session, idle and beside the import.

python bench/loop.py [ROWS]     (default 1,000,000)

Prints p50, p99 and the maximum in milliseconds, and p99 against the limit of 50 ms.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.system.server import Server  # noqa: E402

LIMIT = 50.0
"""Milliseconds: what p99 may be beside an import."""
PAUSE = 0.02
"""Seconds between two probes."""
HEADER = "SKU_ID,Name,Description,Status,MOQ,UOM,Barcode,Weight,Price: Retail,Attribute: Color\n"


def write_products(path: Path, rows: int) -> None:
    with path.open("w") as file:
        file.write(HEADER)
        for number in range(rows):
            file.write(f"S{number:08},Product {number},A product with a text of some length,active,6,piece,"
                       f"{number:013},0.21,{number % 90}.90,white\n")  # fmt: skip


def probe(server: Server, until: float, number: int) -> tuple[list[float], list[float]]:
    """Milliseconds of NOOP and of a whole LIST, again and again until a time or the end of the import `number`."""
    noops: list[float] = []
    lists: list[float] = []
    with server.login("probe") as client:
        asked = time.monotonic()
        while time.monotonic() < until:
            start = time.perf_counter()
            client.voidcmd("NOOP")
            noops.append((time.perf_counter() - start) * 1000)
            start = time.perf_counter()
            client.retrlines("LIST /Products", lambda line: None)
            lists.append((time.perf_counter() - start) * 1000)
            time.sleep(PAUSE)
            if number and time.monotonic() - asked > 5:
                asked = time.monotonic()
                if server.show(number)["status"] not in ("waiting", "running"):
                    break
    return noops, lists


def told(name: str, values: list[float]) -> str:
    ranked = statistics.quantiles(values, n=100)
    return f"{name:28} p50 {ranked[49]:7.2f}   p99 {ranked[98]:7.2f}   max {max(values):8.2f}   ({len(values)} probes)"


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "home")
        server.add_account("acme")
        server.add_account("probe")
        path = Path(folder) / "PRODUCT_18_09_2024.csv"
        write_products(path, rows)
        server.start()
        try:
            measure(server, path, rows)
        finally:
            server.kill()


def measure(server: Server, path: Path, rows: int) -> None:
    idle = probe(server, time.monotonic() + 10, 0)
    started = time.monotonic()
    number = server.upload("/Products/PRODUCT_18_09_2024.csv", path.read_bytes())
    busy = probe(server, time.monotonic() + 3600, number)
    shown = server.finished(number, patience=3600)
    seconds = time.monotonic() - started
    print(f"milliseconds; import of {rows:,} rows: {shown['status']} in {seconds:.0f} s, {rows / seconds:,.0f} rows/s")
    for name, values in zip(("NOOP idle", "LIST idle"), idle, strict=True):
        print(told(name, values))
    for name, values in zip(("NOOP beside the import", "LIST beside the import"), busy, strict=True):
        p99 = statistics.quantiles(values, n=100)[98]
        print(told(name, values), f"  p99 is {p99 / LIMIT:.2f} x the limit of {LIMIT:.0f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 1_000_000)
