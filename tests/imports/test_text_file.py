"""Text by the piece is what open() gives."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imports.text_file import TextFile

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252")
BEGINS = {"utf-8": 0, "utf-8-sig": 3, "utf-16": None}
TEXTS = st.lists(st.sampled_from(["\n", "\r\n", "\r", "a", "bcd", "é", "€", "\x0b", "\x85"]), max_size=40).map("".join)
MORE = st.sampled_from(["\u2028", "\U0001f600", "\ufeff"])


class Sparing(io.BytesIO):
    """Gives at most three bytes at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 3))


def test_a_line_may_come_in_many_pieces() -> None:
    """Longer than what is read at once, with CR and LF in different pieces."""
    data = "".join(("é" * (1 << 17), "\r\n", "b\r", "\n")).encode()
    file = TextFile(io.BytesIO(data), "utf-8")
    assert [len(file.readline(1 << 20)) for _ in range(4)] == [(1 << 17) + 2, 3, 0, 0]


@given(encoding=st.sampled_from(ENCODINGS), text=TEXTS, limits=st.lists(st.integers(1, 8), min_size=1, max_size=80))
@settings(max_examples=300, deadline=None)
def test_lines_are_those_of_open(encoding: str, text: str, limits: list[int]) -> None:
    """Line ends of every kind, and lines that are longer than asked for."""
    text = text.replace("\x85", "") if encoding == "cp1252" else text
    data = text.encode(encoding)
    ours, theirs = TextFile(Sparing(data), encoding), io.TextIOWrapper(io.BytesIO(data), encoding, newline="")
    assert [ours.readline(limit) for limit in limits] == [theirs.readline(limit) for limit in limits]


@given(
    encoding=st.sampled_from(ENCODINGS[:3]),
    text=st.lists(TEXTS | MORE, max_size=4).map("".join),
    size=st.integers(1, 9),
    longest=st.integers(1, 9),
)
@settings(max_examples=300, deadline=None)
def test_blocks_end_where_lines_do(encoding: str, text: str, size: int, longest: int) -> None:
    """But for lines that are too long; no line end is torn apart, and each block is found again by its offset."""
    data = text.encode(encoding)
    file, blocks, ends = TextFile(Sparing(data), encoding), list[str](), [BEGINS[encoding]]
    while block := file.block(size, longest):
        blocks.append(block)
        ends.append(file.offset)
    assert "".join(blocks) == text
    for block, start, end in zip(blocks, ends, ends[1:], strict=False):
        assert start is None or data[start:end].decode("utf-8") == block
    for block, following in pairwise(blocks):
        assert not (block.endswith("\r") and following.startswith("\n"))
        assert block.endswith(("\n", "\r")) or len(block) >= longest
    assert (file.offset is None) == (encoding == "utf-16")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\x1a", ["a"]), ("a\n\x1a", ["a\n"]), ("\x1aa\x1a\nb\x1a\x1a", ["\x1aa\x1a\n", "b"]), ("\x1a", [])],
)
def test_the_end_of_a_dos_file_is_left_out(encoding: str, text: str, expected: list[str]) -> None:
    """However often it stands there, and nowhere else, though it comes last in a piece."""
    data = text.encode(encoding)
    by_line, by_block = (TextFile(Sparing(data), encoding) for _ in range(2))

    assert [line for _ in range(4) if (line := by_line.readline(9))] == expected
    assert "".join(by_block.block(1, 9) for _ in range(4)) == "".join(expected)


def test_a_file_of_ends_alone_is_not_read_whole_for_one_line() -> None:
    """It is no text: what is longer than a line may be is refused, as in any other file."""
    file = io.BytesIO(b"\x1a" * 1_000_000)

    assert TextFile(file, "utf-8").readline(100) == "\x1a" * 100
    assert file.tell() < 1_000_000


def test_an_undecodable_byte_raises() -> None:
    """Also one that only the end of the file makes one."""
    with pytest.raises(UnicodeDecodeError):
        TextFile(io.BytesIO(b"a\xc3"), "utf-8").block(10, 10)
