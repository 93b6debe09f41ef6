"""The report files of an import that is given up: what is wrong, and what was said of the rows that are done."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from errors import FileProblem, FtpdockError
from imports.appending import check_lengths
from imports.reports import IDS, REPORT, file_problem_report
from layout import sync_folder
from models import ImportRun

log = logging.getLogger("ftpdock.import")


def rows_in(run: ImportRun) -> str:
    """How much of an import that goes no further is in."""
    of = f" of {run.total:,}" if run.total is not None else ""
    return f"{run.imported:,}{of} rows are in" if run.imported else "nothing was imported"


def give_up(target: Path, problem: FileProblem, written: Path, offsets: Mapping[str, int]) -> None:
    """Make the folder `target` anew, with a report.csv that begins with `problem`.

    Of the files in `written` it takes over what `offsets` (of `ReportFiles.flush`) speak of, with no offsets nothing:
    the rows of report.csv and ids.csv, in the order in which they were written. `written` stays as it is, so that a
    kill loses nothing; a file that was lost there keeps neither the other one back nor the import from its end.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    if _is_there(written, REPORT, offsets):
        with (written / REPORT).open(encoding="utf-8", newline="") as file:
            delimiter = file.readline()[len("Line") :][:1]
        file_problem_report(target, problem, delimiter)
        _append(target / REPORT, written / REPORT, offsets[REPORT], headers=1)
    else:
        file_problem_report(target, problem)
    if _is_there(written, IDS, offsets):
        _append(target / IDS, written / IDS, offsets[IDS])
    sync_folder(target)


def _is_there(written: Path, name: str, offsets: Mapping[str, int]) -> bool:
    """Whether there is a file of which `offsets` speak, and all of it."""
    if name not in offsets:
        return False
    try:
        check_lengths(written, {name: offsets[name]})
    except FtpdockError as lost:
        log.warning("%s", lost)
        return False
    return True


def _append(target: Path, source: Path, length: int, headers: int = 0) -> None:
    """Add the first `length` bytes of `source`, but for its header lines."""
    with source.open("rb") as rows, target.open("ab") as file:
        skipped = sum(len(rows.readline()) for _ in range(headers))
        end = file.tell() + length - skipped
        shutil.copyfileobj(rows, file)
        file.truncate(end)
        os.fsync(file.fileno())
