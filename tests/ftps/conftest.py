"""A running front door with an account and a login."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ftps import FrontDoor
from hooks import Hooks
from schemas import SCHEMAS
from settings import Settings
from tests.ftps.shelf import Shelf, on_loopback
from tests.quick import QUICK
from tests.visitor import PASSWORD, House, Recorder, add_account


@pytest.fixture(scope="session")
def password_hash() -> str:
    """A cheap one: a login with what `account add` makes costs a fifth of a second, here some hundred times."""
    return QUICK.hash(PASSWORD)


@pytest.fixture
def open_house(password_hash: str) -> Iterator[Callable[[Settings], House]]:
    """open_house(settings) -> a House with the account and login `acme`, or `again` one that has them already."""
    houses: list[House] = []

    def start(settings: Settings, again: bool = False, **login: Any) -> House:
        if not again:
            add_account(settings, password_hash, **login)
        recorder, rung = Recorder(), []
        door = FrontDoor(settings, Hooks(plugins=[recorder]), SCHEMAS, lambda: rung.append(time.monotonic()))
        door.open()
        thread = threading.Thread(target=door.run, name="door")
        thread.start()
        houses.append(House(settings, door, recorder, thread, rung))
        return houses[-1]

    yield start
    for house in houses:
        for client in house.clients:
            client.close()
        house.door.stop()
        house.thread.join(40)
        assert not house.thread.is_alive()


@pytest.fixture
def make_house(make_settings: Callable[..., Settings], open_house: Callable[..., House]) -> Callable[..., House]:
    """make_house(**settings) -> a House on SQLite."""
    return lambda login=None, **overrides: open_house(
        make_settings(host="127.0.0.1", port=0, **overrides), **(login or {})
    )


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """A House with the default settings."""
    return make_house()


@pytest.fixture
def shelf(house: House) -> Shelf:
    """The export folder of a house on SQLite."""
    return Shelf(house)


@pytest.fixture
def both_shelf(settings: Settings, open_house: Callable[..., House]) -> Shelf:
    """The export folder of a house, once on each engine."""
    return Shelf(open_house(on_loopback(settings)))
