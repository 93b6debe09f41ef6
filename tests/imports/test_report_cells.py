from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imports.report_cells import LONGEST_MESSAGE, cut_message, cut_value, harmless, neutralise, restore

TEXTS = st.text() | st.text(st.sampled_from("'=+-@\t\r\n1.,eE a"))


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30 123", "-x", "@SUM(A1)", "\tx", "\r=1", "'=1", "''-x", "-", "=", "--1"]
)
def test_what_a_spreadsheet_would_run_is_neutralised(text: str) -> None:
    """A formula gets a ' before it, and so does what already looks like a neutralised one."""
    assert neutralise(text) == "'" + text


@pytest.mark.parametrize("text", ["", "cup", "-5", "+5", "-1.5", "-1,5", "-.5", "+1.2e-7", "a=b", "'quoted'", " =1"])
def test_plain_texts_and_numbers_stay(text: str) -> None:
    """A negative number is no formula."""
    assert neutralise(text) == text


@given(TEXTS)
def test_restoring_undoes_neutralising(text: str) -> None:
    """No text is changed by going into a report and coming back."""
    assert restore(neutralise(text)) == text


@given(TEXTS, TEXTS)
def test_neutralising_keeps_texts_apart(one: str, other: str) -> None:
    """Two texts never look the same in a report."""
    assert (one == other) == (neutralise(one) == neutralise(other))


@given(TEXTS)
def test_no_message_is_a_formula(text: str) -> None:
    """None begins with what a spreadsheet runs, and no quote is doubled, however often it is made harmless."""
    safe = harmless(text)

    assert safe[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n")
    assert safe in (text, f"'{text}")
    assert harmless(safe) == safe


def test_a_message_that_begins_with_a_quoted_value() -> None:
    """It reads as it is meant."""
    assert harmless("'-1' is too small") == "'-1' is too small"


def test_long_values_are_cut() -> None:
    """A value of 200 characters stands in full, a longer one ends in …"""
    assert cut_value("x" * 200) == "x" * 200
    assert cut_value("x" * 201) == "x" * 200 + "…"


def test_long_messages_lose_their_middle() -> None:
    """What to do stands at the end of a message, and is kept."""
    assert cut_message("x" * LONGEST_MESSAGE) == "x" * LONGEST_MESSAGE
    cut = cut_message(repr("x" * 1_000_000) + " is not a whole number")

    assert len(cut) == LONGEST_MESSAGE + 1
    assert cut.startswith("'xxx")
    assert cut.endswith("x' is not a whole number")
