"""How SITE VALIDATE ends when it does not end as it should; and that what was no dry run is not removed with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ftps.validate import remove
from jobs.pickup import queue_file
from models import Account, ImportRun, Login, Upload
from tests.visitor import BODY, NAME, PATH, Client, House, end


@pytest.fixture
def client(house: House) -> Client:
    """It has asked for a dry run, which no worker does."""
    client = house.login()
    client.put(PATH, BODY)
    client.putcmd(f"SITE VALIDATE {PATH}")
    house.wait(lambda: ImportRun.select().count())
    return client


def test_a_dry_run_that_somebody_removes(house: House, client: Client) -> None:
    """Its client is told, and the session goes on."""
    remove(house.door.shared, 2)
    assert client.last_reply() == "451 The dry run was removed."
    assert client.ask("NOOP").startswith("200 ")
    assert [row.state for row in house.rows] == ["waiting"]


@pytest.mark.parametrize(
    ("how", "last"),
    [
        (lambda house: house.door.stop(), "421 The server is stopping."),
        (lambda _: Login.update(disabled=True).execute(), "421 This login was changed; log in again."),
    ],
    ids=["stop", "disabled"],
)
def test_a_dry_run_goes_on_when_its_session_has_to_end(
    house: House, client: Client, how: Callable[[House], object], last: str
) -> None:
    """The client hears its number, by which it can ask later."""
    how(house)
    assert client.last_reply() == "250 The dry run goes on as import 2."
    assert client.last_reply() == last
    assert [(run.number, run.status) for run in ImportRun.select()] == [(2, "waiting")]


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_client_that_has_gone_is_not_kept(house: House, client: Client, how: str) -> None:
    """The session ends with the next look; what it asked for is left to the sweep."""
    end(client.sock, how)  # type: ignore[arg-type]
    house.wait(lambda: not house.door.shared.sessions, 5)
    assert [(run.number, run.status) for run in ImportRun.select()] == [(2, "waiting")]


@pytest.mark.parametrize(("dry_run", "left"), [(True, 0), (False, 1)])
def test_what_is_no_dry_run_is_not_removed(house: House, tmp_path: Path, dry_run: bool, left: int) -> None:
    """Of files that a command queued, some are and some are not."""
    path = tmp_path / NAME
    path.write_bytes(BODY)
    run = queue_file(house.settings, Account.get(), "product", path, NAME, origin="command", dry_run=dry_run)
    remove(house.door.shared, run.number)
    assert (Upload.select().count(), ImportRun.select().count()) == (left, left)
