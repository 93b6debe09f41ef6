from __future__ import annotations

import contextlib
import csv
import io
import re
import tempfile
from pathlib import Path
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from errors import FileProblem
from imports.reading import Record, inspect, records
from schemas import SCHEMAS
from schemas.product import ProductSchema

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252")
CP1252 = "".join(bytes([byte]).decode("cp1252", "ignore") for byte in range(32, 256) if byte != 127)
# Control characters are left out: a file full of them is taken for binary data.
ANY = st.characters(exclude_categories=["Cs"], exclude_characters=[chr(n) for n in (*range(32), 127)])


def cells_of(encoding: str) -> st.SearchStrategy[str]:
    letters = st.sampled_from(CP1252) if encoding == "cp1252" else ANY
    return st.text(st.sampled_from(',;|\t"\n\r\\N ') | letters, max_size=8)


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, str, str, list[list[str]]]:
    """An encoding, a delimiter, a line end, and the rows of a table."""
    encoding = draw(st.sampled_from(ENCODINGS))
    width = draw(st.integers(1, 5))
    row = st.lists(cells_of(encoding), min_size=width, max_size=width)
    return (encoding, draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n", "\r"])),
            draw(st.lists(row, max_size=8)))  # fmt: skip


def written(row: list[str], delimiter: str, ends: str) -> str:
    """One row by csv.writer, which quotes line breaks of every kind only where CRLF ends lines."""
    text = io.StringIO(newline="")
    quoting: Literal[0, 1] = csv.QUOTE_MINIMAL if ends == "\r\n" else csv.QUOTE_ALL
    csv.writer(text, delimiter=delimiter, lineterminator=ends, quoting=quoting).writerow(row)
    return text.getvalue()


@given(tables())
@settings(max_examples=300, deadline=None)
def test_what_csv_writes_is_read_back(table: tuple[str, str, str, list[list[str]]]) -> None:
    """Any table in any encoding, delimiter and line end comes back cell for cell, with the line each row starts on."""
    encoding, delimiter, ends, rows = table
    width = len(rows[0]) if rows else 1
    header = ["SKU_ID", *(f"Attribute: {n}" for n in range(1, width))]
    # The last row keeps the file from being empty, and one in Windows-1252 from being UTF-8 by chance.
    rows = [*rows, ["ÿ" if encoding == "cp1252" else "x"] * width]
    texts = [written(row, delimiter, ends) for row in [header, *rows]]

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "PRODUCT_18_09_2024.csv"
        path.write_bytes("".join(texts).encode(encoding))
        shape = inspect(path, ProductSchema())
        found = list(records(path, shape))

    expected, line = [], 1
    for text, row in zip(texts, [header, *rows], strict=True):
        expected.append(Record(line, row))
        line += len(re.findall("\r\n|\r|\n", text))
    assert [record for record in expected[1:] if any(map(str.strip, record.cells))] == found
    assert width == 1 or delimiter == shape.delimiter
    assert header == [column.text for column in shape.columns]


@given(
    beginning=st.sampled_from(
        [b"", b"SKU_ID,Name\n", b'SKU_ID;"Name"\r\n1;"', b"\xff\xfe", b"\xef\xbb\xbfName\n", b"PK"]
    ),
    rest=st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")),
    schema=st.sampled_from(SCHEMAS),
    order=st.sampled_from(["strict", "any"]),
)
@settings(max_examples=400, deadline=None)
def test_no_bytes_raise_anything_but_a_file_problem(beginning: bytes, rest: bytes, schema: type, order: str) -> None:
    """Whatever is sent, it is read or refused with a code."""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(FileProblem):
        path = Path(folder) / "file.csv"
        path.write_bytes(beginning + rest)
        shape = inspect(path, schema(), column_order=order, max_record=100)
        for record in records(path, shape, max_record=100):
            assert record.line > shape.header_line
