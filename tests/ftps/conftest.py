"""A running front door with an account and a login."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import passwords
from ftps import FrontDoor
from hooks import Hooks
from schemas import SCHEMAS
from settings import Settings
from tests.visitor import PASSWORD, House, Recorder, add_account


@pytest.fixture(scope="session")
def password_hash() -> str:
    return passwords.hash_password(PASSWORD)


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
