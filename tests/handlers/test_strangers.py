"""The log names records that refer to another account's, and not too many of them."""

from __future__ import annotations

import pytest

from handlers.strangers import NAMED, Strangers


def test_a_record_is_named_with_all_that_it_refers_to(caplog: pytest.LogCaptureFixture) -> None:
    """One that refers to nothing strange is not."""
    strangers = Strangers("order")
    strangers.tell("01", ())
    strangers.tell("02", ("customer", "billing_address"))

    assert caplog.messages == [
        "order 02 is not written as it is stored: its customer and billing_address is not there, or of another "
        "account; correct it"
    ]


def test_of_many_records_the_first_are_named(caplog: pytest.LogCaptureFixture) -> None:
    """A program that confuses accounts does so with each order, and the log has to stay readable."""
    strangers = Strangers("order")
    for number in range(3 * NAMED):
        strangers.tell(f"{number:02}", ("customer",))

    assert len(caplog.messages) == NAMED + 1
    assert caplog.messages[-1] == "further records of the kind order refer to another account: correct these first"
