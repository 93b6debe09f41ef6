"""The rules of collections (design section 7)."""

from __future__ import annotations

import pytest

from tests.partner import Partner, counts

HEADER = "Reference_ID,Name,Position\n"


def test_a_collection_is_found_by_name_or_reference_id(partner: Partner) -> None:
    """A Reference_ID on a known name is taken; then it alone finds the record."""
    partner.send("collection", "Name\nSummer\n")

    assert counts(partner.send("collection", HEADER + "C1,Summer,1\n")) == (0, 1, 0, 0)
    assert counts(partner.send("collection", HEADER + "C1,,2\n")) == (0, 1, 0, 0)
    assert partner.column("collection", "Position") == ["2"]


def test_conflicts_are_those_of_products(partner: Partner) -> None:
    """Two records, a changed Reference_ID, a name that changes without System ID, a name that is taken."""
    partner.send("collection", HEADER + "C1,Summer,\nC2,Winter,\n")
    ids = partner.ids("collection", "Name")

    header = "System_ID,Reference_ID,Name\n"
    assert partner.codes("collection", header + ",C2,Summer\n") == [(2, "Reference_ID", "KEY_CONFLICT")]
    assert partner.codes("collection", header + ",C9,Summer\n") == [(2, "Reference_ID", "KEY_CONFLICT")]
    assert partner.codes("collection", header + ",C1,Spring\n") == [(2, "Name", "KEY_CONFLICT")]
    assert partner.codes("collection", f"{header}{ids['Summer']},,Winter\n") == [(2, "Name", "KEY_CONFLICT")]
    assert counts(partner.send("collection", f"{header}{ids['Summer']},C9,Spring\n")) == (0, 1, 0, 0)


def test_products_keep_a_collection_that_is_renamed(partner: Partner) -> None:
    """They refer to the record."""
    partner.send("collection", "Name\nSummer\n")
    partner.send("product", "SKU_ID,Name,Collection\n1,Cup,Summer\n")
    (system_id,) = partner.column("collection", "System_ID")

    partner.send("collection", f"System_ID,Name\n{system_id},Sun\n")

    assert partner.column("product", "Collection") == ["Sun"]


def test_a_name_fits_a_list(partner: Partner) -> None:
    """No product could name a collection with a | in it."""
    (message,) = partner.rejected("collection", "Name\nA|B\n")

    assert (message["column"], message["value"], message["code"]) == ("Name", "A|B", "INVALID_VALUE")


def test_names_differ_by_case(partner: Partner) -> None:
    """Only companies are matched by folded names."""
    assert counts(partner.send("collection", "Name\nSummer\nsummer\n")) == (2, 0, 0, 0)


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_conflict_names_the_name_that_the_record_has_by_then(partner: Partner, chunk_rows: int) -> None:
    """A row before has changed it, by the System ID."""
    partner.send("collection", HEADER + "C1,Summer,\n")
    (system_id,) = partner.ids("collection", "Name").values()

    event = partner.in_chunks(chunk_rows).send(
        "collection", f"System_ID,Reference_ID,Name\n{system_id},,Sun\n,C1,Spring\n"
    )

    assert counts(event) == (0, 1, 0, 1)
    assert [(each["line"], each["code"], each["message"]) for each in partner.messages(event)] == [
        (3, "KEY_CONFLICT", "Reference_ID 'C1' belongs to Name 'Sun', not 'Spring': to change Name, send System_ID "
                            f"{system_id} with it")]  # fmt: skip
