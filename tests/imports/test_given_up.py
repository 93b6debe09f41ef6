"""The report files of an import that is given up."""

from __future__ import annotations

from pathlib import Path

import pytest

from errors import FileProblem
from imports.given_up import give_up
from imports.reports import IDS, REPORT, ReportFiles, read_report
from tests.imports.test_reports import shape_of

PROBLEM = FileProblem("INTERNAL", "ftpdock failed; 1 row is in")


def write(folder: Path, delimiter: str) -> dict[str, int]:
    """Report files with what was lost behind their recorded lengths, which are returned."""
    files = ReportFiles(folder, shape_of("SKU_ID", delimiter=delimiter), {}, key_columns=("SKU_ID",))
    files.identified(2, ["1"], "0192", "created")
    files.message(3, "Name", "two\nlines", "TOO_LONG", "x")
    offsets = files.flush()
    files.identified(4, ["2"], "0193", "created")
    files.message(5, "Name", "", "REQUIRED", "lost")
    files.close()
    return offsets


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_problem_comes_before_what_was_said(tmp_path: Path, delimiter: str) -> None:
    """In the delimiter of the file; what no chunk has committed is left out. It can be done again."""
    offsets = write(tmp_path, delimiter)

    for _ in range(2):
        give_up(tmp_path / "made", PROBLEM, tmp_path, offsets)

    assert [(each["line"], each["value"], each["code"]) for each in read_report(tmp_path / "made" / REPORT)] == [
        (1, "", "INTERNAL"), (3, "two\nlines", "TOO_LONG")]  # fmt: skip
    assert (tmp_path / "made" / REPORT).read_bytes().count(b"Message\r\n") == 1
    assert (tmp_path / "made" / IDS).read_bytes() == "SKU_ID,System_ID,Outcome\r\n1,0192,created\r\n".replace(
        ",", delimiter).encode()  # fmt: skip
    assert read_report(tmp_path / REPORT)[-1]["message"] == "lost"


def test_nothing_was_written(tmp_path: Path) -> None:
    """The problem is all there is to say."""
    give_up(tmp_path / "1" / "made", PROBLEM, tmp_path, {})

    assert [each["code"] for each in read_report(tmp_path / "1" / "made" / REPORT)] == ["INTERNAL"]
    assert not (tmp_path / "1" / "made" / IDS).exists()


@pytest.mark.parametrize("lost", ["report.csv", "rejected.csv", "ids.csv", "ids.lines"])
def test_files_that_were_lost_hold_nothing_up(tmp_path: Path, lost: str) -> None:
    """Somebody removed one from the spool: the import ends all the same, and what is there is taken over."""
    offsets = write(tmp_path, ";")
    (tmp_path / lost).unlink()

    give_up(tmp_path / "made", PROBLEM, tmp_path, offsets)

    codes = [each["code"] for each in read_report(tmp_path / "made" / REPORT)]
    assert codes == ["INTERNAL", "TOO_LONG"][: 1 if lost == REPORT else 2]
    assert (tmp_path / "made" / IDS).exists() == (lost != IDS)
