from __future__ import annotations

import csv
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imports.unread import Unread, as_plain, by_line, from_plain, misquoted, shown


def unread(text: str, delimiter: str = ";", line: int = 7) -> Unread:
    found = misquoted(text.splitlines(keepends=True), delimiter, line)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "place", "value", "lines", "found"),
    [
        ('"Premium" cable;1\n', 0, '"Premium" cable', [['"Premium" cable', "1"]], "On line 7 'cable' stands behind"),
        ('1;"Mon \\"Cheri\\" box"', 1, '"Mon \\"Cheri\\" box"', [["1", '"Mon \\"Cheri\\" box"']], "On line 7 "),
        ('"x;y";"a""b"c"d";"e"\r\n', 1, '"a""b"c"d"', [["x;y", '"a""b"c"d"', "e"]], "On line 7 'c\"d\"' stands"),
        ('A;"19 inch;1\nB;"20 inch;2\n', 1, '"19 inch;1\nB;"20 inch', [["A", '"19 inch', "1"], ["B", '"20 inch', "2"]],
         "On line 8 '20 inch' stands"),
        ('A;"x\ny";"b"c;"d\ne"\n', 2, '"b"c', [["A", '"x'], ['y"', '"b"c', '"d'], ['e"']], "On line 8 'c' stands"),
    ],
)  # fmt: skip
def test_text_behind_a_closing_quote(text: str, place: int, value: str, lines: list[list[str]], found: str) -> None:
    """Which cell it is, on which line, what stands on each line, and what to do."""
    row = unread(text)

    assert (row.place, row.value, row.lines, list(row)) == (place, value, lines, [])
    assert row.fault.startswith(found)
    assert row.fault.endswith('write "" for a quote that belongs to the text, and put the whole cell in quotes')
    assert ("lines 7 to" in row.fault) == (len(lines) > 1)


def test_lines_that_were_read_as_one_row_are_named() -> None:
    """The partner misses the rows on the others."""
    assert ", and lines 7 to 8 were read as one row:" in unread('A;"19 inch;1\nB;"20 inch;2\n').fault


@pytest.mark.parametrize("text", ['"a" ;"b"\t;c\n', '"a";" b"  ', 'a"b";c"\n', ' "a"b;c', '"a\n""b";c\n', 'a;"b"\x1a'])
def test_what_can_be_read(text: str) -> None:
    """Blanks behind a quote, quotes within a cell that has none at its beginning, quotes that are doubled."""
    assert misquoted(text.splitlines(keepends=True), ";", 1) is None


@given(st.text(st.sampled_from('";;a b\t\n'), min_size=1, max_size=14), st.sampled_from(";|"))
@settings(max_examples=600, deadline=None)
def test_only_what_the_csv_module_refuses_is_not_read(text: str, delimiter: str) -> None:
    """If it is strict; but for rows with nothing but blanks there, which are what it makes of them if it is not."""
    text = text.replace(";", delimiter)
    lines = text.splitlines(keepends=True)
    reader = csv.reader([*lines, "\n", "\n"], delimiter=delimiter)
    next(reader)
    if reader.line_num > len(lines):  # it ends within quotes
        return
    record = lines[: reader.line_num]
    row = misquoted(record, delimiter, 1)
    try:
        next(csv.reader(record, delimiter=delimiter, strict=True))
    except csv.Error:
        behind = [cell.rpartition('"')[2] for cell in "".join(record).split(delimiter)]
        assert row is not None or any(each[:1].isspace() for each in behind)
    else:
        assert row is None


def test_who_asks_for_values_finds_none() -> None:
    """A person sees all that stands there."""
    row = unread('A;"19 inch;1\nB;"20 inch;2\n')

    assert (len(row), row == [], by_line(row)) == (0, True, row.lines)
    assert shown(row) == ["A", '"19 inch', "1", "B", '"20 inch', "2"]
    assert (shown(["a", "b"]), by_line(["a", "b"])) == (["a", "b"], [["a", "b"]])


@pytest.mark.parametrize("cells", [["a", "b"], [""], unread('"a"b;c')])
def test_cells_come_back_from_json(cells: list[str]) -> None:
    """Also those that are not to be read."""
    found = from_plain(json.loads(json.dumps(as_plain(cells))))

    assert type(found) is type(cells)
    assert (as_plain(found), found) == (as_plain(cells), cells)
