"""Rows that are no duplicates, though others have the same key: they mean other records, or none."""

from __future__ import annotations

import sqlite3
from itertools import groupby

from imports.keys import BATCH, Meaning, bounds

# A row with an ID means the record that has it; one with a new ID means one that has none yet, or makes its own.
_OTHERS = """
    DELETE FROM key WHERE rowid IN (
        SELECT shared.rowid FROM key AS shared JOIN meant USING (k)
        LEFT JOIN (SELECT no, k AS record FROM key WHERE k >= ? AND k < ?) AS own USING (no)
        WHERE meant.record IS NULL OR (NOT shared.strong AND coalesce(own.record <> meant.record, NOT may_be_named))
    )
"""


def spare(db: sqlite3.Connection, meaning: Meaning) -> bool:
    """Take those keys out of the table `key` that are in `twice` for the sake of a row that means another record.

    Whether there were any. A key that no stored record has stays: each of its rows may make the one that others mean.
    """
    db.execute("CREATE TABLE meant (k TEXT PRIMARY KEY, record TEXT, may_be_named INTEGER)")
    told = 0
    found = db.cursor().execute("SELECT k FROM twice ORDER BY k").fetchmany
    while batch := found(BATCH):
        for column, keys in groupby((key for (key,) in batch), key=lambda key: key.partition("\t")[0]):
            values = [key[len(column) + 1 :] for key in keys]
            meant = [(f"{column}\t{value}", each and f"\t{each.record}", each and each.may_be_named)
                     for value, each in meaning(column, values).items()]  # fmt: skip
            db.executemany("INSERT INTO meant VALUES (?, ?, ?)", meant)
            told += len(meant)
    return told > 0 and db.execute(_OTHERS, bounds("")).rowcount > 0
