"""Files that are put into the queue by a command."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from peewee import PeeweeException

import layout
from jobs.pickup import ABANDONED, reconcile
from models import Upload
from settings import Settings
from tests.failing_commit import failing_commit
from tests.partner import Partner


def test_a_large_copy_keeps_nobody_waiting(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite who writes has the whole database."""
    partner = make_partner(make_settings("sqlite"))
    real, locked = shutil.copyfile, []

    def copy(source: Path, target: Path) -> Any:
        with closing(sqlite3.connect(partner.settings.database_url.removeprefix("sqlite:///"), timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")
            locked.append(other.in_transaction)
        return real(source, target)

    monkeypatch.setattr(shutil, "copyfile", copy)
    run = partner.queue("product", "SKU_ID,Name\n1,Cup\n")

    assert locked == [True]
    folder = layout.spool_folder(partner.settings, run.number)
    assert [each.name for each in folder.iterdir()] == ["PRODUCT_18_09_2024.csv"]


def test_a_copy_that_fails_leaves_nothing(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """No number is used up, and no bytes stay."""

    def full(source: Path, target: Path) -> Any:
        target.write_bytes(b"x")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        with pytest.raises(OSError, match="No space left"):
            partner.queue("product", "SKU_ID,Name\n1,Cup\n")

    assert Upload.select().count() == 0
    assert not list(partner.settings.spool.glob("*staged*"))


def test_a_copy_that_could_not_be_recorded_leaves_nothing(partner: Partner) -> None:
    """Its COMMIT failed. Whoever gave the command was told so."""
    with failing_commit(), pytest.raises(PeeweeException):
        partner.queue("product", "SKU_ID,Name\n1,Cup\n")

    assert Upload.select().count() == 0
    assert not list(partner.settings.spool.rglob("*.csv"))


def test_what_a_kill_left_of_a_copy_is_removed(partner: Partner) -> None:
    """An hour after its last byte."""
    left, going_on = (partner.settings.spool / f"{layout.STAGED}{name}" for name in ("left", "going-on"))
    long_ago = time.time() - ABANDONED - 10
    for folder in (left, going_on):
        folder.mkdir()
        (folder / "a.csv").write_text("a")
        if folder is left:
            os.utime(folder / "a.csv", (long_ago, long_ago))
        os.utime(folder, (long_ago, long_ago))

    reconcile(partner.settings)

    assert (left.exists(), going_on.exists()) == (False, True)


def test_what_the_database_does_not_know_is_put_aside(partner: Partner) -> None:
    """A standby that took over, or a backup, may have lost the row of what got its 226. An empty folder goes."""
    unknown, empty = (layout.spool_folder(partner.settings, number) for number in (999_999, 999_998))
    long_ago = time.time() - ABANDONED - 1
    for folder, text in ((unknown, "bytes"), (empty, "")):
        folder.mkdir(parents=True)
        (folder / "a.csv").write_text(text)
        for path in (folder / "a.csv", folder):
            os.utime(path, (long_ago, long_ago))

    reconcile(partner.settings)
    reconcile(partner.settings)

    assert not unknown.exists()
    assert not empty.exists()
    kept = list((partner.settings.spool / layout.LOST).glob("*/a.csv"))
    assert [(each.parent.name[:7], each.read_text()) for each in kept] == [("999999-", "bytes")]


@pytest.mark.parametrize("name", ["7", "009999", "9" * 30])
def test_a_file_in_the_place_of_a_folder_is_put_aside(partner: Partner, name: str) -> None:
    """Also one with a number that is larger than any. What is behind it in the spool is looked at."""
    file, empty, left = (partner.settings.spool / each for each in (name, f"{name}0", f"{layout.STAGED}left"))
    left.mkdir()
    file.write_text("bytes")
    empty.touch()
    for path in (file, empty, left):
        os.utime(path, (0, 0))

    reconcile(partner.settings)

    assert [path for path in (file, empty, left) if path.exists()] == []
    assert [each.read_text() for each in (partner.settings.spool / layout.LOST).iterdir()] == ["bytes"]


def test_a_file_in_the_place_of_its_folder_keeps_no_upload_out(partner: Partner) -> None:
    """Its number would be given again, and again: nobody could upload any more."""
    number = partner.queue("product", "SKU_ID,Name\n1,Cup\n").number
    for next_, text in ((number + 1, "bytes"), (number + 2, "")):
        layout.spool_folder(partner.settings, next_).write_text(text)
    for next_ in (number + 1, number + 2):
        assert partner.queue("product", "SKU_ID,Name\n2,Saucer\n").number == next_
        assert [each.name for each in layout.spool_folder(partner.settings, next_).iterdir()]
