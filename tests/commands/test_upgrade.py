"""Two versions of ftpdock on one database: only one of them may be at work."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner
from peewee import Database
from playhouse.migrations import Runner

import models
from commands import main
from jobs.cards import Card, server_card
from jobs.leases import Owner
from models.migrate import MIGRATIONS, are_all, pending
from settings import Settings
from tests.commands.conftest import Process, Run, environment

LAST = max(path.stem for path in MIGRATIONS.glob("0*.py"))


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """A home whose database is that of the version before."""
    made = make_settings()
    Runner(models.database.obj, str(MIGRATIONS)).down()
    return made


@pytest.fixture
def server(settings: Settings) -> Card:
    """That of a server that runs on it."""
    return server_card(settings, "127.0.0.1", 2121)


def test_a_command_does_not_migrate_beneath_a_running_server(settings: Settings, server: Card, run: Run) -> None:
    """Which is of the version before: the new one was installed, the restart comes later."""
    worker = Owner(settings)
    for command in (["status"], ["db", "migrate"]):
        result = run(*command)
        assert result.exit_code == 1
        for part in (f"The database waits for {LAST}", "server (pid ", "worker (pid ", "run `ftpdock db migrate`"):
            assert part in result.stderr

    server.close()
    assert run("status").exit_code == 1
    worker.close()
    assert run("db", "migrate").stdout == f"Applied {LAST}.\n"
    assert run("status").exit_code == 0


def test_an_empty_database_beside_a_running_server_is_another_one(settings: Settings, server: Card) -> None:
    """The shell has not the server's variables. To stop everything and migrate would be wrong advice."""
    other = {**environment(settings), "FTPDOCK_DATABASE": "sqlite:///other.db"}
    for command in ("doctor", "status", "doctor"):  # of one that is not there, then of one without tables
        result = CliRunner().invoke(main, [command], env=other)

        assert result.exit_code == 1
        told = result.stderr or result.stdout
        assert f"{settings.home / 'other.db'} is empty, and what runs on this home has another one" in told
        assert "FTPDOCK_DATABASE" in told
        assert "db migrate" not in told
    assert are_all(pending(models.bind(f"sqlite:///{settings.home / 'other.db'}")))


def test_the_doctor_says_what_has_to_be_stopped(settings: Settings, server: Card, run: Run) -> None:
    """`ftpdock db migrate` would refuse; once nothing runs, it is what helps."""
    assert f"The database waits for {LAST}, but what runs is of a version before: server (pid " in run("doctor").stdout
    server.close()

    assert f"migrations are pending ({LAST}): run `ftpdock db migrate`" in run("doctor").stdout


def test_whose_card_can_not_be_opened_may_run(settings: Settings, run: Run) -> None:
    """The file is named, to be looked after. A folder can't be opened as a card by anybody, even by root."""
    card = settings.spool / "workers" / "1a2b.lock"
    card.mkdir(parents=True)
    result = run("status")
    assert result.exit_code == 1
    assert f"worker (who has {card})" in result.stderr
    card.rmdir()
    assert run("status").exit_code == 0


def test_who_runs_may_have_migrated_meanwhile(
    settings: Settings, server: Card, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes that are started together: the second one looks behind the first one's work."""
    looks: list[list[str]] = []

    def look(database: Database) -> list[str]:
        looks.append(pending(database))
        if len(looks) == 1:
            Runner(database, str(MIGRATIONS)).up()
        return looks[-1]

    monkeypatch.setattr("upgrade.pending", look)

    assert run("status").exit_code == 0
    assert looks == [[LAST], []]
    server.close()


def test_what_a_server_starts_never_migrates(settings: Settings, run: Run) -> None:
    """It is of the version that was installed since; whoever started it is not."""
    result = run("worker", "--bell", "a")

    assert result.exit_code == 1
    assert "which is newer than what started it, leaves it alone" in result.stderr
    assert pending(models.database.obj) == [LAST]


@pytest.mark.parametrize("command", [["status"], ["worker"], ["worker", "--bell", "a"]])
def test_a_database_of_a_newer_version_is_refused(settings: Settings, run: Run, command: list[str]) -> None:
    """An old node that was started again, or a command of it."""
    run("db", "migrate")
    models.database.execute_sql("INSERT INTO schema_migration (name, applied) VALUES ('9999_later', '2030-01-01')")

    result = run(*command)

    assert result.exit_code == 1
    assert "A newer version of ftpdock has changed the database (9999_later)" in result.stderr


def test_a_server_refuses_it_too(settings: Settings, process: Process) -> None:
    """Before it has opened its port."""
    models.database.execute_sql("INSERT INTO schema_migration (name, applied) VALUES ('9999_later', '2030-01-01')")
    (settings.home / "ftpdock.toml").write_text(f'database = "{settings.database_url}"\n')

    result = process("serve", "--port", "0", home=settings.home)

    assert result.returncode == 1
    assert "A newer version of ftpdock has changed the database (9999_later)" in result.stderr
