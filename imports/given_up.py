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

log = logging.getLogger("ftpdock.import")


def give_up(target: Path, problem: FileProblem, written: Path, offsets: Mapping[str, int]) -> None:
    """Make the folder `target` anew, with a report.csv that begins with `problem`.

    Of the files in `written` it takes over what `offsets` (of `ReportFiles.flush`) speak of, with no offsets nothing:
    the rows of report.csv and ids.csv, in the order in which they were written. `written` stays as it is, so that a
    kill loses nothing; files that were lost there don't keep the import from its end.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    try:
        check_lengths(written, offsets)
    except FtpdockError as lost:
        log.warning("%s", lost)
        offsets = {}
    if offsets:
        with (written / REPORT).open(encoding="utf-8", newline="") as file:
            delimiter = file.readline()[len("Line") :][:1]
        file_problem_report(target, problem, delimiter)
        _append(target / REPORT, written / REPORT, offsets[REPORT], headers=1)
        _append(target / IDS, written / IDS, offsets[IDS])
    else:
        file_problem_report(target, problem)
    sync_folder(target)


def _append(target: Path, source: Path, length: int, headers: int = 0) -> None:
    """Add the first `length` bytes of `source`, but for its header lines."""
    with source.open("rb") as rows, target.open("ab") as file:
        skipped = sum(len(rows.readline()) for _ in range(headers))
        end = file.tell() + length - skipped
        shutil.copyfileobj(rows, file)
        file.truncate(end)
        os.fsync(file.fileno())
