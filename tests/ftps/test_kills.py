"""Whatever goes down, and when: a row has its bytes, and 226 has both."""

from __future__ import annotations

import dataclasses
import ftplib
import hashlib
import os
import random
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ftps.receipt import sweep
from layout import spool_folder
from models import EntitySettings, ImportRun, Upload, database, is_postgres
from settings import Settings
from tests.tls import client_context
from tests.visitor import BODY, NAME, PASSWORD, PATH, Client, House, add_account

SERVER = """
import sys
import models
from ftps import FrontDoor
from hooks import Hooks
from schemas import SCHEMAS
from settings import load
settings = load(sys.argv[1], environ={}, database=sys.argv[2], host="127.0.0.1", port=0)
models.bind(settings.database_url)
door = FrontDoor(settings, Hooks(), SCHEMAS, lambda: None)
door.open()
print(door.address[1], flush=True)
door.run()
"""


@pytest.mark.parametrize("step", ["_sha256_and_sync", "receipts.replace_waiting", "_insert", "_spool"])
def test_a_receipt_that_fails_records_nothing_and_can_be_continued(
    house: House, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """451; the older upload of that name stays, and REST at the end brings the rest in."""
    client = house.login()
    client.put(PATH, b"older")

    def fail(*arguments: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(f"ftps.receipt.{step}", fail)
    with pytest.raises(ftplib.error_temp, match=r"^451 "):
        client.put(PATH, BODY)
    monkeypatch.undo()
    assert [(row.size, row.state) for row in house.rows] == [(5, "waiting")]
    assert house.file(PATH).read_bytes() == b"older"
    assert client.put(PATH, b"", rest=len(BODY)).startswith("226 ")
    assert house.file(PATH).read_bytes() == BODY


@pytest.mark.parametrize(("rest", "stored"), [(0, b"tail"), (3, b"oldtail"), (5, b"oldertail")])
def test_what_a_kill_leaves_behind_a_receipt_is_not_written_on(house: House, rest: int, stored: bytes) -> None:
    """The partial is still a second name of the recorded file: another upload has a file of its own."""
    client = house.login()
    EntitySettings.update(schedule="immediate").execute()
    client.put(PATH, b"older")
    (first,) = house.rows
    recorded = spool_folder(house.settings, first.id) / NAME
    assert recorded.read_bytes() == b"older"
    (key,) = {each.identity.key for each in house.door.shared.sessions}
    partial = house.door.shared.partials.path(key, PATH)
    partial.hardlink_to(recorded)
    house.door.shared.overlay.forget(key, PATH)

    assert client.put(PATH, b"tail", rest=rest or None).startswith("226 ")

    assert recorded.read_bytes() == b"older"
    assert (spool_folder(house.settings, house.rows[-1].id) / NAME).read_bytes() == stored


def test_much_of_it_is_not_copied_while_all_wait(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is told to send it whole, and may."""
    client = house.login()
    EntitySettings.update(schedule="immediate").execute()
    client.put(PATH, b"older")
    (key,) = {each.identity.key for each in house.door.shared.sessions}
    recorded = spool_folder(house.settings, house.rows[0].id) / NAME
    house.door.shared.partials.path(key, PATH).hardlink_to(recorded)
    house.door.shared.overlay.forget(key, PATH)
    monkeypatch.setattr("ftps.partials.MOST_COPIED", 4)

    client.makepasv()
    assert client.ask("REST 5").startswith("350 ")
    assert client.ask(f"STOR {PATH}").startswith("554 It had arrived whole when the server was stopped; send it from")

    assert client.put(PATH, b"newer").startswith("226 ")
    assert recorded.read_bytes() == b"older"
    assert (spool_folder(house.settings, house.rows[-1].id) / NAME).read_bytes() == b"newer"


def test_a_bell_that_is_broken_does_not_take_the_receipt_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep finds what was not rung for."""

    def fail() -> None:
        raise ConnectionError("no queue")

    EntitySettings.update(schedule="immediate").execute()
    monkeypatch.setattr(house.door.shared, "ring", fail)
    assert house.login().put(PATH, BODY).startswith("226 ")
    assert [run.status for run in ImportRun.select()] == ["waiting"]


def test_connections_that_the_database_closed_are_made_anew(
    settings: Settings, open_house: Callable[..., House]
) -> None:
    """A restart of Postgres costs no upload and no login."""
    house = open_house(dataclasses.replace(settings, host="127.0.0.1", port=0))
    client = house.login()
    client.put(PATH, BODY)
    if is_postgres():
        database.execute_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    for _ in range(6):
        assert client.put(PATH, BODY).startswith("226 ")
    assert house.login().put(PATH, BODY).startswith("226 ")


def test_bytes_that_a_kill_left_of_a_replaced_upload_are_swept_away(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a waiting one stay."""
    monkeypatch.setattr("ftps.receipt.forget_spooled", lambda shared, numbers: None)
    house = make_house()
    client = house.login()
    client.put(PATH, b"older")
    client.put(PATH, BODY)
    assert spool_folder(house.settings, 1).exists()
    monkeypatch.undo()
    sweep(house.door.shared)
    assert not spool_folder(house.settings, 1).exists()
    assert spool_folder(house.settings, 2).exists()


@pytest.mark.parametrize("schedule", ["immediate", "off"])
def test_a_server_that_is_killed_at_any_moment_keeps_its_promises(
    make_settings: Callable[..., Settings], password_hash: str, schedule: str
) -> None:
    """SIGKILL amid uploads of one name: each 226 has its row, and each row that counts has exactly its bytes."""
    settings = make_settings()
    add_account(settings, password_hash)
    EntitySettings.update(schedule=schedule).execute()
    promised: dict[int, str] = {}
    chance = random.Random(42)
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", SERVER, str(settings.home), settings.database_url],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": "."},
        )
        assert process.stdout is not None
        port = int(process.stdout.readline())
        upload_until(port, promised, time.monotonic() + chance.uniform(0.3, 1.0), process)
        process.wait()
        process.stdout.close()
        check(settings, promised)
    assert len(promised) > 12


def upload_until(port: int, promised: dict[int, str], until: float, process: subprocess.Popen[str]) -> None:
    """Upload as fast as can be; kill the server in the midst of it."""
    client = Client(context=client_context(), timeout=20)
    client.connect("127.0.0.1", port)
    client.auth()
    client.login("acme", PASSWORD, secure=False)
    client.prot_p()
    try:
        while True:
            body = os.urandom(3000)
            connection = client.begin(f"STOR {PATH}")
            connection.sendall(body)
            connection.unwrap().close()
            if time.monotonic() > until:
                # The receipt is in the making.
                time.sleep(random.uniform(0, 0.01))
                process.send_signal(signal.SIGKILL)
            reply = client.voidresp()
            promised[int(reply.rstrip(".").rpartition(" ")[2])] = hashlib.sha256(body).hexdigest()
    except (OSError, EOFError, ssl.SSLError):
        process.kill()
    finally:
        client.close()


def check(settings: Settings, promised: dict[int, str]) -> None:
    """What the tables say after a kill is true."""
    rows = {row.id: row for row in Upload.select()}
    for number, digest in promised.items():
        assert rows[number].sha256 == digest
    for row in rows.values():
        if row.state in ("waiting", "picked"):
            body = (spool_folder(settings, row.id) / NAME).read_bytes()
            assert hashlib.sha256(body).hexdigest() == row.sha256
        assert (ImportRun.get_or_none(ImportRun.number == row.id) is not None) == (row.state == "picked")
    assert [row.state for row in rows.values()].count("waiting") <= 1
