"""on_error = abort: a file is imported whole or not at all (design section 7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import layout
from events import ImportFinished
from handlers import pace
from handlers.run import ImportJob
from hooks import Hooks
from hookspecs import hookimpl
from jobs.queue import claim
from models import Category, EntitySettings, ImportRun
from settings import Settings
from tests.partner import Partner, counts

TOLD_BY = {"product": ("SKU_ID", "Reference_ID"), "collection": ("Name", "Reference_ID"),
           "category": ("Category", "Reference_ID"), "order": ("Reference_ID", "Notes")}  # fmt: skip
"""Columns that tell which record is which."""


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


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
@pytest.mark.parametrize(
    ("entity", "stored", "file", "expected"),
    [
        ("product", "SKU_ID,Reference_ID,Name\nA,R1,a\n", "SKU_ID,Reference_ID,System_ID,Name\n,R2,{},\nB,R1,,b\n",
         {"A": "R2", "B": "R1"}),
        ("product", "SKU_ID,Reference_ID,Name\nA,R1,a\n", "SKU_ID,Reference_ID,System_ID,Name\n,\\N,{},\nB,R1,,b\n",
         {"A": "", "B": "R1"}),
        ("product", "SKU_ID,Reference_ID,Name\nA,R1,a\nB,R2,b\n", "SKU_ID,System_ID\nA2,{}\nA,{}\n",
         {"A2": "R1", "A": "R2"}),
        ("collection", "Reference_ID,Name\nR1,A\nR2,B\n", "System_ID,Name\n{},C\n{},A\n", {"C": "R1", "A": "R2"}),
        ("category", "Reference_ID,Category\nR1,A\n", "System_ID,Reference_ID,Category\n{},,B\n,R2,A\n",
         {"B": "R1", "A": "R2"}),
        ("order", "Reference_ID,Customer_Reference_ID,Order_Date,Notes,SKU_ID,Quantity\nP1,K,2024-09-18,a,S,1\n"
         "P2,K,2024-09-18,b,S,1\n", "Order_ID,Reference_ID,SKU_ID,Quantity\n{},P3,S,1\n{},P1,S,1\n",
         {"P3": "a", "P1": "b"}),
    ],
    ids=["reference", "cleared", "sku", "collection", "category", "order"],
)  # fmt: skip
def test_a_key_that_an_earlier_chunk_gives_up(
    make_settings: Callable[..., Settings],
    make_partner: Callable[..., Partner],
    chunk_rows: int,
    entity: str,
    stored: str,
    file: str,
    expected: dict[str, str],
) -> None:
    """The look at the file finds it free, as the import will, though each chunk was undone."""
    partner = make_partner(make_settings("sqlite"))
    EntitySettings.create(account=partner.account, entity=entity, on_error="abort")
    if entity == "order":
        partner.send("customer", "Reference_ID,Company_Name\nK,Delta\n")
        partner.send("product", "SKU_ID,Name\nS,Cup\n")
    partner.send(entity, stored)
    content = file.format(*partner.column(entity, partner.registry.handler(entity).schema.id_column))
    partner = partner.in_chunks(chunk_rows)

    looked = partner.send(entity, content, dry_run=True)
    event = partner.send(entity, content)

    assert (looked.status, counts(looked)) == (event.status, counts(event)) == ("completed", counts(event))
    key, other = TOLD_BY[entity]
    assert {each[key]: each[other] for each in partner.records(entity)} == expected


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


class Watcher:
    """A plugin that wants to see each row, so that none goes by the column."""

    @hookimpl
    def on_rows(self, entity: str, account: str, rows: list[object]) -> None: ...


@pytest.fixture(params=["by the column", "by rows"])
def torn(request: pytest.FixtureRequest, strict: Partner, monkeypatch: pytest.MonkeyPatch) -> Partner:
    """A strict partner with a category K, whose files go two rows at a time, one chunk to a transaction."""
    strict.send("category", "Category\nK\n")
    monkeypatch.setattr(pace, "LONG", 0)
    strict.hooks = Hooks(plugins=[Watcher()] if request.param == "by rows" else [])
    return strict.in_chunks(2)


class Stopped(BaseException):
    """Nobody catches this one."""


def execute(partner: Partner, number: int, stop_after: tuple[int, int] | None = None) -> ImportFinished:
    """Import a file; somebody deletes the category when it was looked at. A worker may die at a pass and a position."""
    passes = 0

    def progress(done: int, rows: int) -> None:
        nonlocal passes
        if (passes + 1, done) == stop_after:
            raise Stopped
        passes += done == rows
        if passes == 1:
            Category.delete().execute()

    run = claim(partner.settings, partner.registry, "test", number)
    assert run is not None
    handler = partner.registry.handler(run.entity)
    return ImportJob(partner.settings, handler, partner.hooks, run, "test", progress).execute()


def file(bad: int) -> str:
    """Four rows; that on line `bad` needs the category."""
    rows = "".join(f"{line},a,{'K' if line == bad else ''}\n" for line in range(2, 6))
    return f"SKU_ID,Name,Category\n{rows}"


WHY = "because the records changed meanwhile (UNKNOWN_REFERENCE: "


def test_a_row_that_is_rejected_only_when_it_is_written(torn: Partner) -> None:
    """In the first transaction: nothing is in."""
    event = execute(torn, torn.queue("product", file(3)).number)

    assert (event.status, event.code, event.rows, counts(event)) == ("failed", "ROWS_REJECTED", 0, (0, 0, 0, 0))
    (message,) = torn.messages(event)
    assert (message["line"], message["column"], message["value"]) == (3, "Category", "K")
    assert message["message"].startswith("Line 3 was good when the file was looked at, and was rejected when it was "
                                         f"written, {WHY}")  # fmt: skip
    assert message["message"].endswith("; nothing was imported: send the whole file again")
    assert torn.records("product") == []


def test_what_is_in_before_such_a_row_stays_and_is_told(torn: Partner) -> None:
    """It is committed; the rest of the file does not follow, and nothing promises that the file is in but for a row."""
    event = execute(torn, torn.queue("product", file(4)).number)

    assert (event.status, event.code, event.rows, counts(event)) == ("failed", "ROWS_REJECTED", 2, (2, 0, 0, 0))
    (message,) = torn.messages(event)
    assert message["message"].endswith("; 2 of 4 rows are in: send the whole file again")
    assert torn.column("product", "SKU_ID") == ["2", "3"]
    assert [row["SKU_ID"] for row in torn.read(event, ".ids.csv")] == ["2", "3"]
    assert not torn.file(event, ".rejected.csv").exists()


def test_a_file_that_goes_on_after_a_kill_counts_as_a_whole_as_well(torn: Partner) -> None:
    """It was looked at before."""
    number = torn.queue("product", file(4)).number
    with pytest.raises(Stopped):
        execute(torn, number, stop_after=(2, 2))

    event = execute(torn, number)

    assert (event.status, event.code, event.rows, counts(event)) == ("failed", "ROWS_REJECTED", 2, (2, 0, 0, 0))
    assert torn.messages(event)[0]["message"].endswith("; 2 of 4 rows are in: send the whole file again")


def test_a_file_whose_good_rows_go_on_is_not_torn(torn: Partner) -> None:
    """What is rejected then is one row of others."""
    EntitySettings.update(on_error="continue").execute()
    Category.delete().execute()

    assert counts(torn.send("product", file(4))) == (3, 0, 0, 1)
