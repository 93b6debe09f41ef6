"""Reading by the batch gives the rows that reading one by one gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errors import FileProblem
from imports.batches import Batch, by_cells
from imports.lines import Record, Source, read_records
from imports.stretches import read_again, read_stretches
from imports.unread import as_plain, misquoted

PIECES = st.sampled_from(
    [",", ",", "\n", "\r\n", "\r", '"', '""', " ", "\t", "a", "bc", "é", "\x0b", "\u2028", "\0", "\x1a"]
)
HEADER = "\nSKU_ID,Name\n"

Outcome = tuple[list[Record], str]


def told(records: Iterable[Record]) -> Iterator[Record]:
    """The same with all that is known of rows that are not to be read."""
    return (Record(record.line, as_plain(record.cells)) for record in records)


def one_by_one(source: Source) -> Outcome:
    found: list[Record] = []
    try:
        found.extend(told(read_records(source, ",")))
    except FileProblem as problem:
        return found[1:], f"{problem.line} {problem.code} {problem.message}"
    return found[1:], ""


def read_batches(source: Source, block: int = 1 << 20) -> Iterator[Batch]:
    for stretch in read_stretches(source, ",", block):
        yield from stretch.batches()


def rows_in(batches: Iterator[Batch]) -> list[tuple[int, list[str]]]:
    return [row for batch in batches for row in zip(batch.lines, map(as_plain, batch.rows()), strict=True)]


def by_the_batch(source: Source, block: int) -> Outcome:
    found: list[Record] = []
    try:
        for batch in read_batches(source, block):
            assert len(batch) == len(batch.lines) == len(batch.texts) == len(batch.rows())
            found.extend(told(map(Record, batch.lines, batch.rows())))
    except FileProblem as problem:
        return found, f"{problem.line} {problem.code} {problem.message}"
    return found, ""


@given(
    pieces=st.lists(PIECES | st.just(HEADER), max_size=60),
    block=st.integers(1, 30),
    longest=st.sampled_from([8, 20, 1000]),
    skip=st.integers(0, 1),
)
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_batches_have_the_rows_of_the_csv_module(
    pieces: list[str], block: int, longest: int, skip: int, tmp_path: Path
) -> None:
    """Quotes, line ends of every kind, blank rows and rows that are too long: the same rows, lines and faults."""
    path = tmp_path / "a.csv"
    path.write_bytes(("x\nSKU_ID,Name\n" + "".join(pieces)).encode())
    source = Source(path, "utf-8", skip, longest, ("SKU_ID", "Name"))
    assert by_the_batch(source, block) == one_by_one(source)


@given(
    pieces=st.lists(PIECES, max_size=60),
    block=st.integers(1, 30),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
    places=st.permutations([0, 1, 2]),
    ends=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_stretch_is_read_again_and_by_the_column(
    pieces: list[str], block: int, encoding: str, places: list[int], ends: str, tmp_path: Path
) -> None:
    """Its spot leads to the same rows, and columns, where they are to be had, are those of its rows."""
    path = tmp_path / "a.csv"
    rows = "".join(ends if piece == "\n" else piece for piece in pieces)
    path.write_bytes((f"SKU_ID,Name{ends}a,b{ends} c ,d,e{ends}" + rows).encode(encoding))
    source, wanted = Source(path, encoding, 0, 1000), places[:2]
    by_row, by_column = read_stretches(source, ",", block), read_stretches(source, ",", block)
    with suppress(FileProblem):
        for stretch, other in zip(by_row, by_column, strict=True):
            rows_of = rows_in(stretch.batches())
            columns = other.columns(wanted)
            if columns is None:
                list(other.batches())
            else:
                assert columns == [[cells[place].strip() for _, cells in rows_of] for place in wanted]
                other.skip(len(rows_of))
            assert stretch.spot is not None
            assert stretch.spot == other.spot
            found = rows_in(read_again(source, ",", stretch.spot))
            assert found == rows_of


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ("1, 2,x\n3,4,y", [["1", "3"], ["2", "4"]]),
        ("1, 2,x\r\n3,4,y\r\n", [["1", "3"], ["2", "4"]]),
        ("1,2\n3,\n", [["1", "3"], ["2", ""]]),
        ("1,2,x\r5,6\r\n3,4,y\r\n", None),
        ("1,2,x\r\n3,4,y\r", None),
        ("1,2,x\n3,4,y\r\n", None),
        ("1,2,x\r3,4,y\n", None),
        ("1,2,x\n3\n", None),
        ("1,2,x\n,4,y\n", None),
        ('1,2,"x"\n3,4,y\n', None),
        ("1,2,x\n\x1a,,\n", None),
        ("1,2,\x1a\n3,4,y\n", [["1", "3"], ["2", "4"]]),
    ],
)
def test_columns_are_had_of_plain_rows_only(rows: str, columns: list[list[str]] | None, tmp_path: Path) -> None:
    """Line ends of one kind, no quote, a text in the first column, the other one in each row."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"A,B,C\n" + rows.encode())
    (stretch,) = read_stretches(Source(path, "utf-8", 0, 1000), ",")
    assert stretch.columns([0, 1]) == columns


def test_parts_are_even_and_keep_their_order() -> None:
    """A batch is cut into parts of at most the size asked for, none of them tiny."""
    batch = Batch(",", range(2, 13), [str(number) for number in range(11)])
    parts = list(batch.parts(5))
    assert [len(part) for part in parts] == [3, 4, 4]
    assert [text for part in parts for text in part.texts] == list(batch.texts)
    assert [line for part in parts for line in part.lines] == list(range(2, 13))


def test_some_columns_are_cut_out(tmp_path: Path) -> None:
    """The cells of single columns are the same whether rows are split or come from the csv module."""
    path = tmp_path / "a.csv"
    path.write_text('A,B,C\n1,2,3\n4,"5",6\n')
    (quoted,) = read_batches(Source(path, "utf-8", 0, 1000))
    (split, _) = read_batches(Source(path, "utf-8", 0, 1000), block=2)
    assert quoted.columns([2, 0]) == [["3", "6"], ["1", "4"]]
    assert split.columns([2, 0]) == [["3"], ["1"]]
    assert (quoted.row(1), split.row(0), split.sizes()) == (["4", "5", "6"], ["1", "2", "3"], {3})


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (["1,2,3", "4,,6"], [["1", "4"], ["2", ""], ["3", "6"]]),
        (["1,2,3"], [["1"], ["2"], ["3"]]),
        (["1,2,3", "4,5", "6,7,8,9"], []),
        (["1,2,3,4", "5,6"], []),
        (["1,2", "3,4,5"], []),
        (["1,2,3,4,5,6,7", "8,9,10"], []),
    ],
)
def test_all_columns_are_had_of_rows_of_one_length(rows: list[str], columns: list[list[str]], quoted: bool) -> None:
    """Rows that are too short and too long in turn make no whole ones together."""
    cells = [row.split(",") for row in rows]
    batch = by_cells(",", range(len(rows)), cells) if quoted else Batch(",", range(len(rows)), rows)
    assert batch.all_columns(3) == columns


def test_columns_that_are_kept() -> None:
    batch = Batch(",", range(2), ["1,2,3", "4,5"])
    batch.keep({0: ["1", "4"], 1: ["2", "5"]})
    assert (batch.kept([1, 0]), batch.kept([0, 2])) == ([["2", "5"], ["1", "4"]], [])
    assert batch.columns([1]) == [["2", "5"]]


def test_a_row_that_is_not_read_changes_no_text_of_the_others() -> None:
    """By its text a row is known again, whatever stands beside it."""
    unread = misquoted(['"a"b,c'], ",", 2)
    assert unread is not None
    alone, beside = by_cells(",", [3], [["1", "2"]]), by_cells(",", [2, 3], [unread, ["1", "2"]])
    assert (beside.texts[1:], beside.sizes(), beside.all_columns(2)) == (alone.texts, {0, 2}, [])
