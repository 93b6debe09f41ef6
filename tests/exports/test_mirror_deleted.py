"""What a partner has deleted does not come back, and what was collected stays so."""

from __future__ import annotations

import pytest

from models import Export, ExportFile
from models.ledger import Version, mark_removed
from settings import Settings
from tests.exports.mirroring import Shop, wait_for


@pytest.fixture
def shop(settings: Settings) -> Shop:
    return Shop(settings)


def names(path: str) -> tuple[str, str]:
    """The two files of an order."""
    return f"{path}/order_data_{path[-36:]}.csv", f"{path}/order_items_{path[-36:]}.csv"


def test_a_deleted_file_stays_deleted_after_a_restart(shop: Shop) -> None:
    """The look at the start compares everything, and leaves alone what was deleted; the other file stays."""
    with shop.mirroring():
        path = shop.put("one")
        shop.ready(path, "one")
        shop.delete(names(path)[0])
    with shop.mirroring():
        shop.ready(shop.put("marker"), "marker")

    assert [name for name in names(path) if (shop.target / name).exists()] == [names(path)[1]]


def test_a_deleted_folder_stays_deleted_when_it_is_told_of_again(shop: Shop) -> None:
    """An export of which all was deleted is `removed`, its empty folder goes, and no event brings it back."""
    with shop.mirroring() as mirror:
        path = shop.put("one")
        shop.ready(path, "one")
        for name in names(path):
            shop.delete(name)
        mirror.tell("acme", path)
        wait_for(lambda: not (shop.target / path).exists())
        mirror.tell("acme", path)
        shop.ready(shop.put("marker"), "marker")

        assert not (shop.target / path).exists()
    assert shop.state(path) == "removed"


def test_a_new_revision_appears_whole_though_a_file_of_the_former_was_deleted(shop: Shop) -> None:
    """A deletion holds for the version that was deleted."""
    with shop.mirroring():
        path = shop.put("one")
        shop.ready(path, "one")
        shop.delete(names(path)[0])
        shop.put("two", path[-36:])
        shop.ready(path, "two")

    assert [shop.file(name).state for name in names(path)] == ["mirrored", "mirrored"]
    assert shop.file(names(path)[0]).removed_at is None
    assert len(shop.seen(path)) == 2


def test_a_file_that_somebody_deleted_in_the_folder_itself_counts_as_deleted(shop: Shop) -> None:
    """An admin who deletes a file by hand finds it marked, and it does not come back."""
    with shop.mirroring():
        path = shop.put("one")
        shop.ready(path, "one")
    (shop.target / names(path)[0]).unlink()
    with shop.mirroring():
        wait_for(lambda: shop.file(names(path)[0]).state == "removed")

    assert not (shop.target / names(path)[0]).exists()
    assert shop.file(names(path)[0]).removed_by is None


def test_a_deletion_that_a_kill_cut_short_is_completed(shop: Shop) -> None:
    """The ledger says removed and the file is there still: it goes, also if its source has gone meanwhile."""
    with shop.mirroring():
        first, second = shop.put("one"), shop.put("two")
        shop.ready(first, "one")
        shop.ready(second, "two")
    for path in (first, second):
        for name in names(path):
            mark_removed(shop.account.id, name, None)
    for name in names(second):
        (shop.source / name).unlink()
    (shop.source / second).rmdir()
    with shop.mirroring():
        wait_for(lambda: not (shop.target / first).exists() and not (shop.target / second).exists())


def test_a_folder_of_which_all_was_deleted_goes_at_the_next_start(shop: Shop) -> None:
    """A kill may have come between its last file and the folder itself."""
    with shop.mirroring():
        path = shop.put("one")
        shop.ready(path, "one")
    for name in names(path):
        shop.delete(name)
    assert (shop.target / path).is_dir()
    with shop.mirroring():
        wait_for(lambda: not (shop.target / path).exists())


def test_what_was_announced_before_a_kill_is_completed(shop: Shop) -> None:
    """Rows that say `placing` are all that a kill in the first moment leaves: nothing of the order was seen yet."""
    path = shop.put("one")
    export = Export.get()
    for name in names(path):
        found = (shop.source / name).stat()
        ExportFile.create(account=shop.account, export=export, path=name, size=found.st_size,
                          mtime_ns=found.st_mtime_ns, state="placing")  # fmt: skip
    with shop.mirroring():
        shop.ready(path, "one")

    assert [event.revision for event in shop.listener.told] == [1]


def test_what_was_fetched_before_the_ledger_said_ready_is_collected(shop: Shop) -> None:
    """A kill behind the rename: the client had fetched one file, deleted the other; both hold, and the hook runs."""
    with shop.mirroring():
        path = shop.put("one")
        shop.ready(path, "one")
    shop.listener.told.clear()
    ExportFile.update(state="placing").execute()
    Export.update(state="waiting", ready_at=None).execute()
    assert shop.collect(names(path)[0])
    shop.delete(names(path)[1])
    with shop.mirroring():
        wait_for(lambda: shop.state(path) == "ready")

    assert [shop.file(name).state for name in names(path)] == ["collected", "removed"]
    assert len(shop.seen(path)) == 1
    assert [event.revision for event in shop.listener.told] == [1]


def test_an_order_is_collected_when_both_files_were_and_a_revision_starts_anew(shop: Shop) -> None:
    """What was collected of the former revision says nothing of the next."""
    with shop.mirroring():
        path = shop.put("one")
        shop.ready(path, "one")
        for name in names(path):
            shop.collect(name)
        assert shop.state(path) == "collected"
        shop.put("two", path[-36:])
        shop.ready(path, "two")

    assert Export.get().collected_at is None
    assert {shop.file(name).state for name in names(path)} == {"mirrored"}


def test_what_was_deleted_does_not_count_for_a_newer_version(shop: Shop) -> None:
    """A client deletes the former revision while the next is on its way: the next stays."""
    with shop.mirroring():
        path = shop.put("one")
        shop.ready(path, "one")
        former = shop.file(names(path)[0])
        shop.put("two", path[-36:])
        shop.ready(path, "two")
    mark_removed(shop.account.id, former.path, None, Version(former.size, former.mtime_ns))

    assert shop.file(former.path).state == "mirrored"
