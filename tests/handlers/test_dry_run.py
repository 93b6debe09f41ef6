"""A dry run says what an import would do, and does nothing."""

from __future__ import annotations

import pytest

import layout
from models import TABLES, ImportRun, Upload
from tests.partner import Partner, counts

CONTENT = "SKU_ID,Name,MOQ\n1,a,1\n2,b2,\n3,c,x\n4,d,\n"


def everything() -> dict[str, list[dict[str, object]]]:
    """All rows of all tables but those that tell of imports."""
    return {model.__name__: list(model.select().dicts()) for model in TABLES if model not in (Upload, ImportRun)}


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_counts_and_report_are_those_of_the_import(partner: Partner, chunk_rows: int) -> None:
    """The same file, then imported, has the same outcome."""
    partner.send("product", "SKU_ID,Name,MOQ\n1,a,1\n2,b,\n")
    partner = partner.in_chunks(chunk_rows)

    dry = partner.send("product", CONTENT, dry_run=True)
    said = partner.messages(dry)
    event = partner.send("product", CONTENT)

    assert dry.dry_run
    assert (dry.status, dry.rows, counts(dry)) == ("completed_with_errors", 4, (1, 1, 1, 1))
    assert (event.status, event.rows, counts(event)) == ("completed_with_errors", 4, (1, 1, 1, 1))
    assert said == partner.messages(event)


def test_nothing_is_stored(partner: Partner) -> None:
    """No record, no name of a column, no file in the partner's folders."""
    partner.send("product", "SKU_ID,Name\n1,z\n")
    before = everything()
    files = sorted(layout.account_root(partner.settings, "acme").rglob("*.csv"))

    event = partner.send("product", CONTENT.replace("MOQ", "Price: New"), dry_run=True)

    assert counts(event) == (2, 1, 0, 1)
    assert everything() == before
    assert sorted(layout.account_root(partner.settings, "acme").rglob("*.csv")) == files


def test_a_file_that_can_not_be_read_is_said(partner: Partner) -> None:
    """As it would be in earnest."""
    event = partner.send("product", "SKU_ID,Colour\n1,a\n", dry_run=True)

    assert (event.status, event.code) == ("failed", "UNKNOWN_COLUMN")
    assert [each["code"] for each in partner.messages(event)] == ["UNKNOWN_COLUMN"]


def test_a_refusal_of_the_database_is_found(partner: Partner) -> None:
    """Rows are written and taken back, not only looked at."""
    partner.send("category", f"Reference_ID,Category\n1,A\n,A > {'x' * 900}\n")

    event = partner.send("category", f"Reference_ID,Category\n1,{'y' * 200}\n", dry_run=True)

    assert [each["code"] for each in partner.messages(event)] == ["TOO_LONG"]
