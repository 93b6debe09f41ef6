"""Schedules with a real server: files wait, are replaced and deleted, and the tick takes what is left."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Callable, Iterator

import pytest

import models
from models import ScheduleState, Upload
from tests.conftest import BACKENDS
from tests.system.server import Server, wait_for

FOLDER = "/Products"
PATH = f"{FOLDER}/PRODUCT_18_09_2024.csv"


def product(name: str) -> str:
    return f"SKU_ID,Name\n1,{name}\n"


def names(server: Server) -> list[str]:
    """The files that the entity folder shows."""
    with server.login() as client:
        return sorted(name for name, facts in client.mlsd(FOLDER) if facts["type"] == "file")


def ask(server: Server, command: str) -> str:
    with server.login() as client:
        return client.sendcmd(command)


@contextlib.contextmanager
def database(server: Server) -> Iterator[None]:
    with models.bind(server.environment["FTPDOCK_DATABASE"]).connection_context():
        yield


def night_falls(server: Server) -> None:
    """The next runs are due: nobody wants to wait until 02:00."""
    with database(server):
        ScheduleState.update(next_run=models.now() - dt.timedelta(seconds=1), last_run=None).execute()


@pytest.fixture(params=BACKENDS)
def server(request: pytest.FixtureRequest, make_server: Callable[..., Server]) -> Server:
    """A started server on either engine whose account acme has its files picked up at night."""
    started = make_server(request.param, FTPDOCK_VISIBLE_SECONDS="0")
    started.add_account()
    started.command("account", "set", "acme", "--timezone", "Europe/Berlin")
    started.command("schedule", "set", "acme", "all", "0 2 * * *")
    started.start()
    return started


def test_waiting_files_can_be_replaced_and_deleted_until_the_tick(server: Server) -> None:
    """Upload, replace, rename, delete: what is there when the tick comes is imported, once, and nothing else."""
    reply = server.store(PATH, product("Cup"))
    assert re.fullmatch(r"226 Transfer complete, queued as import 1 for 20\d\d-\d\d-\d\d 02:00 CES?T\.", reply)
    assert re.search(r"\n 1 \S+ waiting size=\d+ pick-up=20\d\d-\d\d-\d\dT02:00:00\+0[12]:00\r?\n",
                     ask(server, "SITE STATUS 1"))  # fmt: skip
    replaced = server.upload(PATH, product("Mug"))
    deleted = server.upload(f"{FOLDER}/PRODUCT_19_09_2024.csv", product("Bowl"))
    renamed = server.upload(f"{FOLDER}/PRODUCT_20_09_2024.csv", "SKU_ID,Name\n2,Plate\n")
    with server.login() as client:
        client.delete(f"{FOLDER}/PRODUCT_19_09_2024.csv")
        said = client.rename(f"{FOLDER}/PRODUCT_20_09_2024.csv", f"{FOLDER}/PRODUCT_21_09_2024.csv")
    assert re.fullmatch(rf"250 Renamed, queued as import {renamed} for \S+ 02:00 CES?T\.", said)
    assert names(server) == ["PRODUCT_18_09_2024.csv", "PRODUCT_21_09_2024.csv"]
    assert server.json("records", "product", "--account", "acme") == []

    night_falls(server)

    assert [server.finished(number)["status"] for number in (replaced, renamed)] == ["completed", "completed"]
    assert [each["Name"] for each in server.json("records", "product", "--account", "acme")] == ["Mug", "Plate"]
    wait_for(lambda: names(server) == [])
    assert [each["number"] for each in server.json("imports", "list")] == [replaced, renamed]
    with database(server):
        states = {row.id: row.state for row in Upload.select()}
    assert states == {1: "replaced", replaced: "picked", deleted: "deleted", renamed: "picked"}


def test_a_run_missed_while_the_server_was_down_happens_at_start(server: Server) -> None:
    """What waited is imported once; the run after it is tomorrow's."""
    number = server.upload(PATH, product("Cup"))
    server.stop()
    night_falls(server)

    server.start()

    assert server.finished(number)["created"] == 1
    late = server.upload(PATH, product("Mug"))
    assert server.show(late)["status"] == "waiting"
    (upcoming,) = {each["next_run"][11:16] for each in server.json("schedule", "list")}
    assert upcoming == "02:00"


def test_off_keeps_files_and_immediate_takes_them(server: Server) -> None:
    """The reply names no time; a running server heeds the change."""
    server.command("schedule", "set", "acme", "product", "off")
    assert server.store(PATH, product("Cup")) == "226 Transfer complete, queued as import 1."
    night_falls(server)
    assert server.show(1)["status"] == "waiting"
    assert names(server) == ["PRODUCT_18_09_2024.csv"]

    said = server.command("schedule", "set", "acme", "product", "immediate").stdout

    # The server's worker may have seen the change first, and picked the file up itself.
    assert said in ("acme, product: immediate.\nQueued as import 1.\n", "acme, product: immediate.\n")
    assert server.finished(1)["created"] == 1
    assert names(server) == []
    assert server.store(PATH, product("Mug")) == "226 Transfer complete, queued as import 2."
    assert server.finished(2)["updated"] == 1


def test_imports_run_takes_what_waits(server: Server) -> None:
    """Long before the tick."""
    number = server.upload(PATH, product("Cup"))

    assert server.command("imports", "run", "acme", "products").stdout == f"Queued as import {number}.\n"

    assert server.finished(number)["created"] == 1
    assert names(server) == []
