"""What the mirror puts into place: to last through a power cut, and of one revision."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exports.appearing import Appearing
from exports.booking import Plan
from exports.place import Changing, Place
from exports.tree import files_of_unit
from settings import Settings
from tests.exports.mirroring import Shop


@pytest.fixture
def shop(make_settings: Callable[..., Settings]) -> Shop:
    return Shop(make_settings(settle_seconds=0))


def test_what_appears_outlasts_a_power_cut(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names in a folder are synced before it appears, then its own name, before the ledger says that it is there.

    Its files are those of the export tree, which the dispatcher has synced.
    """
    delivery = shop.delivery()
    delivery.deliver([shop.put("before")])
    path, synced = shop.put("one"), []

    def fsync(handle: int, fsync: Callable[[int], None] = os.fsync) -> None:
        there = Path(f"/proc/self/fd/{handle}").readlink()
        names = sorted(os.listdir(handle)) if there.is_dir() else []
        synced.append((there, names, (shop.target / path).exists(), shop.state(path)))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    delivery.deliver([path])

    assert shop.state(path) == "ready"
    (_, names, appeared, _), *_ = [each for each in synced if each[0].parent.name == "new"]
    assert (names, appeared) == (sorted(shop.seen(path)), False)
    assert ((shop.target / path).parent, True, "waiting") in [(each[0], *each[2:]) for each in synced]


def test_a_revision_that_comes_meanwhile_is_left_to_the_next_look(shop: Shop) -> None:
    """What is put into place is what was announced, or nothing: the ledger would speak of other files."""
    path = shop.put("one")
    files = {f"{path}/{name}": each for name, each in files_of_unit(shop.source / path).items()}
    shop.put("another", path.rpartition("_")[2])
    failed: list[tuple[str, OSError]] = []
    place = Place(shop.settings)
    place.clear()

    plan = Plan(path, files, folder=True, placing=files)
    done = Appearing(shop.source, shop.target, place, lambda *reason: failed.append(reason)).appear([plan])

    assert (done, shop.seen(path)) == ([], {})
    ((which, error),) = failed
    assert (which, type(error)) == (path, Changing)
    assert list((shop.settings.spool / "mirror" / "new").iterdir()) == []
