"""Tables of plugins on Postgres: who makes them, and who may work with them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest

from models.migrate import _LOCK
from models.postgres import advisory
from settings import Settings
from tests.commands.conftest import ROOT, environment
from tests.commands.copied import EXAMPLES, invoke, moved
from tests.commands.test_doctor_postgres import stranger, told_to_run
from tests.processes import wait_until

Role = tuple[Settings, psycopg.Connection]


@pytest.fixture
def settings(make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home with a plugin that has a table, which nobody has made yet."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return replace(make_settings("postgres"), plugins=("shipments",))


@pytest.fixture
def role(settings: Settings) -> Iterator[Role]:
    """The same for a role that owns nothing, may work with all that is there and make nothing; and its owner."""
    with stranger(settings.database_url) as (url, owner):
        _grant(owner)
        owner.execute("REVOKE CREATE ON SCHEMA public FROM public")
        yield moved(settings, url), owner


def _grant(owner: psycopg.Connection) -> None:
    owner.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO stranger")
    owner.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO stranger")


def test_a_role_that_does_not_own_them_runs_ftpdock(settings: Settings, role: Role) -> None:
    """Once the owner has made them. What the doctor tells to be run beforehand helps."""
    theirs, owner = role
    invoke(settings, "db", "migrate")

    words = invoke(theirs, "doctor", status=1).stdout
    assert "its user stranger may not read and write shipment: let the owner run" in words
    owner.execute(told_to_run(words))

    for command in (["account", "list"], ["status"], ["db", "migrate"], ["doctor"]):
        invoke(theirs, *command)


def test_a_role_that_may_make_none(role: Role) -> None:
    """Every command and the doctor say so, and what is told to be run helps in the end."""
    theirs, owner = role
    for words in ("its user stranger may make no tables in the schema public: ", "its tables belong to postgres, and "):
        listed = invoke(theirs, "account", "list", status=1).stderr
        assert listed.startswith(f"Error: The tables of plugins can't be made: {words}")
        told = invoke(theirs, "doctor", status=1).stdout
        assert words in told
        owner.execute(told_to_run(told))

    invoke(theirs, "account", "list")
    invoke(theirs, "doctor")


def test_commands_that_come_first_together(settings: Settings) -> None:
    """One makes the tables, and the other waits for it: Postgres is not good at two who make one table."""
    environ = {**os.environ, **environment(settings), "FTPDOCK_PLUGINS": "shipments", "PYTHONPATH": str(EXAMPLES)}
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
    with psycopg.connect(settings.database_url, autocommit=True) as first:
        first.execute(advisory("pg_advisory_lock", _LOCK).encode())
        command = [sys.executable, "-m", "commands", "db", "migrate"]
        both = [subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        wait_until(lambda: first.execute(waiting).fetchone() == (2,) or any(each.poll() is not None for each in both))
        assert first.execute(waiting).fetchone() == (2,)
    assert [(each.communicate(timeout=60)[1], each.returncode) for each in both] == [("", 0), ("", 0)]

    with psycopg.connect(settings.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM shipment").fetchone() == (0,)
