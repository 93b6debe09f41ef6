"""What fields say about many texts at once, against what they make of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import ValidationError

from schemas import CLEAR, Formats, TemplateSchema
from schemas.fields import CellField
from schemas.plain import plain_item_reader, plain_reader
from schemas.product import ProductSchema

PLAIN = ["5", "0", "1.5", "123456789012345678.123456", "https://a.example/1.jpg", "HTTP://A.EXAMPLE", "cup", "x" * 100]
OTHER = [
    "0.", "http", "ftp",
    "", "05", "-1", ".5", "1.", "1.1234567", "1234567890123456789", "1e3", "5\n6", "\n", "\u0663", "a b", "a|b", "|",
    "a\0b", "https://", "https://a.example/ b", "https://a.example/a|b", "https://a.example/\0", "x" * 2001,
    "\u00e4\U0001f600", CLEAR, '="1"', "#N/A", "#1", "a\u200b", "Err:502", "a\x1a", "a\u2028b",
]  # fmt: skip
TEXTS = st.lists(st.one_of(st.sampled_from(PLAIN), st.sampled_from(OTHER), st.text("0123456789.-\nax|", max_size=6)))
COLUMNS: list[tuple[TemplateSchema, str]] = [
    (ProductSchema(), "SKU_ID"),
    (ProductSchema(), "Weight"),
    (ProductSchema(Formats(decimal_separator=",")), "Weight"),
    (ProductSchema(), "Media"),
]
"""A text, numbers of two kinds of writing, a list of addresses."""


def packed(field: CellField, text: str) -> Any:
    """What a text is worth as it stands in JSON; None if it is not good."""
    try:
        return field.pack(field.deserialize(text, "column", {}))
    except ValidationError:
        return None


@pytest.mark.parametrize(("schema", "column"), COLUMNS)
@given(texts=TEXTS)
@example(texts=PLAIN)
@example(texts=OTHER)
@example(texts=[*PLAIN, *OTHER, *PLAIN] * 40)
def test_only_what_is_plain_is_not_doubted(schema: TemplateSchema, column: str, texts: Sequence[str]) -> None:
    """Texts that are not named are good, and worth themselves; places are named in order."""
    field = schema.columns[column]
    several = plain_item_reader(field)
    doubts = several or plain_reader(field, packed=True)
    assert doubts is not None

    found = list(doubts(texts))

    assert found == sorted(set(found))
    for place in set(range(len(texts))).difference(found):
        if texts[place]:
            assert packed(field, texts[place]) == ([texts[place]] if several else texts[place])


@pytest.mark.parametrize(
    ("column", "texts", "expected"),
    [
        ("SKU_ID", ["a", "x" * 101, "", "b\0", "\n", "ä", "b\x7f", "#c", "d"], [1, 3, 4, 6]),
        ("SKU_ID", ["#1", '="1"', "", "#N/A", "a:b", "\u200b1", "ä\u00a0b", "Err:502", "=1"], [1, 3, 5, 7]),
        ("Weight", ["1", "x", "2.5", "", "-1", "3", "05"], [1, 4, 6]),
        ("Weight", ["x", "x", "1", "x"], [0, 1, 3]),
        ("Weight", ["1", "2\n3"], [0, 1]),
        ("Media", ["https://a.example", "nowhere", "", "http://b.example|http://c.example", "ftp://d/\0"], [1, 3, 4]),
        ("Media", [], []),
    ],
)  # fmt: skip
def test_what_is_doubted(column: str, texts: list[str], expected: list[int]) -> None:
    """Just the others: one faulty cell costs the rest of its column nothing. Two lines in a cell are told apart."""
    field = ProductSchema().columns[column]
    doubts = plain_item_reader(field) or plain_reader(field, packed=True)
    assert doubts is not None

    assert list(doubts(texts)) == expected
