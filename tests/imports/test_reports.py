from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import FileProblem, FtpdockError
from imports.appending import Table
from imports.cell_counts import FILLED_UP
from imports.header import Column, read_header
from imports.reading import FileShape, Record, inspect, records
from imports.report_cells import harmless
from imports.reports import IDS, REJECTED, REPORT, ReportFiles, file_problem_report, read_report
from imports.unread import Unread
from schemas.product import ProductSchema

MakeReports = Callable[..., ReportFiles]
KEYS = ("SKU_ID", "Reference_ID")
NOTED = ("SKU_ID", "Name", "_line", "_code", "_message")


def shape_of(*header: str, delimiter: str = ",", bom: bool = False) -> FileShape:
    """The shape of a file of products with this header."""
    columns: tuple[Column, ...] = read_header(header, ProductSchema(), 1)
    return FileShape("utf-8", 0, bom, delimiter, 1, columns, ())


@pytest.fixture
def make_reports(tmp_path: Path) -> Iterator[MakeReports]:
    """make_reports(*header, offsets={}, **shape) -> the report files of an import, in one and the same folder."""

    def make(*header: str, offsets: dict[str, int] | None = None, **shape: object) -> ReportFiles:
        found = shape_of(*header, **shape) if header else None  # type: ignore[arg-type]
        made.append(ReportFiles(tmp_path, found, offsets or {}, key_columns=KEYS))
        return made[-1]

    made: list[ReportFiles] = []
    yield make
    for reports in made:
        reports.close()


def content(reports: ReportFiles, name: str) -> str:
    """What a report file holds, as text, line ends as they are."""
    reports.flush()
    return (reports.folder / name).read_bytes().decode()


def test_empty_reports_have_headers(make_reports: MakeReports) -> None:
    """Each file begins with its header; ids.csv with the keys of the entity."""
    reports = make_reports("SKU_ID", "Name")

    assert content(reports, REPORT) == "Line,Column,Value,Code,Message\r\n"
    assert content(reports, REJECTED) == "SKU_ID,Name,_line,_code,_message\r\n"
    assert content(reports, IDS) == "SKU_ID,Reference_ID,System_ID,Outcome\r\n"


def test_report_in_the_delimiter_of_the_file(make_reports: MakeReports) -> None:
    """A spreadsheet that writes semicolons opens report.csv, with formulas made harmless and long values cut."""
    reports = make_reports("SKU_ID", "Name", delimiter=";")
    reports.message(7, "Name", "=cmd()", "INVALID_VALUE", "found x; expected y")
    reports.message(8, "MOQ", "-5", "OUT_OF_RANGE", "y" * 1000)

    lines = content(reports, REPORT).split("\r\n")
    assert lines[0] == "Line;Column;Value;Code;Message"
    assert lines[1] == '7;Name;\'=cmd();INVALID_VALUE;"found x; expected y"'
    assert lines[2].startswith("8;MOQ;-5;OUT_OF_RANGE;yyy")
    assert len(lines[2]) < 600


def test_an_odd_delimiter_is_not_kept(make_reports: MakeReports) -> None:
    """It came with a `sep=` line: rejected.csv is uploaded again as it is, and has none."""
    reports = make_reports("SKU_ID", "Name", delimiter="^")
    reports.message(2, "Name", "a^b", "REQUIRED", "x, y")
    reports.rejected(["1", "a,b"], 2, "REQUIRED", "x")
    reports.identified(3, ["2", ""], "0192", "created")

    assert content(reports, REPORT) == 'Line,Column,Value,Code,Message\r\n2,Name,a^b,REQUIRED,"x, y"\r\n'
    assert content(reports, REJECTED) == 'SKU_ID,Name,_line,_code,_message\r\n1,"a,b",2,REQUIRED,x\r\n'
    assert content(reports, IDS) == "SKU_ID,Reference_ID,System_ID,Outcome\r\n2,,0192,created\r\n"


def test_rejected_rows_come_back_as_they_were(make_reports: MakeReports) -> None:
    """Header and cells verbatim: case, blanks, formulas, quotes and line breaks."""
    reports = make_reports(" sku id", "NAME", "price :Retail", delimiter="|")
    reports.rejected([" 1", '=1+"1"', "a|b\r\nc\rd"], 3, "REQUIRED | TOO_LONG", "one | two")

    assert content(reports, REJECTED) == (
        " sku id|NAME|price :Retail|_line|_code|_message\r\n"
        ' 1|"=1+""1"""|"a|b\r\nc\rd"|3|"REQUIRED | TOO_LONG"|"one | two"\r\n'
    )


def test_each_message_of_a_row_keeps_both_ends(make_reports: MakeReports) -> None:
    """Twenty faulty columns are all told, whatever one of them quotes; what is too much is counted."""
    reports = make_reports("SKU_ID")
    messages = [f"Column_{number}: {'x' * 100_000 if number == 7 else 'long'}: do this" for number in range(20)]
    reports.rejected(["1"], 2, "TOO_LONG", *messages)
    reports.rejected(["2"], 3, "TOO_LONG", *["x" * 400] * 13)

    one, other = content(reports, REJECTED).splitlines()[1:]
    told = one.split(",")[-1].split(" | ")
    assert [*told[:7], *told[8:]] == [*messages[:7], *messages[8:]]
    assert (told[7][:12], told[7][-9:], len(told[7])) == ("Column_7: xx", ": do this", 501)
    assert other.count("x" * 400) == 10
    assert other.endswith(' | and 3 more, see report.csv"')


@pytest.mark.parametrize("bom", [True, False])
def test_rejected_begins_with_a_mark_if_excel_needs_it(bom: bool, make_reports: MakeReports) -> None:
    """The report never does."""
    reports = make_reports("SKU_ID", bom=bom)

    assert content(reports, REJECTED).startswith("\ufeff") == bom
    assert not content(reports, REPORT).startswith("\ufeff")


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        (("SKU_ID", "Name"), ["1", "a"], "1,a,9,C,m"),
        (("SKU_ID", "Name"), ["1"], f"1,,9,C,m,{FILLED_UP}"),
        (("SKU_ID", "Name", "_mine"), ["1", "a"], f"1,a,,9,C,m,{FILLED_UP}"),
        (
            NOTED,
            ["1", "a", "2", "X", "y", FILLED_UP],
            f"1,a,9,C,m,{FILLED_UP}",
        ),
        (("SKU_ID", "Name"), ["1", "a", "b", "c"], "1,a,9,C,m,b,c"),
        (("SKU_ID", "Name"), ["1", "a", "", ""], "1,a,9,C,m"),
        (("SKU_ID", "Name", "", ""), ["1", "a", "", ""], "1,a,9,C,m"),
        (("SKU_ID", "Name", "", ""), ["1", "a", "", "x"], "1,a,9,C,m,,x"),
        (NOTED, ["1", "a", "2", "X", "y"], "1,a,9,C,m"),
        (NOTED, ["1", "a"], "1,a,9,C,m"),
        (NOTED, ["1", "a", "2", "X", "y", "b"], "1,a,9,C,m,b"),
        (NOTED, ["1", "a", "b", "2", "X", "y"], "1,a,9,C,m,b,2,X,y"),
        (("SKU_ID", "_line", "Name", "_mine"), ["1", "2", "a", "kept"], "1,a,kept,9,C,m"),
        (NOTED, ["1", "a", "", "", ""], "1,a,9,C,m"),
        (NOTED, ["1", "2", "REQUIRED", "y"], f"1,,9,C,m,{FILLED_UP}"),
        (NOTED, ["1", "2", "REQUIRED | TOO_LONG", "y", ""], f"1,,9,C,m,{FILLED_UP}"),
        (NOTED, ["1", "2", "REQUIRED", "y", FILLED_UP], f"1,,9,C,m,{FILLED_UP}"),
        (NOTED, ["1", "2", "REQUIRED", "y", "z"], "1,2,9,C,m,REQUIRED,y,z"),
        (NOTED, ["1", "a", "2"], f"1,a,9,C,m,{FILLED_UP},2"),
        (NOTED, ["1", "a", "2", "X"], f"1,a,9,C,m,{FILLED_UP}"),
        (NOTED, ["1", "a", "x", "X"], f"1,a,9,C,m,{FILLED_UP},x,X"),
        (NOTED, ["1", "a", "5", "2", "X"], "1,a,9,C,m,5,2,X"),
        ((*NOTED, ""), ["1", "a", "b", "2", "X", "y"], "1,a,9,C,m,b,2,X,y"),
        ((*NOTED, ""), ["1", "a", "2", "X", "y", "b"], "1,a,9,C,m,b"),
        (NOTED, Unread([["SKU_ID", "Name", "_line", "_code", "_message"]], "x"), "SKU_ID,Name,9,C,m"),
        (NOTED, Unread([["1", '"a"b']], "x", 1), '1,"""a""b",9,C,m'),
        (NOTED, Unread([["1"]], "x", 0), f"1,,9,C,m,{FILLED_UP}"),
    ],
)
def test_where_the_cells_of_a_rejected_row_go(
    header: tuple[str, ...], cells: list[str], expected: str, make_reports: MakeReports
) -> None:
    """Notes of an earlier round go, a short row is filled up and says so, extra cells stand behind the notes."""
    reports = make_reports(*header)
    reports.rejected(cells, 9, "C", "m")

    names = [name for name in header if name and name not in ("_line", "_code", "_message")]
    assert content(reports, REJECTED) == f"{','.join(names)},_line,_code,_message\r\n{expected}\r\n"


def test_a_rejected_file_is_itself_a_right_file(make_reports: MakeReports) -> None:
    """rejected.csv is read as what was rejected, its notes ignored, and so is the rejected file of that."""
    cells = ["1", "a,b\n", "2"]
    reports = make_reports("SKU_ID", "Name", "Price: A")
    for _ in range(2):
        reports.rejected(cells, 5, "REQUIRED", "x")
        reports.flush()
        path = reports.folder / REJECTED
        shape = inspect(path, ProductSchema())
        assert [Record(2, [*cells, "5", "REQUIRED", "x"])] == list(records(path, shape))
        assert [column.kind for column in shape.columns[3:]] == ["ignored"] * 3
        reports.close()
        reports = make_reports(*(column.text for column in shape.columns))


def test_ids(make_reports: MakeReports) -> None:
    """Keys as they came, the System ID, and what was done."""
    reports = make_reports("SKU_ID", delimiter=";")
    reports.identified(2, ["001", "=R"], "0192", "created")

    assert content(reports, IDS) == "SKU_ID;Reference_ID;System_ID;Outcome\r\n001;=R;0192;created\r\n"


def test_reading_a_report(make_reports: MakeReports) -> None:
    """What was reported comes back as it was, line numbers as numbers."""
    reports = make_reports("SKU_ID", delimiter="\t")
    reports.message(2, "Name", "'=1\n", "REQUIRED", "'=1' is wrong")
    reports.close()

    assert read_report(reports.folder / REPORT) == [
        {"line": 2, "column": "Name", "value": "'=1\n", "code": "REQUIRED", "message": "'=1' is wrong"}
    ]


def test_the_report_of_a_file_that_could_not_be_read(tmp_path: Path) -> None:
    """One line, which names the line of the problem."""
    problem = FileProblem("UNKNOWN_COLUMN", "it's =bad", line=3, column="=x", value="=x")

    path = file_problem_report(tmp_path, problem, ";")

    assert path.read_bytes() == b"Line;Column;Value;Code;Message\r\n3;'=x;'=x;UNKNOWN_COLUMN;it's =bad\r\n"
    assert read_report(path)[0]["column"] == "=x"


def test_without_a_shape(make_reports: MakeReports) -> None:
    """Of a file that could not be read there is no header to repeat."""
    reports = make_reports()

    assert content(reports, REJECTED) == "_line,_code,_message\r\n"


def test_a_file_that_lost_what_was_recorded(make_reports: MakeReports) -> None:
    """A file shorter than its recorded length is not filled up with something else."""
    reports = make_reports("SKU_ID")
    offsets = reports.flush()
    reports.close()
    (reports.folder / REPORT).write_bytes(b"")

    with pytest.raises(FtpdockError, match="has 0 bytes, but 32 were recorded"):
        make_reports("SKU_ID", offsets=offsets)


def test_starting_anew_forgets_what_was_there(make_reports: MakeReports) -> None:
    """Without offsets, an earlier try leaves nothing behind."""
    reports = make_reports("SKU_ID")
    reports.message(2, "", "", "REQUIRED", "x")
    reports.close()

    assert content(make_reports("SKU_ID"), REPORT) == "Line,Column,Value,Code,Message\r\n"


def test_rows_in_the_order_of_the_file(make_reports: MakeReports) -> None:
    """Sorted by line, by number and not by text; what belongs to one line keeps its order."""
    reports = make_reports("SKU_ID", "Name", bom=True)
    for line in (10, 9, 100, 9):
        reports.message(line, f"c{line}", "v\n", "REQUIRED", "m")
        reports.rejected(["1", "two\nlines", "x"], line, "C", "m")
        reports.identified(line, [str(line), ""], "id", "created")
    reports.message(9, "last", "", "REQUIRED", "m")

    folder = reports.sort_by_line()

    assert [row["column"] for row in read_report(folder / REPORT)] == ["c9", "c9", "last", "c10", "c100"]
    with (folder / REJECTED).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][0] == "\ufeffSKU_ID"
    assert [row[2] for row in rows[1:]] == ["9", "9", "10", "100"]
    assert (folder / IDS).read_text().splitlines()[1:] == ["9,,id,created", "9,,id,created", "10,,id,created",
                                                          "100,,id,created"]  # fmt: skip


def test_sorting_can_be_done_again(make_reports: MakeReports) -> None:
    """A kill while sorting loses nothing: the files that were made are still there at their recorded lengths."""
    reports = make_reports("SKU_ID")
    for line in (3, 2):
        reports.identified(line, [str(line), ""], "id", "created")
    offsets = reports.flush()
    first = (reports.sort_by_line() / IDS).read_bytes()

    again = make_reports("SKU_ID", offsets=offsets)

    assert again.flush() == offsets
    assert (again.sort_by_line() / IDS).read_bytes() == first


def test_rows_that_come_in_order_need_no_lines_to_sort_by(tmp_path: Path) -> None:
    """Each file more is one more that every chunk has to bring to the disk."""
    reports = ReportFiles(tmp_path, shape_of("SKU_ID"), {}, key_columns=KEYS, in_order=True)
    reports.identified(2, ["1", ""], "id", "created")
    reports.identified_columns([3], [["2"], [""], ["id"], ["created"]])
    assert list(reports.flush()) == [REPORT, REJECTED, IDS]
    reports.close()
    assert (tmp_path / IDS).read_text().splitlines()[1:] == ["1,,id,created", "2,,id,created"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([REPORT, REJECTED, IDS])


ROWS = st.lists(
    st.tuples(st.sampled_from("mri"), st.integers(1, 10**6), st.text(max_size=5), st.text(max_size=5)), max_size=12
)


def work(reports: ReportFiles, rows: list[tuple[str, int, str, str]]) -> None:
    for kind, line, one, other in rows:
        if kind == "m":
            reports.message(line, one, other, "REQUIRED", one)
        elif kind == "r":
            reports.rejected([one, other], line, "REQUIRED", other)
        else:
            reports.identified(line, [one, other], "id", "updated")


@given(before=ROWS, lost=ROWS, after=ROWS, flushed=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_killed_import_ends_with_the_same_files(
    before: list[tuple[str, int, str, str]],
    lost: list[tuple[str, int, str, str]],
    after: list[tuple[str, int, str, str]],
    flushed: bool,
) -> None:
    """Cut back to the last checkpoint and continued, the files equal byte for byte those of an import in one go."""
    shape = shape_of("SKU_ID", "Name", bom=True)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        whole = ReportFiles(Path(one), shape, {}, key_columns=KEYS)
        work(whole, before + after)
        whole.flush()
        whole.close()

        killed = ReportFiles(Path(other), shape, {}, key_columns=KEYS)
        work(killed, before)
        offsets = killed.flush()
        work(killed, lost)
        if flushed:
            killed.flush()
        killed.close()
        resumed = ReportFiles(Path(other), shape, offsets, key_columns=KEYS)
        work(resumed, after)
        resumed.flush()
        resumed.close()

        for path in Path(one).iterdir():
            assert (Path(other) / path.name).read_bytes() == path.read_bytes()


CELLS = st.text('a;,"\r\n\u00e9 ', max_size=3)


@given(
    st.integers(1, 3).flatmap(lambda width: st.lists(st.tuples(*[CELLS] * width), max_size=4)), st.sampled_from(",;")
)
@settings(max_examples=300, deadline=None)
def test_columns_are_written_as_csv_writes_rows(rows: list[tuple[str, ...]], delimiter: str) -> None:
    """Also cells that need quotes: what is in them is not taken for what stands between them."""
    with tempfile.TemporaryDirectory() as folder:
        tables = [Table(Path(folder) / name, {}, ("a",), delimiter) for name in ("columns", "rows")]
        tables[0].write_columns(list(zip(*rows, strict=True)))
        tables[1].write_all(rows)
        for table in tables:
            table.close()
        assert tables[0].path.read_bytes() == tables[1].path.read_bytes()


@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_any_message_comes_back_from_a_report(rows: list[tuple[str, int, str, str]]) -> None:
    """Formulas, quotes, delimiters and line breaks in messages survive the report; what is said, as it stands there."""
    with tempfile.TemporaryDirectory() as folder:
        reports = ReportFiles(Path(folder), shape_of("SKU_ID", delimiter=";"), {})
        for _, line, one, other in rows:
            reports.message(line, one, other, "REQUIRED", one + other)
        reports.close()

        expected = [{"line": line, "column": one, "value": other, "code": "REQUIRED",
                     "message": harmless(one + other)}
                    for _, line, one, other in rows]  # fmt: skip
        assert read_report(Path(folder) / REPORT) == expected
