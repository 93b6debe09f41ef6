"""Messages tell a text as it stands in the file, so that it is found there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from imports.report_cells import cut_message
from schemas import quoted

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "''"),
        ("A B", "'A B'"),
        ("A\\B", "'A\\B'"),
        ("\\N", "'\\N'"),
        ("\\\\server\\x", "'\\\\server\\x'"),
        ("O'Neil", '"O\'Neil"'),
        ('19"', "'19\"'"),
        ("5' 19\"", "'5' 19\"'"),
        ("Straße 🦚 \u0301", "'Straße 🦚 \u0301'"),
        ("two\r\nlines\ttab\0", r"'two\r\nlines\ttab\x00'"),
        ("a\u00a0b\u200b\u2028\u202e", r"'a\xa0b\u200b\u2028\u202e'"),
        ("\ud800\U000e0001", r"'\ud800\U000e0001'"),
    ],
)
def test_how_a_text_is_told(text: str, told: str) -> None:
    """In one line, all of it to be seen; a backslash is one."""
    assert quoted(text) == told


def test_a_number_of_a_plugin() -> None:
    """What a file holds is text, whatever a plugin makes of it."""
    assert quoted(5) == "'5'"


@pytest.mark.parametrize("letter", ["x", "\0"])
def test_a_long_text(letter: str) -> None:
    """Of a megabyte a report tells as much as it did: both ends of the message."""
    whole = f"{letter * 1_000_000}"

    assert len(quoted(whole)) < 5_000
    assert cut_message(f"Name {quoted(whole)} is wrong") == cut_message(f"Name {whole!r} is wrong")


@pytest.mark.parametrize("folder", ["schemas", "imports", "handlers"])
def test_no_message_doubles_backslashes(folder: str) -> None:
    """As `repr` would, which is right for the author of a plugin only: a TypeError tells what Python he wrote."""
    lines = [line for path in (ROOT / folder).glob("*.py") for line in path.read_text("utf-8").splitlines()]

    assert [line for line in lines if re.search(r"![r]}", line) and "TypeError" not in line] == []
