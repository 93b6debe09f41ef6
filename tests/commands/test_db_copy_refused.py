"""What `ftpdock db copy` does not copy, why it says so, and that nothing was done then."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from playhouse.migrations import Runner

import copying
import models
from errors import ConflictError
from handlers.registry import Registry
from jobs.cards import Card, server_card
from jobs.leases import Owner
from models import Account
from models.migrate import MIGRATIONS, pending
from models.source import opened
from settings import Settings
from tests.commands.conftest import ROOT, environment
from tests.commands.copied import connected, file_of, invoke, moved, rows, shipments, source, write
from tests.commands.test_doctor_postgres import stranger, told_to_run
from tests.conftest import BACKENDS
from tests.processes import wait_until

__all__ = ["shipments", "source"]


@pytest.fixture
def target(source: Settings, make_database: Callable[[str], str]) -> Settings:
    """The home of the source, whose settings name an empty Postgres now."""
    return moved(source, make_database("postgres"))


def refused(target: Settings, file: Path, status: int = 1) -> str:
    """What is said in place of a copy."""
    result: Result = invoke(target, "db", "copy", str(file), status=status)
    assert result.stdout == ""
    return result.stderr


@pytest.mark.parametrize("content", [b"", b"SKU_ID;Name\n", b"SQLite format 2\0" + bytes(4096)])
def test_a_file_that_is_no_database(target: Settings, tmp_path: Path, content: bytes) -> None:
    """Not one of SQLite's."""
    (tmp_path / "x.db").write_bytes(content)

    assert f"{tmp_path / 'x.db'} is no SQLite database: name the one that is" in refused(target, tmp_path / "x.db")


def test_a_damaged_database(target: Settings, tmp_path: Path) -> None:
    """With the words of SQLite."""
    (tmp_path / "x.db").write_bytes(b"SQLite format 3\0" + bytes(4096))

    assert refused(target, tmp_path / "x.db").startswith(f"Error: {tmp_path / 'x.db'} can't be read: file is not a ")


def test_a_database_of_something_else(target: Settings, tmp_path: Path) -> None:
    """What is missing is named."""
    with contextlib.closing(sqlite3.connect(tmp_path / "x.db")) as file:
        file.execute("CREATE TABLE account (id INTEGER)")

    told = f"Error: {tmp_path / 'x.db'} is no database of ftpdock: it has no table schema_migration\n"
    assert refused(target, tmp_path / "x.db") == told


def test_what_is_no_file(target: Settings, tmp_path: Path, pipe: Path) -> None:
    """A name that nothing has is wrong usage; a pipe is not waited for."""
    assert "does not exist" in refused(target, tmp_path / "nothing.db", status=2)
    assert f"{pipe} is no file" in refused(target, pipe)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize("folder", [b"a home", b"K\xe4fer"])
def test_a_database_of_a_version_before(
    source: Settings, target: Settings, shipments: Registry, tmp_path: Path, folder: bytes
) -> None:
    """It is not changed; the command that is told brings it up to date, and then it can be copied. Wherever it lies."""
    with connected(source):
        Runner(models.database.obj, str(MIGRATIONS)).down()
        (waiting,) = pending(models.database.obj)
    file = tmp_path / os.fsdecode(folder) / "ftpdock.db"
    file.parent.mkdir()
    file_of(source).rename(file)

    said = refused(target, file)

    assert f"ftpdock.db is of a version before and waits for {waiting}" in said
    (command,) = re.findall("`(FTPDOCK_DATABASE=.*)`", said)
    variable, program, *arguments = shlex.split(command)
    assert program == "ftpdock"
    former = moved(source, variable.partition("=")[2])
    invoke(former, *arguments)
    assert "up to date" in invoke(former, "doctor").stdout
    invoke(target, "db", "copy", str(file))
    assert rows(target, shipments) == rows(former, shipments)


def test_a_database_of_a_newer_version(source: Settings, target: Settings) -> None:
    """Which file it is stands before what is wrong with it."""
    write(source, "INSERT INTO schema_migration (name, applied) VALUES ('9999_later', '2030-01-01')")

    told = f"Error: {file_of(source)}: A newer version of ftpdock has changed the database (9999_later)"
    assert refused(target, file_of(source)).startswith(told)


def test_a_home_that_is_at_work(source: Settings, target: Settings) -> None:
    """A server or a worker, each by itself, would write into the one while the other is copied. Nothing is begun."""
    with connected(target):
        Runner(models.database.obj, str(MIGRATIONS)).down()
    with contextlib.closing(server_card(source, "127.0.0.1", 2121)):
        said = refused(target, file_of(source))
        assert "while a server or worker of this home runs: server (pid " in said
        assert "Stop each `ftpdock serve` and `ftpdock worker`" in said
    with contextlib.closing(Owner(source)):
        assert "of this home runs: worker (pid " in refused(target, file_of(source))
    with connected(target):
        assert len(pending(models.database.obj)) == 1


def test_a_server_that_is_started_meanwhile(source: Settings, target: Settings, shipments: Registry) -> None:
    """It has found an empty database: nothing is in it when it goes on."""
    cards: list[Card] = []

    def show(done: int, _: int) -> None:
        if not cards:
            cards.append(server_card(target, "127.0.0.1", 2121))

    invoke(target, "db", "migrate")
    refusal = pytest.raises(ConflictError, match=r"of this home runs: server \(pid .* Nothing was copied")
    with opened(file_of(source)) as opened_source, connected(target), refusal:
        copying.copy(target, opened_source, copying.tables(shipments), show)
    cards[0].close()
    assert rows(target, shipments) == 0


@pytest.mark.parametrize("linked", [False, True])
def test_a_database_into_itself(source: Settings, tmp_path: Path, linked: bool) -> None:
    """Under whatever name, and though it would have to be migrated."""
    with connected(source):
        Runner(models.database.obj, str(MIGRATIONS)).down()
    file = file_of(source)
    if linked:
        file = tmp_path / "link.db"
        file.symlink_to(file_of(source))
    invoke(source, "db", "migrate")

    assert f"{file} is the database that the settings name themselves" in refused(source, file)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_target_that_is_not_empty(source: Settings, make_database: Callable[[str], str], backend: str) -> None:
    """Another ftpdock may be at work with it: it is not even migrated."""
    target = moved(source, make_database(backend))
    with connected(target):
        Account.create(name="theirs")
        Runner(models.database.obj, str(MIGRATIONS)).down()

    said = refused(target, file_of(source))

    assert "The database that the settings name has rows already, in account: name an empty one" in said
    with connected(target):
        assert len(pending(models.database.obj)) == 1


def test_a_program_that_writes_into_the_target(source: Settings, target: Settings, tmp_path: Path) -> None:
    """It is waited for, and what it has written is seen."""
    environ = {**os.environ, **environment(target)}
    with psycopg.connect(target.database_url) as other:
        other.execute("INSERT INTO account (name, company, emails, time_zone, date_format, decimal_separator, "
                      "column_order, disabled, created_at, digest, schedule, export_imported, export_bom, "
                      "export_delimiter) VALUES ('theirs', '', '[]', 'UTC', '', '.', '', false, now(), false, '', "
                      "false, false, ',')")  # fmt: skip
        command = [sys.executable, "-m", "commands", "db", "copy", str(file_of(source))]
        copying = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True)
        with psycopg.connect(target.database_url, autocommit=True) as looking:
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'account'::regclass"
            wait_until(lambda: looking.execute(waits).fetchone() == (1,))
        other.commit()
        _, said = copying.communicate(timeout=60)

    assert copying.returncode == 1
    assert "has rows already, in account" in said


def test_a_program_that_holds_the_target(source: Settings, target: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does in the midst of its transaction: it is not waited for for ever."""
    monkeypatch.setattr("models.filling.LOCK_TIMEOUT", 0.1)
    with psycopg.connect(target.database_url) as other:
        other.execute("LOCK TABLE mail IN ROW EXCLUSIVE MODE")

        assert "Another program is writing into the database" in refused(target, file_of(source))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_home_whose_files_are_elsewhere(
    source: Settings, make_settings: Callable[..., Settings], shipments: Registry, backend: str
) -> None:
    """As the usual one is if --home was forgotten: its database would be of no use to the files, nor to anybody."""
    elsewhere = replace(make_settings(backend), plugins=source.plugins)

    said = refused(elsewhere, file_of(source))

    assert said.startswith(f"Error: {elsewhere.home} is not the home of what was to be copied into "
                           f"{elsewhere.database_name}. The database has accounts, and {elsewhere.accounts} has the "
                           "folder of none of them")  # fmt: skip
    assert said.endswith("Nothing was copied\n")
    assert rows(elsewhere, shipments) == 0


def test_a_user_without_rights(source: Settings, target: Settings) -> None:
    """What is told to be run lets the user copy, but for the numbers."""
    with stranger(target.database_url) as (url, owner):
        theirs = replace(moved(source, url), plugins=())

        said = refused(theirs, file_of(source))

        assert "The database that the settings name can't be filled: its user stranger may not read and write " in said
        owner.execute(told_to_run(said))
        assert "may not set the numbers of account" in refused(theirs, file_of(source))


def test_a_user_who_may_not_number(source: Settings, target: Settings) -> None:
    """One who does not own the tables, with the rights that are enough for all else. What is told to be run helps."""
    with stranger(target.database_url) as (url, owner):
        owner.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO stranger")
        owner.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO stranger")
        theirs = replace(moved(source, url), plugins=())
        said = refused(theirs, file_of(source))
        assert "The database's user stranger may not set the numbers of account: copy as the user who owns" in said
        assert owner.execute("SELECT count(*) FROM account").fetchone() == (0,)

        owner.execute(told_to_run(said))

        invoke(theirs, "db", "copy", str(file_of(source)))
        assert owner.execute("SELECT count(*) FROM account").fetchone() == (3,)
