"""on_error = abort: a file is imported whole or not at all (design section 7)."""

from __future__ import annotations

import pytest

import layout
from models import EntitySettings, ImportRun
from tests.partner import Partner, counts


@pytest.fixture
def strict(partner: Partner) -> Partner:
    """A partner whose files of products and categories count as a whole."""
    for entity in ("product", "category"):
        EntitySettings.create(account=partner.account, entity=entity, on_error="abort")
    return partner


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_one_bad_row_stops_the_file(strict: Partner, chunk_rows: int) -> None:
    """Nothing is stored; the counts tell how many rows are bad, the report which."""
    event = strict.in_chunks(chunk_rows).send("product", "SKU_ID,Name,MOQ\n1,a,\n2,b,x\n3,c,\n")

    assert (event.status, event.code, event.rows, counts(event)) == ("failed", "ROWS_REJECTED", 3, (0, 0, 0, 1))
    assert [(each["line"], each["code"]) for each in strict.messages(event)] == [(3, "INVALID_VALUE")]
    assert strict.records("product") == []
    assert ImportRun.get_by_id(event.number).error == (
        "1 of 3 rows were rejected, and nothing was imported: correct them in your file and send the whole file again"
    )


def test_the_whole_file_is_to_be_sent_again(strict: Partner) -> None:
    """It lies in failed/; there is no rejected.csv, which would be a part of it, and there are no ids."""
    event = strict.send("product", "SKU_ID,Name\n1,a\n2,\n")

    folder = layout.account_root(strict.settings, "acme") / "Products"
    assert sorted(each.parent.name + each.name[18:] for each in folder.rglob("*.csv")) == [
        f"failed.{event.number:06}.csv", f"reports.{event.number:06}.report.csv"]  # fmt: skip


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_good_file_goes_through(strict: Partner, chunk_rows: int) -> None:
    """Also one whose rows rest on each other, warnings included; each is told once."""
    event = strict.in_chunks(chunk_rows).send("category", "Category\nA > B > C\nA\nA > B\n")
    strict.send("product", "SKU_ID,Name\n007,a\n")
    warned = strict.in_chunks(chunk_rows).send("product", "SKU_ID,Name\n7,a\n8,b\n")

    assert (event.status, event.code, counts(event)) == ("completed", None, (3, 0, 0, 0))
    assert (warned.status, warned.warnings, len(strict.messages(warned))) == ("completed", 1, 1)
    assert len(strict.read(warned, ".ids.csv")) == 2


def test_reports_of_an_aborted_tree_are_in_line_order(strict: Partner) -> None:
    """Although categories are worked on by depth."""
    event = strict.send("category", "Category\nX > Y\nA|\nX > Y > Z\n")

    assert [each["line"] for each in strict.messages(event)] == [2, 3, 4]


def test_a_missing_column_is_said_before_its_rows(strict: Partner) -> None:
    """The file's own fault goes first, and the counts are those of a file that was not read."""
    event = strict.send("product", "SKU_ID,MOQ\n1,2\n2,3\n")

    assert (event.code, event.rows, counts(event)) == ("MISSING_COLUMN", 0, (0, 0, 0, 0))
    assert [each["code"] for each in strict.messages(event)] == ["MISSING_COLUMN"]


def test_other_entities_go_on(strict: Partner) -> None:
    """The setting is of one entity of one account."""
    other = strict.neighbour("globex")

    assert counts(strict.send("collection", "Name,Position\na,\nb,x\n")) == (1, 0, 0, 1)
    assert counts(other.send("product", "SKU_ID,Name\n1,a\n2,\n")) == (1, 0, 0, 1)


def test_a_dry_run_says_what_the_import_would(strict: Partner) -> None:
    """SITE VALIDATE of a file with a bad row must not promise that the others would be in."""
    bad = strict.send("product", "SKU_ID,Name\n1,a\n2,\n", dry_run=True)
    good = strict.send("product", "SKU_ID,Name\n1,a\n", dry_run=True)

    assert (bad.status, bad.code, bad.rows, counts(bad)) == ("failed", "ROWS_REJECTED", 2, (0, 0, 0, 1))
    assert [each["line"] for each in strict.messages(bad)] == [3]
    assert (good.status, good.code, counts(good)) == ("completed", None, (1, 0, 0, 0))
    assert strict.records("product") == []
