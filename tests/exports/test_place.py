"""Files that are copied into a partner's folder: whole, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exports.place import Changing, copy


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_text("content")
    return path


def test_a_copy_has_the_time_of_what_was_copied(source: Path, tmp_path: Path) -> None:
    """And its content."""
    os.utime(source, ns=(1, 1_700_000_000_123_456_789))

    copy(source, tmp_path / "target")

    assert (tmp_path / "target").read_text() == "content"
    assert (tmp_path / "target").stat().st_mtime_ns == 1_700_000_000_123_456_789


def append(source: Path) -> None:
    with source.open("a") as file:
        file.write(" and more")


def rewrite(source: Path) -> None:
    """As long as before, at another time."""
    source.write_text("CONTENT")
    os.utime(source, ns=(2, 2))


@pytest.mark.parametrize("change", [append, rewrite])
@pytest.mark.parametrize("early", [True, False])
def test_a_file_that_changes_while_it_is_copied_is_refused(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], early: bool
) -> None:
    """Before its bytes are read or after that; no copy is left, which might be half of one and half of the other."""

    def meanwhile(*arguments: Any, copyfileobj: Callable[..., None] = shutil.copyfileobj) -> None:
        if early:
            change(source)
        copyfileobj(*arguments)
        if not early:
            change(source)

    monkeypatch.setattr(shutil, "copyfileobj", meanwhile)

    with pytest.raises(Changing, match="it is being written"):
        copy(source, tmp_path / "target")

    assert not (tmp_path / "target").exists()


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    """A pipe would look like an empty file, and nobody may be waited for."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(Changing, match="no regular file"):
        copy(tmp_path / "pipe", tmp_path / "target")

    assert not (tmp_path / "target").exists()
