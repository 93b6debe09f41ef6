"""What an entity folder shows while a worker picks up, or another server of the home receives, at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import ftps.changes
import ftps.receipt
from jobs.pickup import pick_up_now
from layout import spool_folder
from models import Account, ImportRun
from schemas import SCHEMAS
from tests.visitor import BODY, NAME, PATH, House

OTHER = "/Products/PRODUCT_19_09_2024.csv"
FOLDERS = {schema.entity: schema.folder for schema in SCHEMAS}


def shown(house: House) -> list[str]:
    """Every file of the folder, hidden ones as well."""
    return sorted(path.name for path in house.file("/Products").iterdir() if path.is_file())


def before(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, work: Callable[[], object]) -> None:
    """Do `work` once, right before the next call of a function."""
    real = getattr(module, name)

    def late(*arguments: Any) -> Any:
        monkeypatch.setattr(module, name, real)
        work()
        return real(*arguments)

    monkeypatch.setattr(module, name, late)


def test_what_is_picked_up_before_it_is_shown_is_not_shown(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker found nothing to hide then. The next upload of the name would wait beside it for ever."""
    client = house.login()
    before(monkeypatch, ftps.receipt, "show", lambda: pick_up_now(house.settings, FOLDERS, Account.get()))
    assert client.put(PATH, BODY) == "226 Transfer complete, queued as import 1."
    assert [run.number for run in ImportRun.select()] == [1]
    assert shown(house) == []
    assert (spool_folder(house.settings, 1) / NAME).read_bytes() == BODY


def test_what_is_picked_up_before_its_new_name_is_shown_is_not_shown(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor under the old one."""
    client = house.login()
    client.put(PATH, BODY)
    before(monkeypatch, ftps.changes, "show", lambda: pick_up_now(house.settings, FOLDERS, Account.get()))
    assert client.rename(PATH, OTHER) == "250 Renamed, queued as import 1."
    assert [run.file for run in ImportRun.select()] == [OTHER.rpartition("/")[2]]
    assert shown(house) == []


def test_a_newer_upload_stays_shown_when_the_older_one_got_another_name(
    house: House, open_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came by another server, between the commit and the moment in which the old name goes."""
    client, other = house.login(), open_house(house.settings, again=True).login()
    client.put(PATH, b"older")
    before(monkeypatch, ftps.changes, "hide", lambda: other.put(PATH, b"newer"))
    assert client.rename(PATH, OTHER) == "250 Renamed, queued as import 1."
    assert [(f"/Products/{row.name}", row.state) for row in house.rows] == [(OTHER, "waiting"), (PATH, "waiting")]
    assert (house.file(PATH).read_bytes(), house.file(OTHER).read_bytes()) == (b"newer", b"older")
