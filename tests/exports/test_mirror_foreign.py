"""What other programs put into the export tree: mirrored once it rests, again when it changes, gone when it goes."""

from __future__ import annotations

import dataclasses
import errno
import logging
import os
import shutil
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from exports.place import Place
from models import ExportFile
from models.ledger import Version
from settings import Settings
from tests.exports.mirroring import Shop, wait_for

FAR = 2**63 + 10**18
"""Nanoseconds since 1970, in the year 2293: more than a column of 64 bits holds."""


@pytest.fixture
def shop(make_settings: Callable[..., Settings]) -> Shop:
    """Patient enough for a writer on a busy machine."""
    return Shop(make_settings(settle_seconds=3))


def test_a_file_of_another_program_appears_with_its_time(settings: Settings) -> None:
    """In a folder of its own, as a copy: who wrote it may write on in place. It belongs to no export."""
    shop = Shop(dataclasses.replace(settings, settle_seconds=0))
    with shop.mirroring():
        source = shop.drop("Lists/2026/prices.csv", "a;b\n")
        copy = shop.target / "Lists" / "2026" / "prices.csv"
        wait_for(lambda: copy.exists() and copy.read_text() and shop.file("Lists/2026/prices.csv").state == "mirrored")

    assert copy.read_text() == "a;b\n"
    assert copy.stat().st_mtime_ns == source.stat().st_mtime_ns
    assert copy.stat().st_ino != source.stat().st_ino
    assert shop.file("Lists/2026/prices.csv").export is None
    assert shop.listener.told == []


def test_a_file_that_is_written_slowly_appears_whole(shop: Shop) -> None:
    """As long as it grows it is not there; what is there at last is all of it."""
    copy = shop.target / "big.csv"
    shop.source.mkdir()
    with shop.mirroring(), (shop.source / "big.csv").open("w") as file:
        for line in range(15):
            file.write(f"{line}\n")
            file.flush()
            time.sleep(0.1)
            assert not copy.exists()
        file.write("end\n")
        file.flush()
        wait_for(copy.exists)

    assert copy.read_text().endswith("14\nend\n")


def test_a_file_that_is_written_anew_is_a_new_version(shop: Shop) -> None:
    """Also when the partner had deleted the former one; the other file, not changed, stays deleted."""
    shop = Shop(dataclasses.replace(shop.settings, settle_seconds=0), "other")
    with shop.mirroring():
        for name in ("a.csv", "b.csv"):
            shop.drop(f"Lists/{name}", "1")
        wait_for(lambda: ExportFile.select().where(ExportFile.state == "mirrored").count() == 2)
        shop.delete("Lists/a.csv")
        shop.delete("Lists/b.csv")
        shop.drop("Lists/a.csv", "22")
        copy = shop.target / "Lists" / "a.csv"
        wait_for(lambda: copy.exists() and copy.read_text() == "22")

    assert not (shop.target / "Lists" / "b.csv").exists()


def test_what_is_deleted_in_the_tree_goes_and_is_forgotten(settings: Settings) -> None:
    """A file that is taken back, or a folder, goes from the partner's folder; put there again, it appears again."""
    shop = Shop(dataclasses.replace(settings, settle_seconds=0))
    with shop.mirroring():
        first = shop.drop("Lists/a.csv", "1")
        second = shop.drop("Lists/deep/b.csv", "2")
        wait_for(lambda: ExportFile.select().where(ExportFile.state == "mirrored").count() == 2)
        first.unlink()
        wait_for(lambda: not (shop.target / "Lists" / "a.csv").exists())
        second.parent.rename(shop.settings.home / "elsewhere")
        wait_for(lambda: not (shop.target / "Lists" / "deep").exists())
        assert wait_for(lambda: ExportFile.select().count() == 0)
        shop.drop("Lists/a.csv", "1")
        wait_for((shop.target / "Lists" / "a.csv").exists)


def test_a_file_that_is_deleted_while_no_mirror_runs_goes_at_the_next_start(settings: Settings) -> None:
    """The ledger knows what had been there."""
    shop = Shop(dataclasses.replace(settings, settle_seconds=0))
    with shop.mirroring():
        file = shop.drop("a.csv", "1")
        wait_for(lambda: ExportFile.select().where(ExportFile.state == "mirrored").count() == 1)
    file.unlink()
    with shop.mirroring():
        wait_for(lambda: not (shop.target / "a.csv").exists() and ExportFile.select().count() == 0)


def test_a_file_that_was_announced_before_a_kill_is_completed(settings: Settings) -> None:
    """Whether it lies there already or not: in the end it does, and the ledger says so."""
    shop = Shop(dataclasses.replace(settings, settle_seconds=0))
    with shop.mirroring():
        shop.drop("a.csv", "1")
        shop.drop("b.csv", "2")
        wait_for(lambda: ExportFile.select().where(ExportFile.state == "mirrored").count() == 2)
    ExportFile.update(state="placing").execute()
    (shop.target / "b.csv").unlink()
    with shop.mirroring():
        wait_for(lambda: ExportFile.select().where(ExportFile.state == "mirrored").count() == 2)

    assert [(shop.target / name).read_text() for name in ("a.csv", "b.csv")] == ["1", "2"]


def test_a_tree_that_is_gone_as_a_whole_takes_nothing_away(shop: Shop) -> None:
    """It may lie on a disk that is not mounted: what the partner has stays."""
    shop = Shop(dataclasses.replace(shop.settings, settle_seconds=0, reconcile_seconds=1), "other")
    with shop.mirroring():
        shop.drop("Lists/a.csv", "1")
        wait_for(lambda: ExportFile.select().where(ExportFile.state == "mirrored").count() == 1)
        shop.source.rename(shop.settings.exports / ".away")
        time.sleep(1.5)  # A look at everything goes by.
        assert (shop.target / "Lists" / "a.csv").exists()
        (shop.settings.exports / ".away").rename(shop.source)
        shop.drop("Lists/b.csv", "1")
        wait_for((shop.target / "Lists" / "b.csv").exists)


def test_what_is_no_plain_file_is_left_alone_with_one_warning(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """Hidden names, links, sockets, pipes, names that are not UTF-8 and endless paths; what is beside them appears."""
    shop = Shop(dataclasses.replace(shop.settings, settle_seconds=0), "other")
    secret = shop.settings.home / "secret"
    secret.write_text("secret")
    deep = "/".join(["d" * 200] * 5)
    with shop.mirroring(), socket.socket(socket.AF_UNIX) as listening:
        shop.drop(".part", "1")
        shop.drop(".hidden/inner.csv", "1")
        (shop.source / "link.csv").symlink_to(secret)
        (shop.source / "folder").symlink_to(shop.settings.home)
        listening.bind(str(shop.source / "socket"))
        os.mkfifo(shop.source / "pipe")
        (shop.source / os.fsdecode(b"caf\xe9.csv")).write_text("1")
        shop.drop(f"{deep}/long.csv", "1")
        shop.drop("good.csv", "1")
        wait_for(lambda: (shop.target / "good.csv").exists() and "1004 characters" in caplog.text)
    with shop.mirroring() as mirror:
        for name in ("link.csv", "pipe", "socket", "folder"):
            mirror.tell("other", name)
        shop.drop("good2.csv", "1")
        wait_for((shop.target / "good2.csv").exists)

    seen = {str(path.relative_to(shop.target)) for path in shop.target.rglob("*")}
    assert seen == {"good.csv", "good2.csv"}
    warnings = [record.message for record in caplog.records if "is not mirrored" in record.message]
    for what in ("link.csv", "other/'folder'", "socket", "pipe", r"caf\udce9.csv"):
        assert len([message for message in warnings if what in message]) == 2, "one for each run of the mirror"
    assert any("1004 characters, 1000 are possible" in message for message in warnings)


@pytest.mark.parametrize("name", [b"caf\xe9.pdf", b"line\nbreak.pdf"], ids=["not UTF-8", "control character"])
def test_an_odd_name_beside_an_orders_files_is_left_alone(
    settings: Settings, name: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """With one warning, also by a mirror that finds it when it starts: what else there is appears, of all accounts."""
    settings = dataclasses.replace(settings, settle_seconds=0, reconcile_seconds=1)
    shop, other = Shop(settings), Shop(settings, "other")
    path = shop.put("one")
    (shop.source / path / os.fsdecode(name)).write_text("odd")
    shop.drop(f"{path}/order.pdf", "PDF")
    shop.drop("good.csv", "1")
    other.drop("good.csv", "1")

    def is_told(times: int) -> bool:
        return sum("is not mirrored" in message for message in caplog.messages) == times

    for run in (1, 2):
        with shop.mirroring():
            wait_for(lambda: shop.state(path) == "ready" and "order.pdf" in shop.seen(path))
            wait_for(lambda: all((each.target / "good.csv").exists() for each in (shop, other)))
            wait_for(partial(is_told, run))
            time.sleep(1.5)  # More looks go by.
        assert is_told(run)
        assert not any("failed" in message for message in caplog.messages)
    assert len(shop.seen(path)) == 3


def test_what_breaks_a_delivery_down_keeps_no_other_from_appearing(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """A time of last change that no table holds, for one: it is told of once and tried on."""
    settings = dataclasses.replace(settings, settle_seconds=0)
    shop, other = Shop(settings), Shop(settings, "other")
    far = shop.drop("far.csv", "1")
    os.utime(far, ns=(0, FAR))
    for each in (shop, other):
        each.drop("good.csv", "1")
    with shop.mirroring():
        wait_for(lambda: all((each.target / "good.csv").exists() for each in (shop, other)))
        wait_for(lambda: any("exports/acme/far.csv can't be delivered" in message for message in caplog.messages))
        time.sleep(2.5)  # It is tried again.
        os.utime(far)
        wait_for((shop.target / "far.csv").exists)

    assert sum("can't be delivered" in message for message in caplog.messages) == 1
    assert not any("mirror failed" in message for message in caplog.messages)


def test_what_breaks_a_look_down_keeps_nobody_elses_from_ending(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Folders deeper than Python reckons with, for one; what lay there before the start is found all the same."""
    settings = dataclasses.replace(settings, settle_seconds=0)
    shop, other = Shop(settings), Shop(settings, "other")
    caplog.set_level(logging.INFO, "ftpdock.exports")
    deep = shop.source / "/".join(["d"] * 498)
    deep.mkdir(parents=True)
    other.drop("good.csv", "1")
    with shop.mirroring():
        wait_for((other.target / "good.csv").exists)
        wait_for(lambda: any("looked through the exports of 2 accounts in " in message for message in caplog.messages))

    assert any("the exports of acme can't be looked through" in message for message in caplog.messages)
    assert not any("mirror failed" in message for message in caplog.messages)


def test_a_folder_that_is_renamed_in_full_of_files_appears(shop: Shop) -> None:
    """Made aside, as one should: its files, however deep, are found though no event told of them."""
    shop = Shop(dataclasses.replace(shop.settings, settle_seconds=0), "other")
    with shop.mirroring():
        wait_for(shop.source.is_dir)
        aside = shop.settings.home / "aside"
        (aside / "deep").mkdir(parents=True)
        (aside / "deep" / "a.csv").write_text("1")
        aside.rename(shop.source / "Lists")
        wait_for((shop.target / "Lists" / "deep" / "a.csv").exists)
        shop.drop("Lists/deep/b.csv", "2")
        wait_for((shop.target / "Lists" / "deep" / "b.csv").exists)
        (shop.source / "Lists").rename(shop.source / "Renamed")
        wait_for((shop.target / "Renamed" / "deep" / "b.csv").exists)
        wait_for(lambda: not (shop.target / "Lists" / "deep").exists())
        shop.drop("Renamed/deep/c.csv", "3")
        wait_for((shop.target / "Renamed" / "deep" / "c.csv").exists)


@pytest.mark.parametrize("folder", [False, True])
def test_what_can_not_be_made_ready_leaves_nothing(
    settings: Settings, tmp_path: Path, folder: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk it would keep it full, again and again."""
    place = Place(settings)
    place.clear()
    source = tmp_path / "tree"
    source.mkdir()
    (source / "a.csv").write_text("a;b")

    def full(reading: Any, writing: Any, *_: Any) -> None:
        writing.write(b"a")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", full)
    monkeypatch.setattr(os, "link", lambda *_, **__: full_link())
    handle = os.open(source, os.O_RDONLY)
    try:
        ready = (
            partial(place.stage_folder, handle, ["a.csv"], tmp_path / "none")
            if folder
            else partial(place.stage_file, source / "a.csv", Version(3, 0), link=False)
        )
        with pytest.raises(OSError, match="No space left"):
            ready()
    finally:
        os.close(handle)
    assert list((settings.spool / "mirror" / "new").iterdir()) == []


def full_link() -> None:
    """Another file system."""
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
