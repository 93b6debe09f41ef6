"""Imports of products into SQLite beside other importers, in turns. The slow ones are given fewer rows: rows a second
are compared, and a smaller table is to their advantage. No key is there twice, which some of them can't bear."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.apart import apart
from bench.bare import bare
from bench.figures import Figure, in_turns
from bench.homes import home
from bench.imports import ids
from bench.partner_files import PRODUCT, PRODUCT_NAME, product_rows, write
from bench.plain_way import plain_way
from bench.rival_importers.environment import python, run
from bench.turn import import_file

NAME, DJANGO = "ftpdock", "django-import-export"
TIMES = 30.0
"""How much faster than django-import-export an import is to be."""

Work = Callable[[Path, Path], float]
"""Seconds of an import of a file; the folder is its own."""


def ours(path: Path, folder: Path) -> float:
    with home(folder, None) as (settings, account):
        return import_file(settings, account, "product", path)[0].seconds


def limit(path: Path, folder: Path) -> float:
    with home(folder, None) as (settings, _):
        return apart(bare, settings.database_url, "product", path, ids()).seconds


def plain(path: Path, folder: Path) -> float:
    with home(folder, None) as (settings, _):
        return apart(plain_way, settings.database_url, path, ids()).seconds


def rival(module: str, *more: str) -> Work:
    return lambda path, folder: run(module, path, folder / f"{uuid.uuid4().hex}.db", *more)


FAST: dict[str, Work] = {
    NAME: ours,
    "bare limit": limit,
    "pandas to_sql, no validation": rival("pandas_to_sql"),
    "sqlite-utils upsert_all, no validation": rival("sqlite_utils_upsert"),
}
SLOW: dict[str, Work] = {
    "frictionless, validation alone": rival("frictionless_check"),
    "Schema.load and insert_many": plain,
    f"{DJANGO}, no model validation": rival("django_bulk", "unvalidated"),
    DJANGO: rival("django_bulk", "validated"),
}


def measure(rows: int, slow_rows: int, rounds: int) -> list[Figure]:
    python()  # Installed before anything is measured.
    with tempfile.TemporaryDirectory(prefix="ftpdock-bench-") as name:
        folder = Path(name)

        def speed(work: Work, count: int) -> Callable[[], float]:
            path = folder / str(count) / PRODUCT_NAME
            path.parent.mkdir(exist_ok=True)
            write(path, PRODUCT, product_rows(count, repeated=False))
            return lambda: count / work(path, folder)

        works = [(title, speed(work, rows)) for title, work in FAST.items()]
        works += [(title, speed(work, slow_rows)) for title, work in SLOW.items()]
        medians = {title: median(speeds) for title, speeds in in_turns(rounds, works).items()}
    value = medians.pop(NAME)
    return [Figure("Products imported into SQLite", value, "rows/s", medians, DJANGO, target=TIMES)]
