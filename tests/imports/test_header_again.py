from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from imports.header_again import HeaderAgain
from imports.reading import FileShape, Record, again, count_fault, inspect, stretches
from imports.unread import Unread, shown
from schemas.collection import CollectionSchema
from schemas.product import ProductSchema

WriteFile = Callable[[str | bytes], Path]
ReadFile = Callable[..., tuple[FileShape, list[Record]]]

HEADERS = ["SKU_ID,Name,MOQ", "\ufeffSKU_ID,Name,MOQ", "SKU_ID, name,m o q"]
ROWS = ["SKU_ID,Name", "SKU_ID,Name,x", "SKU_IDs,Name,MOQ", "x,SKU_ID,Name", " SKU_ID,Name,MOQ"]


def headers(found: list[Record]) -> list[int]:
    """The lines on which the header was found again."""
    return [record.line for record in found if isinstance(record.cells, Unread)]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("plain", [True, False])
def test_the_header_within_a_file(ends: str, plain: bool, read_file: ReadFile) -> None:
    """In whatever way the rows are read: first and last, with a byte order mark, other columns in other spellings."""
    rows = [HEADERS[0], *ROWS, HEADERS[1], "1,a,1", "2,b,1" if plain else '2,"b",1', HEADERS[2]]

    _, found = read_file(ends.join(["SKU_ID,Name,MOQ", *rows]))

    assert headers(found) == [2, 8, 11]
    assert [shown(record.cells) for record in found] == [row.replace('"', "").split(",") for row in rows]


@pytest.mark.parametrize("row", [*HEADERS, '"SKU_ID",Name,"MOQ"'])
def test_what_is_told(row: str, read_file: ReadFile) -> None:
    """The row has no cells that could be taken for values."""
    shape, (_, found) = read_file(f"SKU_ID,Name,MOQ\n1,a,1\n{row}\n")

    assert (found.line, list(found.cells)) == (3, [])
    assert count_fault(shape, found.cells) == (
        "The header stands here again: take the line out (files that were joined have one each)")  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_rows_that_are_like_the_header(row: str, read_file: ReadFile) -> None:
    """Fewer cells, other ones, or a first cell that is not written as in the header."""
    assert headers(read_file(f"SKU_ID,Name,MOQ\n{row}\n")[1]) == []


def test_notes_do_not_matter(read_file: ReadFile) -> None:
    """Columns that are ignored hold anything, as in rejected.csv, which gives the header back as a row."""
    header = "SKU_ID,_mine,Name,_line,_code,_message,"

    assert headers(read_file(f"{header}\nSKU_ID,x,Name,7,y,z\nSKU_ID,,Name\nSKU_ID,_mine,x\n")[1]) == [2, 3]


def test_an_ignored_column_in_front(read_file: ReadFile) -> None:
    """By its first cell the header is known, whatever that means."""
    assert headers(read_file("_no,SKU_ID,Name\n1,SKU_ID,Name\n_no,SKU_ID,Name\n")[1]) == [3]


def test_a_header_of_one_column(read_file: ReadFile) -> None:
    """And one with a line break."""
    assert headers(read_file("Name\nNames\nName\n", CollectionSchema())[1]) == [3]
    assert headers(read_file('"SKU\nID",Name\n1,a\n"SKU\nID",Name\n')[1]) == [4]


def test_a_stretch_that_is_read_again(write_file: WriteFile) -> None:
    """The part of a file knows the header too."""
    path = write_file("SKU_ID,Name\n1,a\nSKU_ID,Name\n2,b\n")
    shape = inspect(path, ProductSchema())
    (stretch,) = stretches(path, shape)
    rows = [row for batch in stretch.batches() for row in batch.rows()]

    assert stretch.spot is not None
    assert [row for batch in again(path, shape, stretch.spot) for row in batch.rows()] == rows
    assert rows == [["1", "a"], [], ["2", "b"]]


@pytest.mark.parametrize(
    ("text", "letters", "expected"),
    [
        ("A,B\nSKU_ID,x\n", "AS", True),
        ("SKU_ID,x\nA", "AS", True),
        ("A\n\ufeffSKU_ID,x", "A\ufeff", True),
        ("A\nSKU_ID\n", "AS", False),
        ("A,SKU_ID,x\nS", "AS", False),
        ("A,B\nSKU_ID,x\n", "AB", False),
        ("A,B\nSKU-ID,x\n", "AS", False),
    ],
)
def test_most_texts_need_no_look_at_their_rows(text: str, letters: str, expected: bool) -> None:
    """A line must begin like the header, which its first letters mostly rule out."""
    assert HeaderAgain(("SKU_ID", "Name"), ",").may_be_in(text, set(letters)) == expected
    assert not HeaderAgain((), ",").may_be_in(text, set(letters))
