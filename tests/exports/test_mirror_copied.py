"""A home that was put back from a copy: what was collected stays so, and what was deleted stays away.

Each way of copying is a shell command that is given two folders. GNU tar cuts times to whole seconds, unless it is told
otherwise; `cp -r` keeps neither times nor links.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exports.folders import APART, stamp
from exports.look import Looker
from exports.place import Place
from exports.tree import version, version_at
from models import Export, ExportFile, now
from models.ledger import Version
from settings import Settings
from tests.exports.mirroring import Shop

TAR = 'tar -c -C "$1" . | tar -x -C "$2"'
PLAIN = 'cp -r "$1/." "$2"'
FULL, LIST, OLD = "Products/PRODUCT_23_11_2026.csv", "Lists/prices.csv", "Lists/old.csv"
FOLDERS = ("exports", "accounts")
States = dict[str, str]


@pytest.fixture
def shop(make_settings: Callable[..., Settings], backend: str) -> Shop:
    return Shop(make_settings(backend, settle_seconds=0))


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest) -> str:
    backend: str = request.param
    return backend


def put_back(settings: Settings, way: str, *folders: str) -> None:
    """These folders of the home are lost, and their copies take their place."""
    for folder in folders:
        lost, copy = settings.home / f"{folder}.lost", settings.home / f"{folder}.copy"
        copy.mkdir()
        subprocess.run(["sh", "-c", way, "sh", str(settings.home / folder), str(copy)], check=True)
        (settings.home / folder).rename(lost)
        copy.rename(settings.home / folder)


def put_back_at_once(settings: Settings, way: str) -> None:
    """The whole home: the links between its folders are known to be such."""
    copy, lost = settings.home.with_name("copy"), settings.home.with_name("lost")
    copy.mkdir()
    subprocess.run(["sh", "-c", way, "sh", str(settings.home), str(copy)], check=True)
    settings.home.rename(lost)
    copy.rename(settings.home)


def settle(shop: Shop) -> None:
    """What a mirror does that was just started: it looks at everything and delivers what differs."""
    delivery = shop.delivery()
    for _ in range(2):  # What lies beside an order appears after it.
        if found := differing(shop):
            delivery.deliver(found)


def differing(shop: Shop) -> list[str]:
    """What a look finds to be done."""
    look = Looker(shop.source, shop.target, shop.name, shop.account.id, lambda path: None)
    return [key.path for found in look.all() for key in found]


def exports() -> States:
    return dict(Export.select(Export.path, Export.state).tuples())


def files() -> States:
    return dict(ExportFile.select(ExportFile.path, ExportFile.state).tuples())


def lying(shop: Shop) -> dict[str, str]:
    """What the partner sees."""
    found = [path for path in shop.target.rglob("*") if path.is_file()]
    return {str(path.relative_to(shop.target)): path.read_text() for path in found}


def names(path: str) -> tuple[str, str]:
    """The two files of an order."""
    return f"{path}/order_data_{path[-36:]}.csv", f"{path}/order_items_{path[-36:]}.csv"


def fill(shop: Shop) -> dict[str, str]:
    """Exports in each state, and other programs' files; the orders' paths by their states."""
    orders = {state: shop.put(state) for state in ("ready", "begun", "collected", "removed", "half")}
    shop.put_full(FULL, "SKU_ID\r\n1\r\n")
    for path in (LIST, OLD, f"{orders['collected']}/order.pdf"):
        shop.drop(path, path)
    settle(shop)
    pdf = f"{orders['collected']}/order.pdf"
    for path in (*names(orders["collected"]), *names(orders["removed"]), names(orders["begun"])[0], FULL, LIST, pdf):
        assert shop.collect(path)
    for path in (*names(orders["removed"]), names(orders["half"])[0], OLD):
        shop.delete(path)
    settle(shop)
    assert [exports()[orders[state]] for state in ("ready", "collected", "removed")] == [
        "ready", "collected", "removed"]  # fmt: skip
    assert differing(shop) == []
    return orders


@pytest.mark.parametrize(
    "way",
    [
        (TAR, *FOLDERS),
        (TAR, "exports"),
        (TAR, "accounts"),
        (PLAIN, "accounts"),
        (TAR,),
    ],
    ids=["tar of each", "tar of exports", "tar of accounts", "cp of accounts", "tar"],
)
def test_what_was_put_back_with_other_times_is_as_it_was(shop: Shop, way: tuple[str, ...]) -> None:
    """Neither ledger nor folder says anything else; what is fetched and deleted then counts."""
    orders = fill(shop)
    before = exports(), files(), lying(shop)
    shop.listener.told.clear()
    shop.then.clear()
    if way[1:]:
        put_back(shop.settings, *way)
    else:
        put_back_at_once(shop.settings, *way)
    row = shop.file(LIST)
    assert {version_at(root / LIST) for root in (shop.source, shop.target)} != {Version(row.size, row.mtime_ns)}

    settle(shop)

    assert (exports(), files(), lying(shop)) == before
    assert (shop.listener.told, shop.then, differing(shop)) == ([], [], [])
    goes_on(shop, orders)


@pytest.mark.parametrize("folders", [FOLDERS, ("exports",)], ids=["all", "exports"])
def test_exports_of_ours_are_told_by_their_contents_where_times_were_not_kept(
    shop: Shop, folders: tuple[str, ...]
) -> None:
    """Other programs' files are new versions: their times are all that tells one from the next."""
    orders = fill(shop)
    before = exports(), files(), lying(shop)
    shop.then.clear()
    put_back(shop.settings, PLAIN, *folders)

    settle(shop)

    pdf = f"{orders['collected']}/order.pdf"
    assert exports() == before[0]
    assert files() == before[1] | {LIST: "mirrored", OLD: "mirrored", pdf: "mirrored"}
    assert lying(shop) == before[2] | {OLD: OLD}
    assert (shop.then, differing(shop)) == ([], [])
    goes_on(shop, orders)


def goes_on(shop: Shop, orders: dict[str, str]) -> None:
    """What is fetched and deleted counts, and a new revision of what was deleted appears."""
    for name in names(orders["ready"]):
        assert shop.collect(name)
    assert shop.state(orders["ready"]) == "collected"
    for name in names(orders["collected"]):
        shop.delete(name)
    assert shop.state(orders["collected"]) == "removed"
    shop.put("anew", orders["removed"][-36:])
    settle(shop)
    assert shop.contents(orders["removed"]) == {"anew"}
    assert shop.state(orders["removed"]) == "ready"


def test_what_is_fetched_before_the_mirror_has_looked_counts(shop: Shop) -> None:
    """A server that was just started, on a copy that has whole seconds only."""
    orders = fill(shop)
    put_back(shop.settings, TAR, *FOLDERS)

    for name in names(orders["ready"]):
        assert shop.collect(name)
    assert shop.state(orders["ready"]) == "collected"
    for name in names(orders["ready"]):
        shop.delete(name)
    assert shop.state(orders["ready"]) == "removed"


def test_what_is_taken_back_before_the_mirror_has_looked_goes(shop: Shop) -> None:
    """Another program's file that is deleted in the tree that was put back."""
    fill(shop)
    put_back(shop.settings, TAR, *FOLDERS)
    (shop.source / LIST).unlink()

    settle(shop)

    assert not (shop.target / LIST).exists()
    assert LIST not in files()


def test_a_revision_that_never_was_there_is_no_copy_of_the_former(shop: Shop) -> None:
    """As long as it, and given up by the dispatcher before it appeared: it appears all the same."""
    path = shop.put("one")
    settle(shop)
    for name in names(path):
        shop.collect(name)
    shop.put("two", path[-36:])
    Export.update(state="failed", error="no number", ready_at=None).execute()

    settle(shop)

    assert shop.contents(path) == {"two"}
    assert set(files().values()) == {"mirrored"}


def test_a_full_export_that_is_asked_for_again_is_there_again_though_nothing_has_changed(shop: Shop) -> None:
    """Also if the mirror looks between its row and its file, and takes the former file for it."""
    shop.put_full(FULL, "SKU_ID\r\n1\r\n")
    settle(shop)
    shop.collect(FULL)
    written = shop.settings.home / "written"
    written.write_text("SKU_ID\r\n1\r\n")
    time.sleep(0.01)
    Export.update(state="waiting", revision=2, ready_at=None).execute()
    settle(shop)
    assert shop.state(FULL) == "collected"

    written.rename(shop.source / FULL)
    settle(shop)

    assert (shop.state(FULL), shop.file(FULL).state) == ("ready", "mirrored")


def test_an_equal_file_that_another_program_writes_again_is_there_again(shop: Shop) -> None:
    """A price list is sent each day, whether a price has changed or not."""
    shop.drop(LIST, "same")
    settle(shop)
    shop.collect(LIST)
    shop.delete(LIST)
    shop.drop(LIST, "same")
    os.utime(shop.source / LIST)

    settle(shop)

    assert (lying(shop), files()) == ({LIST: "same"}, {LIST: "mirrored"})


def test_what_keeps_a_copy_from_being_put_again_is_tried_on(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """Told once; what is beside it is put right."""
    orders = fill(shop)
    put_back(shop.settings, PLAIN, "accounts")
    first = names(orders["ready"])[0]
    (shop.settings.spool / "mirror").rename(shop.settings.spool / "aside")
    delivery = shop.delivery()
    new = shop.settings.spool / "mirror" / "new"
    new.rmdir()
    new.write_text("in the way")

    for _ in range(3):
        delivery.deliver([orders["ready"]])
    assert sum("can't be delivered" in message for message in caplog.messages) == 1
    assert version_at(shop.target / first) != version_at(shop.source / first)

    new.unlink()
    new.mkdir()
    delivery.deliver([orders["ready"]])
    assert version_at(shop.target / first) == version_at(shop.source / first)


FINE = 1_700_000_007_123_456_789


def test_what_goes_while_it_is_put_again_stays_away(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partner may delete it just then, as long as a large file is copied."""
    shop.drop(LIST, "prices")
    settle(shop)
    put_back(shop.settings, PLAIN, "accounts")
    real = Place.stage_file

    def stage_file(*arguments: Any, **more: Any) -> Path:
        staged = real(*arguments, **more)
        (shop.target / LIST).unlink()
        return staged

    monkeypatch.setattr(Place, "stage_file", stage_file)
    settle(shop)
    monkeypatch.undo()
    settle(shop)

    assert not (shop.target / LIST).exists()
    assert files()[LIST] == "removed"


@pytest.mark.parametrize(
    ("time", "other", "is_copy"),
    [
        (FINE, FINE, True),
        (1_700_000_007_000_000_000, FINE, True),
        (1_700_000_006_000_000_000, FINE, True),
        (1_700_000_007_123_456_700, FINE, True),
        (1_700_000_007_123_456_000, FINE, True),
        (1_700_000_007_123_000_000, FINE, True),
        (1_700_000_007_120_000_000, FINE, True),
        (1_700_000_005_000_000_000, FINE, False),
        (1_700_000_008_000_000_000, FINE, False),
        (FINE, 1_700_000_007_000_000_000, False),
        (1_700_000_006_000_000_000, 1_700_000_007_000_000_000, False),
        (1_700_000_006_999_999_999, FINE, False),
    ],
)  # fmt: skip
def test_only_the_end_of_a_time_may_be_lost(time: int, other: int, is_copy: bool) -> None:
    """Whole seconds, and less; versions of a disk that knows whole seconds only are told apart."""
    assert Version(5, time).is_copy_of(Version(5, other)) is is_copy
    assert not Version(4, time).is_copy_of(Version(5, other))


def test_a_revision_is_no_copy_of_another_though_the_clock_is_behind(tmp_path: Path) -> None:
    """Their times differ by what no copy loses unnoticed."""
    ahead = (time.time_ns() // 10**9 + 10**6) * 10**9 + 123_400_000
    file = tmp_path / "a.csv"
    with file.open("wb") as handle:
        stamp(handle.fileno(), ahead)

    assert version(file.stat()).mtime_ns == ahead + APART
    assert not Version(0, ahead).is_copy_of(version(file.stat()))
    assert now().timestamp() < ahead / 1e9
