"""pandas: read_csv and to_sql of the file's own 20 columns as texts, nothing is checked. python -m ... FILE DATABASE"""

from __future__ import annotations

import sys
import time

import pandas
import sqlalchemy


def main(path: str, place: str) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{place}")
    columns = pandas.read_csv(path, dtype=str, nrows=0).columns
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = wal")
        connection.exec_driver_sql("PRAGMA synchronous = full")
        made = ", ".join(f'"{name}" TEXT' for name in columns)
        connection.exec_driver_sql(f"CREATE TABLE product ({made}, PRIMARY KEY (SKU_ID), UNIQUE (Reference_ID))")
        connection.commit()
        begun = time.perf_counter()
        for rows in pandas.read_csv(path, dtype=str, keep_default_na=False, chunksize=5_000):
            rows.to_sql("product", connection, if_exists="append", index=False)
            connection.commit()
        print(time.perf_counter() - begun)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
