"""sqlite-utils: upsert_all of the file's own 20 columns as texts, nothing is checked. python -m ... FILE DATABASE"""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path

import sqlite_utils


def main(path: Path, place: str) -> None:
    database = sqlite_utils.Database(place)
    database.execute("PRAGMA journal_mode = wal")
    database.execute("PRAGMA synchronous = full")
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        table = database["product"]
        table.create(dict.fromkeys(rows.fieldnames or (), str), pk="SKU_ID")
        table.create_index(["Reference_ID"], unique=True)
        begun = time.perf_counter()
        table.upsert_all(rows, pk="SKU_ID", batch_size=5_000)
        database.conn.commit()
        print(time.perf_counter() - begun)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
