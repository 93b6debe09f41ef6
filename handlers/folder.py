"""The folder in which the owner of an import writes: each owner has one of its own.

A worker that stood still past its lease and goes on may truncate, append and delete as it likes: it reaches nothing
that its successor wrote.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from imports.appending import check_lengths
from models import ImportRun


def move_in(folder: Path, run: ImportRun) -> None:
    """Make `folder`, named by the attempt, and copy what the last checkpoint speaks of out of its owner's folder.

    Older folders that nobody needs any more are removed. Newer ones are a successor's: they stay. Raises FtpdockError
    if what the checkpoint speaks of was lost: no disk that comes back will bring it.
    """
    check_lengths(folder.parent / run.folder, run.offsets)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in run.offsets:
        shutil.copyfile(folder.parent / run.folder / name, folder / name)
        with (folder / name).open("rb") as copied:
            os.fsync(copied.fileno())
    for older in folder.parent.iterdir():
        if older.is_dir() and older.name.isdecimal() and int(older.name) < run.attempts and older.name != run.folder:
            shutil.rmtree(older, ignore_errors=True)
