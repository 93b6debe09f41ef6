"""RNTO when something else happens to the file meanwhile, and what is there afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import ftps.changes
from jobs.pickup import pick_up_now
from layout import spool_folder
from models import Account, ImportRun
from schemas import SCHEMAS
from settings import Settings
from tests.ftps.shelf import on_loopback
from tests.ftps.test_receipt import key
from tests.visitor import BODY, NAME, PATH, Client, House

NEW = "PRODUCT_19_09_2024.csv"
OTHER = f"/Products/{NEW}"
TEMPORARY = "/Products/x.tmp"
GONE = "550 No such file or directory."
FOLDERS = {schema.entity: schema.folder for schema in SCHEMAS}


def picked(house: House) -> list[int]:
    """What a worker picks up now."""
    return pick_up_now(house.settings, FOLDERS, Account.get())


def renamed(client: Client, source: str, goal: str, between: Callable[[], object] = lambda: None) -> str:
    """The reply to RNTO, with something that happens behind RNFR."""
    assert client.ask(f"RNFR {source}") == "350 Ready for destination name."
    between()
    return client.ask(f"RNTO {goal}")


def test_from_one_temporary_name_to_another(house: House) -> None:
    """It is still not to be imported, and is when it gets a right one."""
    client = house.login()
    client.put(TEMPORARY, BODY)
    assert renamed(client, TEMPORARY, "/Products/y.part") == "250 Renamed; not yet to be imported."
    assert not house.file(TEMPORARY).exists()
    assert house.file("/Products/y.part").read_bytes() == BODY
    assert (house.rows, house.hooks.received) == ([], [])
    assert renamed(client, "/Products/y.part", PATH) == "250 Renamed, queued as import 1."
    assert house.file(PATH).read_bytes() == BODY


@pytest.mark.parametrize("goal", [PATH, "/Products/y.part"])
def test_a_temporary_file_that_goes_before_it_is_renamed(house: House, goal: str) -> None:
    """Another session deletes it."""
    client, other = house.login(), house.login()
    client.put(TEMPORARY, BODY)
    assert renamed(client, TEMPORARY, goal, lambda: other.delete(TEMPORARY)) == GONE
    assert (house.rows, house.file(goal).exists()) == ([], False)


def test_a_temporary_file_that_goes_while_it_is_renamed(house: House) -> None:
    """A program of the admin removes it while a hook looks at it."""
    house.hooks.on_received = lambda event: event.path.unlink()
    client = house.login()
    client.put(TEMPORARY, BODY)
    assert renamed(client, TEMPORARY, PATH) == GONE
    assert (house.rows, house.file(PATH).exists()) == ([], False)


def test_a_waiting_upload_that_goes_before_it_is_renamed(house: House) -> None:
    """Deleted by another session, or picked up by a worker: the reply says which."""
    client, other = house.login(), house.login()
    client.put(PATH, BODY)
    assert renamed(client, PATH, OTHER, lambda: other.delete(PATH)) == GONE
    client.put(PATH, BODY)
    assert renamed(client, PATH, OTHER, lambda: picked(house)) == "550 It was already picked up as import 2."
    assert [(row.name, row.state) for row in house.rows] == [(NAME, "deleted"), (NAME, "picked")]
    assert [run.file for run in ImportRun.select()] == [NAME]


def test_a_waiting_upload_keeps_its_own_name(house: House) -> None:
    """250, and all is as it was."""
    client = house.login()
    client.put(PATH, BODY)
    assert renamed(client, PATH, PATH) == "250 Renamed."
    assert [(row.name, row.state) for row in house.rows] == [(NAME, "waiting")]
    assert house.file(PATH).samefile(spool_folder(house.settings, 1) / NAME)


def test_a_waiting_upload_that_is_picked_up_while_it_is_renamed(
    settings: Settings, open_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right before the transaction: it keeps its name, and one that waits under the new name, received by another
    server meanwhile, is not replaced."""
    house = open_house(on_loopback(settings))
    client, other = house.login(), open_house(house.settings, again=True).login()
    client.put(OTHER, b"older")
    client.put(PATH, BODY)
    real = ftps.changes.writing

    @contextmanager
    def late(*arguments: Any) -> Iterator[None]:
        monkeypatch.setattr(ftps.changes, "writing", real)
        assert picked(house) == [1, 2]
        other.put(OTHER, b"newer")
        with real(*arguments):
            yield

    monkeypatch.setattr(ftps.changes, "writing", late)

    assert renamed(client, PATH, OTHER) == "550 It was already picked up as import 2."

    assert [(row.name, row.state) for row in house.rows] == [(NEW, "picked"), (NAME, "picked"), (NEW, "waiting")]
    assert [path.name for path in spool_folder(house.settings, 2).iterdir()] == [NAME]
    assert house.file(OTHER).read_bytes() == b"newer"
    assert (spool_folder(house.settings, 3) / NEW).read_bytes() == b"newer"


def test_the_new_name_is_the_upload_s_alone(house: House) -> None:
    """Of an older one that waited under it nothing is left, nor of one that was begun; clients that look again find
    the renamed one after it was picked up, and nothing under its former name."""
    client = house.login()
    client.put(OTHER, b"older")
    client.put(PATH, BODY)
    client.cut(OTHER, b"begun")
    assert renamed(client, PATH, OTHER) == "250 Renamed, queued as import 2."
    assert [(row.name, row.state) for row in house.rows] == [(NEW, "replaced"), (NEW, "waiting")]
    assert not spool_folder(house.settings, 1).exists()
    assert [path.name for path in spool_folder(house.settings, 2).iterdir()] == [NEW]
    assert house.door.shared.partials.stat(key(house), OTHER) is None
    assert picked(house) == [2]
    assert (client.size(OTHER), client.ask(f"SIZE {PATH}")[:3]) == (len(BODY), "550")
