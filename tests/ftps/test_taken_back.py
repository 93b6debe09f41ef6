"""DELE of an import that is queued: a partner may take it back until a worker has something to do with it."""

from __future__ import annotations

import pytest

from handlers.registry import Registry
from jobs.leases import reservation
from jobs.queue import claim, give_back
from layout import spool_folder
from models import Account, EntitySettings, ImportRun, Upload
from settings import Settings
from tests.ftps.shelf import on_loopback
from tests.visitor import BODY, NAME, PATH, House


@pytest.mark.parametrize("how", ["reserved", "running", "tried"])
def test_what_a_worker_has_taken_is_not_taken_back(settings: Settings, open_house: object, how: str) -> None:
    """Neither what is reserved for one, nor what one has begun or, after a failure, given back: some of it may be in
    the tables. The bytes stay, too."""
    assert callable(open_house)
    house: House = open_house(on_loopback(settings))
    EntitySettings.update(schedule="immediate").execute()
    client = house.login()
    client.put(PATH, BODY)
    if how == "reserved":
        ImportRun.update(reservation(house.settings, "worker")).execute()
    else:
        run = claim(house.settings, Registry(), "worker", 1)
        assert run is not None
        if how == "tried":
            assert give_back(run, "worker")

    assert client.ask(f"DELE {PATH}") == "550 It was already picked up as import 1."

    assert [row.state for row in house.rows] == ["picked"]
    assert [run.status for run in ImportRun.select()] == ["running" if how == "running" else "waiting"]
    assert (spool_folder(house.settings, 1) / NAME).read_bytes() == BODY


def test_a_newer_one_is_taken_back_before_what_a_worker_has(house: House) -> None:
    """Of one name: that of which the client has just heard."""
    EntitySettings.update(schedule="immediate").execute()
    client = house.login()
    client.put(PATH, BODY)
    assert claim(house.settings, Registry(), "worker", 1) is not None
    client.put(PATH, b"newer")
    assert client.delete(PATH) == "250 File removed."
    assert [row.state for row in house.rows] == ["picked", "deleted"]
    assert [run.number for run in ImportRun.select()] == [1]
    assert client.ask(f"DELE {PATH}") == "550 It was already picked up as import 1."


def test_what_is_still_shown_though_it_was_picked_up_is_not_taken_back(house: House) -> None:
    """Its worker was killed before he hid it: the client is told the truth, and sees it no more."""
    client = house.login()
    client.put(PATH, BODY)
    Upload.update(state="picked").execute()
    ImportRun.create(number=1, account=Account.get(), entity="product", file=NAME, status="running")
    house.door.shared.overlay.forget(next(iter(house.door.shared.sessions)).identity.key, PATH)
    assert house.file(PATH).exists()

    for _ in range(2):
        assert client.ask(f"DELE {PATH}") == "550 It was already picked up as import 1."

    assert not house.file(PATH).exists()
    assert (spool_folder(house.settings, 1) / NAME).read_bytes() == BODY
