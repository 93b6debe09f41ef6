"""An import that is given up halfway: counts, report, ids.csv and mail tell the same of what is in."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import handlers.run
import layout
from errors import FileRefused
from events import ImportFinished
from handlers import pace
from handlers.passes import Counts
from handlers.run import ImportJob
from hooks import Hooks
from hookspecs import hookimpl
from jobs.mail_render import render
from jobs.worker import ATTEMPTS, Worker
from models import EntitySettings, ImportRun, Mail, now
from settings import Settings
from tests.partner import Partner, counts

FILES = {
    "product": "SKU_ID,Name,MOQ\n1,a,\n2,b,six\n3,c,\n4,d,\n",
    "category": "Category,Position\nA > B,\nA,\nC,x\nA > B > C,\n",
    "order": "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\n" + "".join(
        f"{reference},K,2024-09-18,{sku},1\n" for reference, sku in (("P1", "S"), ("P2", "X"), ("P3", "S"), ("P4", "S"))
    ),
}  # fmt: skip
"""Four rows each: of the two that are worked on first one is good."""
REJECTED = {"product": (3, "INVALID_VALUE"), "category": (4, "INVALID_VALUE"), "order": (3, "UNKNOWN_REFERENCE")}
IN = {"product": ("SKU_ID", "1"), "category": ("Category", "A"), "order": ("Reference_ID", "P1")}
"""The row that is in: a column of ids.csv, and its cell."""
BAD = "SKU_ID,Name,MOQ\n1,a,six\n2,b,six\n3,c,\n4,d,\n"


@pytest.fixture
def partner(settings: Settings, make_partner: Callable[..., Partner]) -> Partner:
    """A partner who is told by mail; a product and a customer are there, files are written two rows at a time."""
    made = make_partner(settings, emails=["ops@acme.example"])
    made.send("product", "SKU_ID,Name\nS,a\n")
    made.send("customer", "Reference_ID,Company_Name\nK,Delta\n")
    return made.in_chunks(2)


def fail_behind(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """An error of ours ends each transaction that would bring an import past so many rows."""
    checkpoint = ImportJob.checkpoint

    def failing(job: ImportJob, counts: Counts, position: int, offsets: dict[str, int]) -> None:
        if counts.rows and position > rows:
            raise KeyError("ours")
        checkpoint(job, counts, position, offsets)

    monkeypatch.setattr(ImportJob, "checkpoint", failing)


def work(partner: Partner, *plugins: object) -> ImportFinished:
    """A worker tries as often as it may; how the last import ended."""
    ended: list[ImportFinished] = []
    hooks = Hooks(plugins=[*plugins, SimpleNamespace(after_import=hookimpl(lambda event: ended.append(event)))])
    worker = Worker(partner.settings, partner.registry, hooks, lambda seconds: True)
    for _ in range(ATTEMPTS):
        worker.turn("test")
    return ended[-1]


def mail(partner: Partner) -> tuple[str, str]:
    """Subject and text of the newest mail."""
    newest = Mail.select().order_by(Mail.number.desc()).get()
    message = render(partner.settings, newest, partner.registry.folders)
    text = message.get_body(("plain",))
    assert text is not None
    return str(message["Subject"]), " ".join(text.get_content().split())


def lose(partner: Partner, monkeypatch: pytest.MonkeyPatch, name: str) -> int:
    """An import that fails halfway once, and then loses one of its report files; its number."""
    monkeypatch.setattr(pace, "LONG", 0)  # a transaction for each chunk
    number = partner.queue("product", FILES["product"]).number
    with monkeypatch.context() as broken:
        fail_behind(broken, 2)
        assert Worker(partner.settings, partner.registry, Hooks(), lambda seconds: True).turn("test")
    (layout.spool_folder(partner.settings, number) / ImportRun.get_by_id(number).folder / name).unlink()
    return number


@pytest.mark.parametrize("entity", FILES)
def test_what_is_in_is_told(partner: Partner, monkeypatch: pytest.MonkeyPatch, entity: str) -> None:
    """By counts, by the code's message in report and mail, by the rows of report.csv and ids.csv."""
    fail_behind(monkeypatch, 2)
    number = partner.queue(entity, FILES[entity]).number

    event = work(partner)

    reason = (f"ftpdock failed to import the file (KeyError); 1 of 4 rows are in, 1 rejected; "
              f"the file is kept, and import {number} can be retried")  # fmt: skip
    assert (event.status, event.code, event.rows, counts(event)) == ("failed", "INTERNAL", 2, (1, 0, 0, 1))
    assert ImportRun.get_by_id(number).error == reason
    messages = partner.messages(event)
    assert [(each["line"], each["code"]) for each in messages] == [(1, "INTERNAL"), REJECTED[entity]]
    assert messages[0]["message"] == reason
    column, cell = IN[entity]
    assert [row[column] for row in partner.read(event, ".ids.csv")] == [cell]
    subject, text = mail(partner)
    assert subject == f"[ftpdock] {event.file}: failed (INTERNAL), 1 row is in"
    assert f"Code INTERNAL Reason {reason} Rows 2 Created 1 Updated 0 Unchanged 0 Rejected 1" in text
    assert f".{number:06}.ids.csv" in text


def test_the_files_of_an_import_that_was_given_up(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source in failed/, nothing in the spool; no rejected.csv, for the retry makes a whole one."""
    fail_behind(monkeypatch, 2)
    number = partner.queue("product", FILES["product"]).number

    work(partner)

    folder = layout.account_root(partner.settings, "acme") / "Products"
    assert sorted(each.parent.name + each.name[18:] for each in folder.rglob(f"*.{number:06}.*")) == [
        f"failed.{number:06}.csv", f"reports.{number:06}.ids.csv", f"reports.{number:06}.report.csv"]  # fmt: skip
    assert not layout.spool_folder(partner.settings, number).exists()


def test_the_last_attempt_got_on(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had committed counts as well as what former ones had; what it lost is in no report."""
    fail_behind(monkeypatch, 2)
    number = partner.queue("category", FILES["category"]).number
    ImportRun.update(failures=ATTEMPTS - 1).where(ImportRun.number == number).execute()

    event = work(partner)

    assert (event.code, event.rows, counts(event)) == ("INTERNAL", 2, (1, 0, 0, 1))
    assert [row["Category"] for row in partner.read(event, ".ids.csv")] == ["A"]
    assert [each["code"] for each in partner.messages(event)] == ["INTERNAL", "INVALID_VALUE"]


@pytest.mark.parametrize(("text", "rows"), [(FILES["product"], 0), (BAD, 2)])
def test_nothing_is_in(partner: Partner, monkeypatch: pytest.MonkeyPatch, text: str, rows: int) -> None:
    """No chunk was committed, or only rejected rows: nothing is counted, and no IDs are promised."""
    fail_behind(monkeypatch, rows)
    number = partner.queue("product", text).number

    event = work(partner)

    assert (event.code, event.rows, counts(event)) == ("INTERNAL", 0, (0, 0, 0, 0))
    assert [each["message"] for each in partner.messages(event)] == [
        "ftpdock failed to import the file (KeyError); nothing was imported; "
        f"the file is kept, and import {number} can be retried"
    ]
    assert not partner.file(event, ".ids.csv").exists()
    assert mail(partner)[0] == f"[ftpdock] {event.file}: failed (INTERNAL), nothing imported"


def test_a_file_that_counts_as_a_whole_is_half_in(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """on_error = abort keeps bad rows out, not errors of ours; it is said all the same."""
    EntitySettings.create(account=partner.account, entity="product", on_error="abort")
    fail_behind(monkeypatch, 2)
    partner.queue("product", "SKU_ID,Name\n1,a\n2,b\n3,c\n4,d\n")

    event = work(partner)

    assert (event.code, event.rows, counts(event)) == ("INTERNAL", 2, (2, 0, 0, 0))
    assert "2 of 4 rows are in, 0 rejected" in partner.messages(event)[0]["message"]


def test_report_files_that_were_lost(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing brings them back: the import ends and says so, instead of being tried for ever."""
    number = lose(partner, monkeypatch, "report.csv")

    event = work(partner)

    assert (event.code, event.rows, counts(event)) == ("INTERNAL", 2, (1, 0, 0, 1))
    assert [each["message"] for each in partner.messages(event)] == [
        "ftpdock failed to import the file (FtpdockError); 1 of 4 rows are in, 1 rejected; "
        f"the file is kept, and import {number} can be retried"
    ]
    assert [row["SKU_ID"] for row in partner.read(event, ".ids.csv")] == ["1"]


def test_ids_that_were_lost_are_not_promised(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the mail; the report is there as ever."""
    lose(partner, monkeypatch, "ids.csv")

    event = work(partner)

    assert [each["code"] for each in partner.messages(event)] == ["INTERNAL", "INVALID_VALUE"]
    subject, text = mail(partner)
    assert subject.endswith("failed (INTERNAL), 1 row is in")
    assert "ids.csv" not in text


@pytest.mark.parametrize("keyed", [True, False])
def test_what_would_be_made_again_is_told(partner: Partner, monkeypatch: pytest.MonkeyPatch, keyed: bool) -> None:
    """The file is gone and has to come again: orders that have no key are not to come with it."""
    number = partner.queue("order", FILES["order"] if keyed else re.sub(r"P\d", "", FILES["order"])).number
    with monkeypatch.context() as broken:
        fail_behind(broken, 2)
        assert Worker(partner.settings, partner.registry, Hooks(), lambda seconds: True).turn("test")
    (layout.spool_folder(partner.settings, number) / "ORDER_18_09_2024.csv").unlink()

    event = work(partner)

    assert (event.code, counts(event)) == ("INTERNAL", (1, 0, 0, 1))
    text = mail(partner)[1]
    assert "The file itself is gone: upload it into /Orders once more." in text
    assert ("some has no key and would be made a second time" in text) == (not keyed)


def test_a_retry_finds_what_is_in(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its keys, and adds the rest."""
    partner.queue("product", FILES["product"])
    with monkeypatch.context() as broken:
        fail_behind(broken, 2)
        work(partner)

    assert counts(partner.send("product", FILES["product"])) == (2, 0, 1, 1)


def test_a_retry_makes_orders_without_a_key_again(partner: Partner) -> None:
    """Nothing tells that they are the same: docs/imports.md says so."""
    text = re.sub(r"P\d", "", FILES["order"])
    for _ in range(2):
        assert counts(partner.send("order", text)) == (3, 0, 0, 1)

    assert len(set(partner.column("order", "Order_ID"))) == 6


def test_a_hook_that_refuses_the_rest(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """`before_import` is called at each attempt: what is in by then is told as well."""

    class Refuser:
        @hookimpl
        def before_import(self) -> None:
            raise FileRefused("not today")

    partner.queue("category", FILES["category"])
    with monkeypatch.context() as broken:
        fail_behind(broken, 2)
        assert Worker(partner.settings, partner.registry, Hooks(), lambda seconds: True).turn("test")

    event = work(partner, Refuser())

    assert (event.code, event.rows, counts(event)) == ("REFUSED", 2, (1, 0, 0, 1))
    assert partner.messages(event)[0]["message"] == "not today"
    assert mail(partner)[0] == f"[ftpdock] {event.file}: failed (REFUSED), 1 row is in"


def test_a_dry_run_speaks_of_no_retry(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps no file, and changed nothing."""
    fail_behind(monkeypatch, -1)
    partner.queue("product", FILES["product"], dry_run=True)

    event = work(partner)

    assert (event.code, event.rows, counts(event)) == ("INTERNAL", 0, (0, 0, 0, 0))
    assert [each["message"] for each in partner.messages(event)] == [
        "ftpdock failed to import the file (KeyError); it was a dry run, and nothing was changed"
    ]


def failing(error: Exception) -> Callable[..., None]:
    def fail(*arguments: object) -> None:
        raise error

    return fail


def rested(number: int) -> None:
    """Let the pause of an import be over."""
    ImportRun.update(lease_until=None).where(ImportRun.number == number).execute()


def test_what_is_decided_stands(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows are in, and only the moving of the files fails: it is tried again, and counts and report stay."""
    number = partner.queue("product", FILES["product"]).number
    worker = Worker(partner.settings, partner.registry, Hooks(), lambda seconds: True)
    with monkeypatch.context() as broken:
        broken.setattr("handlers.run.close", failing(KeyError("ours")))
        for _ in range(ATTEMPTS + 1):
            assert worker.turn("test")
            assert ImportRun.get_by_id(number).lease_until is not None
            rested(number)

    event = work(partner)

    assert (event.status, event.rows, counts(event)) == ("completed_with_errors", 4, (3, 0, 0, 1))
    assert [row["SKU_ID"] for row in partner.read(event, ".ids.csv")] == ["1", "3", "4"]
    assert "closing" not in {each.key.split("-")[0] for each in Mail.select()}


def test_the_admin_is_told_of_files_that_can_not_be_put_in_place(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, after three attempts: the import is neither lost nor set aside."""
    told = replace(partner.settings, admin_email="admin@house.example")
    number = partner.queue("product", FILES["product"]).number
    monkeypatch.setattr("handlers.run.close", failing(KeyError("ours")))
    worker = Worker(told, partner.registry, Hooks(), lambda seconds: True)
    alert = Mail.select().where(Mail.key == f"closing-{number}")

    for attempt in range(ATTEMPTS + 2):
        assert alert.count() == (attempt >= ATTEMPTS)
        assert worker.turn("test")
        rested(number)

    message = render(told, alert.get(), {})
    assert str(message["Subject"]) == (
        f"[ftpdock] Import {number} of acme is decided, but its files can't be put in place"
    )
    text = message.get_body(("plain",))
    assert text is not None
    assert "PRODUCT_18_09_2024.csv is decided, but its files can't be put in place: KeyError: 'ours'" in " ".join(
        text.get_content().split()
    )


def test_the_admin_is_told_of_a_folder_that_takes_no_files(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]
) -> None:
    """By an error of the disk, as it mostly is; the import comes to its end as soon as that is mended."""
    partner = make_partner(make_settings("sqlite", admin_email="admin@house.example"))
    number = partner.queue("product", FILES["product"]).number
    folder = layout.account_root(partner.settings, "acme") / "Products"
    folder.mkdir(parents=True)
    (folder / layout.PROCESSED).write_text("a file, where a folder should be")
    worker = Worker(partner.settings, partner.registry, Hooks(), lambda seconds: True)

    for attempt in range(ATTEMPTS + 1):
        assert [each.key for each in Mail.select()] == [f"closing-{number}"] * (attempt >= ATTEMPTS)
        assert worker.turn("test")
        rested(number)
    (folder / layout.PROCESSED).unlink()
    assert worker.turn("test")

    assert ImportRun.get_by_id(number).status == "completed_with_errors"
    assert (folder / layout.PROCESSED / f"PRODUCT_18_09_2024.{number:06}.csv").exists()


def test_the_admin_is_told_of_an_import_that_can_not_go_on(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]
) -> None:
    """Once a day, when it rests for the longest pause: most disturbances are over by then."""
    partner = make_partner(make_settings("sqlite", admin_email="admin@house.example"))
    number = partner.queue("product", FILES["product"]).number
    source = layout.spool_folder(partner.settings, number) / "PRODUCT_18_09_2024.csv"
    source.unlink()
    source.mkdir()
    worker = Worker(partner.settings, partner.registry, Hooks(), lambda seconds: True)

    for rests in range(9):
        assert Mail.select().count() == (rests > 6)
        assert worker.turn("test")
        rested(number)

    message = render(partner.settings, Mail.get(), {})
    assert str(message["Subject"]) == f"[ftpdock] Import {number} of acme can't go on"
    text = message.get_body(("plain",))
    assert text is not None
    assert "could not go on with PRODUCT_18_09_2024.csv: IsADirectoryError:" in " ".join(text.get_content().split())
    assert ImportRun.get_by_id(number).failures == 0


def test_files_that_can_not_be_put_in_place_keep_no_other_account_waiting(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import is the next one of its account for ever, which had its last turn when that was first begun."""
    other = partner.neighbour("globex")
    for each in (partner, *[other] * 4):
        each.queue("collection", "Name\nA\n")
    close = handlers.run.close

    def closing(settings: Settings, account: str, *more: Any) -> Any:
        if account == "acme":
            raise KeyError("ours")
        return close(settings, account, *more)

    monkeypatch.setattr("handlers.run.close", closing)
    monkeypatch.setattr("jobs.worker.PAUSE", 3600.0)
    worker = Worker(partner.settings, partner.registry, Hooks(), lambda seconds: True)
    for _ in range(5):
        assert worker.turn("test")

    theirs = ImportRun.select().where(ImportRun.account == other.account)
    assert [run.status for run in theirs] == ["completed"] * 4


@pytest.mark.parametrize("error", [OSError(5, "Input/output error", "/srv/ftpdock"), KeyError("ours")])
def test_the_reason_outlives_a_close_that_fails(
    partner: Partner, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The partner reads what is wrong with the file, not what went wrong here, and where."""
    number = partner.queue("product", "PK\x03\x04").number
    worker = Worker(partner.settings, partner.registry, Hooks(), lambda seconds: True)
    with monkeypatch.context() as broken:
        broken.setattr("handlers.run.close", failing(error))
        assert worker.turn("test")
    reason = ImportRun.get_by_id(number).error
    assert reason == "This is a zip archive: unpack it and send the CSV"
    rested(number)

    assert worker.turn("test")

    ended = ImportRun.get_by_id(number)
    assert (ended.status, ended.code, ended.error) == ("failed", "NOT_TEXT", reason)


def test_giving_up_keeps_its_lease(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a plugin takes to hear of the end: else another worker would end it a second time."""
    renewed = []

    class Slow:
        @hookimpl
        def after_import(self, event: ImportFinished) -> None:
            past = now() - dt.timedelta(seconds=1)
            ImportRun.update(lease_until=past).where(ImportRun.number == event.number).execute()
            end = time.monotonic() + 10
            while not (held := ImportRun.get_by_id(event.number).lease_until > past) and time.monotonic() < end:
                time.sleep(0.02)
            renewed.append(held)

    partner.settings = replace(partner.settings, lease_seconds=1)
    fail_behind(monkeypatch, -1)
    partner.queue("product", FILES["product"])

    assert work(partner, Slow()).code == "INTERNAL"
    assert renewed == [True]
