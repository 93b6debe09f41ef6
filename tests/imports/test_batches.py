"""Reading by the batch gives the rows that reading one by one gives."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errors import FileProblem
from imports.batches import Batch, read_batches
from imports.lines import Record, Source, read_records

PIECES = st.sampled_from([",", ",", "\n", "\r\n", "\r", '"', '""', " ", "\t", "a", "bc", "é", "\x0b", "\u2028", "\0"])

Outcome = tuple[list[Record], str]


def one_by_one(source: Source) -> Outcome:
    found: list[Record] = []
    try:
        found.extend(read_records(source, ","))
    except FileProblem as problem:
        return found[1:], f"{problem.line} {problem.code} {problem.message}"
    return found[1:], ""


def by_the_batch(source: Source, block: int) -> Outcome:
    found: list[Record] = []
    try:
        for batch in read_batches(source, ",", block):
            assert len(batch) == len(batch.lines) == len(batch.texts) == len(batch.rows())
            found.extend(map(Record, batch.lines, batch.rows()))
    except FileProblem as problem:
        return found, f"{problem.line} {problem.code} {problem.message}"
    return found, ""


@given(
    pieces=st.lists(PIECES, max_size=60),
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
    source = Source(path, "utf-8", skip, longest)
    assert by_the_batch(source, block) == one_by_one(source)


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
    (quoted,) = read_batches(Source(path, "utf-8", 0, 1000), ",")
    (split, _) = read_batches(Source(path, "utf-8", 0, 1000), ",", block=2)
    assert quoted.columns([2, 0]) == [["3", "6"], ["1", "4"]]
    assert split.columns([2, 0]) == [["3"], ["1"]]
    assert (quoted.row(1), split.row(0), split.sizes()) == (["4", "5", "6"], ["1", "2", "3"], {3})
