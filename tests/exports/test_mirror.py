"""The mirror: what lies in the export tree is in the partner's folder, whole, and the ledger knows it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from models import Export
from settings import Settings
from tests.exports.mirroring import Shop, wait_for


@pytest.fixture
def shop(settings: Settings) -> Shop:
    return Shop(settings)


def test_an_order_is_ready_and_its_files_are_in_the_ledger(shop: Shop) -> None:
    """A folder that is renamed into the tree is in the partner's folder, by hard links, and its export is ready."""
    with shop.mirroring():
        path = shop.put("one")
        shop.ready(path, "one")

    name = f"{path}/order_data_{path[-36:]}.csv"
    assert (shop.source / name).stat().st_ino == (shop.target / name).stat().st_ino
    assert shop.file(name).state == "mirrored"
    assert shop.file(name).mtime_ns == (shop.target / name).stat().st_mtime_ns
    assert Export.get().ready_at is not None


def test_hook_and_pusher_are_told_once_for_each_revision(shop: Shop) -> None:
    """One event for each revision, with what the ledger says, and the number for who delivers further."""
    with shop.mirroring():
        path = shop.put("one")
        shop.ready(path, "one")
        shop.put("two", path[-36:])
        shop.ready(path, "two")
    with shop.mirroring():
        other = shop.put("customer", kind="customer")
        shop.ready(other, "customer")

    told = [(event.account, event.kind, event.system_id, event.revision) for event in shop.listener.told]
    expected = [
        ("acme", "order", path[-36:], 1),
        ("acme", "order", path[-36:], 2),
        ("acme", "customer", other[-36:], 1),
    ]
    assert told == expected
    assert shop.listener.told[0].path == shop.source / path
    assert shop.then == [Export.get(Export.path == path).number] * 2 + [Export.get(Export.path == other).number]


def test_what_was_put_there_while_no_mirror_ran_is_found(shop: Shop) -> None:
    """No event tells of it: the look at the start does."""
    paths = [shop.put(f"n{number}") for number in range(130)]
    shop.drop("Lists/prices.csv", "1")
    with shop.mirroring():
        for number, path in enumerate(paths):
            shop.ready(path, f"n{number}")
        wait_for((shop.target / "Lists" / "prices.csv").exists)

    assert Export.select().where(Export.state == "ready").count() == 130


def test_a_revision_appears_when_it_is_recorded(shop: Shop) -> None:
    """The dispatcher puts a folder into the tree before it records it: till then the former revision stays."""
    with shop.mirroring() as mirror:
        path = shop.put("one")
        shop.ready(path, "one")
        shop.put("two", path[-36:], recorded=False)
        mirror.tell("acme", path)
        marker = shop.put("marker")
        mirror.tell("acme", marker)
        shop.ready(marker, "marker")
        assert shop.contents(path) == {"one"}
        shop.put("two", path[-36:])
        shop.ready(path, "two")

    assert [event.revision for event in shop.listener.told if event.path.name in path] == [1, 2]


def test_a_full_export_is_ready_when_its_file_is_there(shop: Shop) -> None:
    """Its writer records it first. Where a look comes in between, the file is that of the revision before."""
    path = "Products/PRODUCT_23_11_2026.csv"
    with shop.mirroring() as mirror:
        shop.put_full(path, "one")
        wait_for(lambda: shop.state(path) == "ready")
        aside = shop.record_full(path, "two")
        mirror.tell("acme", path)
        marker = shop.put("marker")
        mirror.tell("acme", marker)
        shop.ready(marker, "marker")
        assert (shop.state(path), (shop.target / path).read_text()) == ("waiting", "one")
        aside.rename(shop.source / path)
        wait_for(lambda: shop.state(path) == "ready")

    assert (shop.target / path).read_text() == "two"
    assert [event.revision for event in shop.listener.told if event.kind == "full"] == [2, 3]


def test_a_reader_sees_one_revision_or_the_next_never_half_of_each(shop: Shop) -> None:
    """Whoever lists and reads through a handle of the folder, in a loop, gets two files of one revision."""
    path = shop.put("0")
    torn: list[object] = []
    done = threading.Event()
    with shop.mirroring():
        shop.ready(path, "0")
        reader = threading.Thread(target=_read_on, args=(shop.target / path, done, torn))
        reader.start()
        for revision in range(1, 40):
            shop.put(str(revision), path[-36:])
            if revision % 5 == 0:
                shop.shows(path, str(revision))
        shop.ready(path, "39")
        done.set()
        reader.join()

    assert torn == []


def _read_on(folder: Path, done: threading.Event, torn: list[object]) -> None:
    while not done.is_set() and not torn:
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError as error:
            torn.append(error)
            return
        try:
            with os.scandir(handle) as entries:
                names = [entry.name for entry in entries]
            texts = {_read(name, handle).partition(",")[2] for name in names}
        finally:
            os.close(handle)
        if len(names) != 2 or len(texts) != 1:
            torn.append((names, texts))


def _read(name: str, folder: int) -> str:
    with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=folder)) as file:
        return file.read()
