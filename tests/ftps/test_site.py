"""SITE STATUS, VALIDATE and HELP: a partner's only questions, and only about the partner's own files."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ftps.validate
from ftps.partials import Partials
from ftps.validate import sweep
from jobs.pickup import queue_file
from layout import spool_folder
from models import Account, ImportRun, Upload, database, now
from settings import Settings
from tests.ftps.shelf import on_loopback
from tests.visitor import BODY, NAME, PATH, House, add_account


def finish(house: House, report: str | None, **values: object) -> threading.Thread:
    """A worker that ends the first dry run it finds."""

    def work() -> None:
        run = house.wait(lambda: ImportRun.get_or_none(ImportRun.status == "waiting"))
        folder = spool_folder(house.settings, run.number)
        assert (folder / run.file).read_bytes() == BODY
        if report is not None:
            (folder / "report.csv").write_text(report, encoding="utf-8-sig", newline="")
        changes = {"status": "completed", "finished_at": now(), **values}
        ImportRun.update(changes).where(ImportRun.number == run.number).execute()
        database.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^"])
@pytest.mark.parametrize("name", [NAME, "x.tmp"])
def test_validate_tells_what_an_import_would_do(house: House, delimiter: str, name: str) -> None:
    """Counts and the first ten messages; nothing is left behind and the file still waits."""
    client = house.login()
    client.put(f"/Products/{name}", BODY)
    rows = [["Line", "Column", "Value", "Code", "Message"]]
    rows += [[str(line), "Name", "", "REQUIRED", f'"say\n226 {delimiter}"'] for line in range(2, 14)]
    report = "\r\n".join(delimiter.join(row) for row in rows) + "\r\n"
    worker = finish(house, report, rows=20_000, rejected=12, status="completed_with_errors")
    before = len(house.rung)
    reply = client.ask(f"SITE VALIDATE /Products/{name}").split("\n")
    worker.join()
    assert reply[0] == f"250-Dry run of {name}: nothing was changed."
    assert reply[1].startswith(" completed_with_errors: rows 20000,")
    assert reply[2] == f" line 2, Name: REQUIRED: say 226 {delimiter}".replace("\t", " ")
    assert len(reply) == 2 + 10 + 2
    assert reply[-2:] == [" ... and 2 more", "250 End."]
    assert len(house.rung) == before + 1
    assert ImportRun.select().count() == 0
    assert [row.state for row in house.rows] == (["waiting"] if name == NAME else [])
    assert house.file(f"/Products/{name}").read_bytes() == BODY


def test_validate_tells_what_to_do(house: House) -> None:
    """It stands at the end of a message, whatever the message quotes."""
    client = house.login()
    client.put(PATH, BODY)
    messages = [f"'{length * 'x'}' is wrong: do this" for length in (400, 4_000)]
    rows = "".join(f"2,Name,x,INVALID_VALUE,{message}\r\n" for message in messages)
    worker = finish(house, f"Line,Column,Value,Code,Message\r\n{rows}")
    whole, cut = client.ask(f"SITE VALIDATE {PATH}").split("\n")[2:-1]
    worker.join()
    assert whole == f" line 2, Name: INVALID_VALUE: {messages[0]}"
    assert (len(cut), cut[:40]) == (600, whole[:40])
    assert cut.endswith("xxx' is wrong: do this")


def test_validate_does_not_count_millions_of_messages(house: House) -> None:
    """The threads that read the report are those that all sessions wait for."""
    client = house.login()
    client.put(PATH, BODY)
    worker = finish(house, "Line,Column,Value,Code,Message\r\n" + "2,Name,,REQUIRED,no\r\n" * 1_011)
    reply = client.ask(f"SITE VALIDATE {PATH}").split("\n")
    worker.join()
    assert reply[-2:] == [" ... and more than 1,000 more", "250 End."]


def test_validate_without_a_report_gives_the_counts(settings: Settings, open_house: Callable[..., House]) -> None:
    """On both engines."""
    house = open_house(settings.__class__(**{**vars(settings), "host": "127.0.0.1", "port": 0}))
    client = house.login()
    client.put(PATH, BODY)
    worker = finish(house, None, rows=3, created=3)
    reply = client.ask(f"SITE VALIDATE {PATH}")
    worker.join()
    assert "rows 3, created 3, updated 0" in reply


def test_validate_loses_its_patience(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dry run goes on, and STATUS tells of it by its number."""
    monkeypatch.setattr("ftps.validate.PATIENCE", 0.5)
    client = house.login()
    client.put(PATH, BODY)
    assert client.ask(f"SITE VALIDATE {PATH}") == "250 The dry run takes longer and goes on; ask SITE STATUS 2."
    told = client.ask("SITE STATUS 2").split("\n")[1]
    assert told.startswith(f" 2 {NAME} waiting ")
    assert told.endswith(" warnings=0 (a dry run: nothing was changed)")
    assert f"2 {NAME}" not in client.ask("SITE STATUS")
    assert client.ask(f"SITE STATUS {NAME}").split("\n")[1] == f" 1 {NAME} waiting size={len(BODY)}"


@pytest.mark.parametrize("origin", ["command", "validate"])
def test_a_dry_run_is_told_as_no_import(
    settings: Settings, open_house: Callable[..., House], tmp_path: Path, origin: str
) -> None:
    """Nor is the file called picked up. By its number it can be asked for, and is told for what it is."""
    house = open_house(on_loopback(settings))
    path = tmp_path / NAME
    path.write_bytes(BODY)
    run = queue_file(house.settings, Account.get(), "product", path, NAME, origin=origin, dry_run=True)
    ImportRun.update(status="completed", rows=3, created=3).execute()
    client = house.login()
    assert client.ask("SITE STATUS") == "211-Imports:\n none yet\n211 End of status."
    assert client.ask(f"SITE STATUS {NAME}") == "550 No such import."
    [line] = client.ask(f"SITE STATUS {run.number}").split("\n")[1:-1]
    assert line == (
        f" {run.number} {NAME} completed rows=3 created=3 updated=0 unchanged=0 rejected=0 warnings=0"
        " (a dry run: nothing was changed)"
    )
    for command in (f"DELE {PATH}", f"RNFR {PATH}"):
        assert client.ask(command) == "550 No such file or directory."
    real = queue_file(house.settings, Account.get(), "product", path, NAME, origin="command")
    assert f" {real.number} {NAME} waiting " in client.ask("SITE STATUS")
    assert client.ask(f"DELE {PATH}") == f"550 It was already picked up as import {real.number}."


def test_an_account_has_one_validation_at_a_time(house: House) -> None:
    """Each is a copy of a file, and keeps the worker busy. Another account has its own."""
    add_account(house.settings, Account.get().logins.get().password_hash, "other")
    first, second, other = house.login(), house.login(), house.connect("other")
    for client in (first, other):
        client.put(PATH, BODY)
        client.putcmd(f"SITE VALIDATE {PATH}")
    house.wait(lambda: ImportRun.select().count() == 2)
    denied = "450 A dry run of this account is not finished yet. Try again later."
    assert second.ask(f"SITE VALIDATE {PATH}") == denied
    assert Upload.select().where(Upload.origin == "validate").count() == 2
    ImportRun.update(status="completed", finished_at=now()).execute()
    for client in (first, other):
        assert client.last_reply().startswith("250-Dry run of ")
    worker = finish(house, None)
    assert second.ask(f"SITE VALIDATE {PATH}").startswith("250-Dry run of ")
    worker.join()


def test_two_sessions_that_copy_at_once_make_one_validation(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both saw none when they began. Nothing is left of the other."""
    clients = [house.login(), house.login()]
    clients[0].put(PATH, BODY)
    real, both = ftps.validate._copy, threading.Barrier(2)

    def copy(*arguments: Any) -> os.stat_result:
        both.wait(20)
        return real(*arguments)

    monkeypatch.setattr(ftps.validate, "_copy", copy)
    for client in clients:
        client.putcmd(f"SITE VALIDATE {PATH}")
    worker = finish(house, None)
    assert sorted(client.last_reply()[:4] for client in clients) == ["250-", "450 "]
    worker.join()
    assert not list(house.settings.spool.glob(".staged-*"))


def test_a_copy_that_would_fill_the_disk_is_not_begun(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for an upload, `min_free_bytes` stay free."""
    client = house.login()
    client.put(PATH, BODY)
    monkeypatch.setattr(Partials, "free", lambda self: len(BODY) - 1)
    assert client.ask(f"SITE VALIDATE {PATH}") == "452 There is not enough space. Try again later."
    assert (len(house.rows), ImportRun.select().count()) == (1, 0)
    assert not list(house.settings.spool.glob(".staged-*"))


@pytest.mark.parametrize("path", ["/Products/nothing.tmp", "/Products", "/", "/Templates/PRODUCT.csv", "/Nowhere/x"])
def test_validate_needs_a_file_of_an_entity(house: House, path: str) -> None:
    """550, and no row."""
    assert house.login().ask(f"SITE VALIDATE {path}").startswith("550")
    assert house.rows == []


def test_the_loop_is_free_during_a_validation(house: House) -> None:
    """The client waits, others don't; a client that leaves harms nobody."""
    client, other = house.login(), house.login()
    client.put(PATH, BODY)
    client.putcmd(f"SITE VALIDATE {PATH}")
    house.wait(lambda: ImportRun.select().count())
    assert other.ask("NOOP").startswith("200")
    client.close()
    house.wait(lambda: len(house.door.shared.sessions) == 1)
    assert other.ask("NOOP").startswith("200")


def test_status_tells_of_uploads_and_imports(house: House) -> None:
    """The last ones, one by its number, one by its file."""
    client = house.login()
    assert client.ask("SITE STATUS") == "211-Imports:\n none yet\n211 End of status."
    client.put(PATH, BODY)
    client.put("/Orders/ORDER_18_09_2024.csv", b"x")
    ImportRun.create(
        number=1, account=Account.get(), entity="product", file=NAME, status="failed", code="NOT_TEXT", rows=7
    )
    line = f" 1 {NAME} failed rows=7 created=0 updated=0 unchanged=0 rejected=0 warnings=0 code=NOT_TEXT"
    assert client.ask("SITE STATUS").split("\n")[1:3] == [line, " 2 ORDER_18_09_2024.csv waiting size=1"]
    for what in ("1", NAME, PATH):
        assert client.ask(f"SITE STATUS {what}").split("\n")[1:-1] == [line]
    for what in ("3", "99999999999999999999", "x.csv", "-1"):
        assert client.ask(f"SITE STATUS {what}") == "550 No such import."


def test_status_takes_the_names_that_a_partner_sees(settings: Settings, open_house: Callable[..., House]) -> None:
    """Those of processed, failed and reports bear the number; a folder that is given has to be the right one."""
    house = open_house(on_loopback(settings))
    client = house.login()
    client.put(PATH, b"older")
    client.put(PATH, BODY)
    client.cwd("/Products")
    lines = [f" 1 {NAME} replaced size=5", f" 2 {NAME} waiting size={len(BODY)}"]
    for number, line in enumerate(lines, 1):
        stem = f"PRODUCT_18_09_2024.{number:06}"
        names = [f"processed/{stem}.csv", f"/Products/failed/{stem}.csv", f"{stem}.csv"]
        names += [f"reports/{stem}.{kind}.csv" for kind in ("report", "rejected", "ids")]
        for name in names:
            assert client.ask(f"SITE STATUS {name}").split("\n")[1:-1] == [line]
    for name in (NAME, PATH, f"../Products/{NAME}", f"/Products/processed/{NAME}"):
        assert client.ask(f"SITE STATUS {name}").split("\n")[1:-1] == lines[1:]


@pytest.mark.parametrize(
    "name",
    [
        f"/Inventory/{NAME}",
        "/Inventory/processed/PRODUCT_18_09_2024.000001.csv",
        f"/Nowhere/{NAME}",
        f"/{NAME}",
        "PRODUCT_18_09_2024.000002.csv",
        "PRODUCT_18_09_2024.1.csv",
        "PRODUCT_19_09_2024.000001.csv",
        "PRODUCT_18_09_2024.000001.other.csv",
        "PRODUCT_18_09_2024.99999999999999999999.csv",
        "/Products",
        "/Products/",
        "/Products/processed/",
        "/Products/1",
        "/Export/Products/x",
    ],
)
def test_status_of_what_is_no_import(house: House, name: str) -> None:
    """A name or number in another folder, or one that no file has."""
    client = house.login()
    client.put(PATH, BODY)
    assert client.ask(f"SITE STATUS {name}") == "550 No such import."


def test_status_of_a_file_that_an_admin_imported_under_such_a_name(house: House, tmp_path: Path) -> None:
    """The number comes first, but not that of another file."""
    client = house.login()
    client.put(PATH, BODY)
    for number in (1, 7):
        path = tmp_path / f"PRODUCT_18_09_2024.{number:06}.csv"
        path.write_bytes(b"x")
        queue_file(house.settings, Account.get(), "product", path, path.name, origin="command")
    assert client.ask("SITE STATUS PRODUCT_18_09_2024.000001.csv").split("\n")[1].startswith(f" 1 {NAME} ")
    assert client.ask("SITE STATUS PRODUCT_18_09_2024.000007.csv").split("\n")[1].startswith(" 3 PRODUCT_18")


def test_status_of_a_number_in_a_name_tells_no_dry_run(house: House, tmp_path: Path) -> None:
    """Those are told by their number alone."""
    path = tmp_path / NAME
    path.write_bytes(BODY)
    queue_file(house.settings, Account.get(), "product", path, NAME, origin="command", dry_run=True)
    assert house.login().ask("SITE STATUS PRODUCT_18_09_2024.000001.csv") == "550 No such import."


def test_status_tells_nothing_of_others(house: House) -> None:
    """Neither of another account nor of an entity that this login may not see."""
    password_hash = Account.get().logins.get().password_hash
    other = add_account(house.settings, password_hash, "other")
    Upload.create(account=other, entity="product", name=NAME, size=1)
    mine = Account.get(Account.name == "acme")
    Upload.create(account=mine, entity="customer", name="CUSTOMER_18_09_2024.csv", size=1)
    add_account(house.settings, password_hash, "third", entities=["product"])
    client, third = house.login(), house.connect("third")
    for what in ("1", NAME, PATH, "PRODUCT_18_09_2024.000001.csv"):
        assert client.ask(f"SITE STATUS {what}").startswith("550")
        assert third.ask(f"SITE STATUS {what}").startswith("550")
    assert third.ask("SITE STATUS 2").startswith("550")
    assert NAME not in client.ask("SITE STATUS")


def test_site_help_lists_them(house: House) -> None:
    """STATUS and VALIDATE."""
    reply = house.login().ask("SITE HELP")
    assert "SITE STATUS" in reply
    assert "SITE VALIDATE" in reply


def test_a_copy_for_a_validation_keeps_nobody_waiting(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite who writes has the whole database; a file may be large."""
    client, other = house.login(), house.login()
    client.put(PATH, BODY)
    real, begun, gate = shutil.copyfileobj, threading.Event(), threading.Event()

    def copy(*arguments: Any) -> None:
        begun.set()
        assert gate.wait(20)
        real(*arguments)

    monkeypatch.setattr(shutil, "copyfileobj", copy)
    client.putcmd(f"SITE VALIDATE {PATH}")
    assert begun.wait(10)
    assert other.put("/Products/PRODUCT_19_09_2024.csv", b"x").startswith("226 ")
    gate.set()
    house.wait(lambda: ImportRun.select().count())
    assert not list(house.settings.spool.glob(".staged-*"))


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_dry_run_whose_command_was_interrupted_is_swept_away(house: House, tmp_path: Path, dry_run: bool) -> None:
    """`ftpdock import --dry-run` removes it, unless it is interrupted. What was no dry run stays."""
    path = tmp_path / NAME
    path.write_bytes(BODY)
    run = queue_file(house.settings, Account.get(), "product", path, NAME, origin="command", dry_run=dry_run)
    ImportRun.update(status="completed", finished_at=now() - dt.timedelta(hours=2)).execute()

    sweep(house.door.shared)

    assert spool_folder(house.settings, run.number).exists() is not dry_run
    assert Upload.select().count() == ImportRun.select().count() == int(not dry_run)
