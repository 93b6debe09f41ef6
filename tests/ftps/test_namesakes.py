"""Two accounts whose files have the same name: what one does to its own leaves the other's alone, on both engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.registry import Registry
from handlers.run import ImportJob
from hooks import Hooks
from jobs.pickup import pick_up_now
from jobs.queue import claim
from layout import account_root, export_root, spool_folder
from models import Account, EntitySettings, Export, ExportFile, ImportRun, Login, Upload, now
from schemas import SCHEMAS
from settings import Settings
from tests.ftps.shelf import FOLDER, ITEMS, UUID, Shelf, on_loopback
from tests.visitor import NAME, PATH, House, add_account

MINE, THEIRS = b"SKU_ID,Name\r\nA1,Lamp\r\n", b"SKU_ID,Name\r\nB1,Cup\r\nB2,Jug\r\n"
OTHER = "/Products/PRODUCT_19_09_2024.csv"
FOLDERS = {schema.entity: schema.folder for schema in SCHEMAS}


@pytest.fixture
def house(settings: Settings, open_house: object) -> House:
    """With the accounts acme and beta."""
    assert callable(open_house)
    made: House = open_house(on_loopback(settings))
    add_account(made.settings, Login.get().password_hash, "beta")
    return made


def states() -> list[tuple[str, str, str]]:
    query = Upload.select(Account.name, Upload.name, Upload.state).join(Account).order_by(Upload.id)
    return list(query.tuples())


def imported(house: House, account: str) -> int:
    """Import what waits of an account, as a worker does; the records that were created."""
    [number] = pick_up_now(house.settings, FOLDERS, Account.get(Account.name == account))
    registry = Registry()
    run = claim(house.settings, registry, "test", number)
    assert run is not None
    return ImportJob(house.settings, registry.handler("product"), Hooks(), run, "test").execute().created


def test_an_upload_replaces_none_of_another_account(house: House) -> None:
    """Both wait, and both are imported: each got its 226."""
    for name, body in (("acme", MINE), ("beta", THEIRS)):
        assert house.connect(name).put(PATH, body).startswith("226 ")
    assert states() == [("acme", NAME, "waiting"), ("beta", NAME, "waiting")]
    assert [imported(house, "acme"), imported(house, "beta")] == [1, 2]


def test_renaming_replaces_none_of_another_account(house: House) -> None:
    """Neither one that waits under the new name nor one under the old name; nor does DELE take it back."""
    client, other = house.login(), house.connect("beta")
    other.put(PATH, THEIRS)
    other.put(OTHER, THEIRS)
    client.put(PATH, MINE)
    assert client.rename(PATH, OTHER) == "250 Renamed, queued as import 3."
    name = OTHER.rpartition("/")[2]
    assert states() == [("beta", NAME, "waiting"), ("beta", name, "waiting"), ("acme", name, "waiting")]
    assert client.delete(OTHER) == "250 File removed."
    assert client.ask(f"DELE {PATH}") == "550 No such file or directory."
    assert [state for _, _, state in states()] == ["waiting", "waiting", "deleted"]
    for number, path in ((1, PATH), (2, OTHER)):
        shown = account_root(house.settings, "beta") / path.strip("/")
        assert shown.samefile(spool_folder(house.settings, number) / Path(path).name)


def test_nobody_takes_back_an_import_of_another_account(house: House) -> None:
    """Queued at once, and no worker has begun with it: its own account could."""
    EntitySettings.update(schedule="immediate").execute()
    client, other = house.login(), house.connect("beta")
    assert client.put(PATH, MINE) == "226 Transfer complete, queued as import 1."
    assert other.ask(f"DELE {PATH}") == "550 No such file or directory."
    assert other.ask(f"RNFR {PATH}") == "550 No such file or directory."
    assert (states(), ImportRun.select().count()) == ([("acme", NAME, "picked")], 1)
    assert (spool_folder(house.settings, 1) / NAME).read_bytes() == MINE
    assert client.delete(PATH) == "250 File removed."
    assert (states(), ImportRun.select().count()) == ([("acme", NAME, "deleted")], 0)


def test_a_revision_of_another_account_keeps_nobody_from_deleting(house: House) -> None:
    """A record may have its number from another program, and so two accounts the same folder: who has seen nothing
    newer may delete what is there."""
    shelf, beta = Shelf(house), Account.get(Account.name == "beta")
    shelf.order()
    newer = Export.create(account=beta, kind="order", entity="order", system_id=UUID, path=FOLDER, state="ready",
                          ready_at=now(), revision=2)  # fmt: skip
    theirs = export_root(house.settings, "beta") / ITEMS
    theirs.parent.mkdir(parents=True)
    found = shelf.write(theirs, "two")
    ExportFile.create(account=beta, path=ITEMS, size=found.st_size, mtime_ns=found.st_mtime_ns, state="mirrored",
                      export=newer)  # fmt: skip
    assert house.login().ask(f"DELE /Export/{ITEMS}") == "250 File removed."
    kept = ExportFile.get(ExportFile.account == beta)
    assert (kept.state, theirs.read_text()) == ("mirrored", "two")
    assert house.connect("beta").ask(f"DELE /Export/{ITEMS}").startswith("450 It was exported anew")
