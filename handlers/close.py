"""The end of an import: its files go where the partner finds them. Every step may be done again after a kill."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from pathlib import Path

import layout
from imports.reports import IDS, REJECTED, REPORT, SORTED
from models import ImportRun
from settings import Settings

REPORT_FILES = (REPORT, REJECTED, IDS)


def outcome(run: ImportRun) -> str:
    """The status that a run which is decided ends in."""
    if run.code:
        return "failed"
    return "completed_with_errors" if run.rejected else "completed"


def report_path(settings: Settings, account: str, folder: str, run: ImportRun) -> Path:
    """Where report.csv of an import lies."""
    spool = layout.spool_folder(settings, run.number)
    if run.status in ("waiting", "running"):
        return spool / run.folder / REPORT
    if run.dry_run:
        return spool / REPORT
    return kept_report(settings, account, folder, run, REPORT)


def kept_report(settings: Settings, account: str, folder: str, run: ImportRun, name: str) -> Path:
    """Where one of REPORT_FILES lies when the import has ended, if there is one."""
    reports = layout.account_root(settings, account) / folder / layout.REPORTS
    return reports / layout.numbered(run.file, run.number, f".{name}")


def kept_file(settings: Settings, account: str, folder: str, run: ImportRun) -> Path:
    """Where the file itself lies then."""
    inner = layout.FAILED if run.code else layout.PROCESSED
    return layout.account_root(settings, account) / folder / inner / layout.numbered(run.file, run.number)


def close(settings: Settings, account: str, folder: str, run: ImportRun) -> Path | None:
    """Move the report files and the source of a decided run; return report.csv if there is one.

    A dry run leaves its report in the spool for whoever asked for it.
    """
    spool = layout.spool_folder(settings, run.number)
    work = spool / run.folder
    made = work / SORTED if (work / SORTED).exists() else work
    if run.dry_run:
        _move(made / REPORT, spool / REPORT)
        return spool / REPORT if (spool / REPORT).exists() else None
    layout.make_account_folders(settings, account, [folder])
    report, kept = kept_report(settings, account, folder, run, REPORT), kept_file(settings, account, folder, run)
    moves = [(made / name, kept_report(settings, account, folder, run, name)) for name in _worth_keeping(run)]
    for source, target in (*moves, (spool / run.file, kept)):
        _make_room(source, target, run.received_at.timestamp())
        _move(source, target)
    for each in (report, kept):
        layout.sync_folder(each.parent)
    for name in REPORT_FILES:
        # Before the sorted ones' folder is gone: whoever goes on after a kill takes what is left for the result.
        (work / name).unlink(missing_ok=True)
    shutil.rmtree(spool, ignore_errors=True)
    return report if report.exists() else None


def _worth_keeping(run: ImportRun) -> list[str]:
    """report.csv always: no news is good news only when it is told. The others when they have a row.

    Rejected rows of a file that failed can't be sent again alone: it counts as a whole, or is to be imported once more.
    """
    names = [REPORT]
    if run.rejected and not run.code:
        names.append(REJECTED)
    if run.imported:
        names.append(IDS)
    return names


def _make_room(source: Path, target: Path, since: float) -> None:
    """What lies there from before the upload is of an import that had the number in a database which has lost it."""
    with contextlib.suppress(FileNotFoundError):
        if target.stat().st_ctime < since and source.exists():
            target.rename(target.with_stem(f"{target.stem}.{uuid.uuid4().hex[:8]}"))


def _move(source: Path, target: Path) -> None:
    """Rename; a source that is gone was moved before a kill, or just now by a former owner that goes on."""
    try:
        source.replace(target)
    except FileNotFoundError:
        if source.exists():
            raise
