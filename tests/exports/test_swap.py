"""Folders are put into place whole."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from exports import swap


def make(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    for name in ("one", "two"):
        (folder / name).write_text(text)
    return folder


def test_exchange_swaps_two_names(tmp_path: Path) -> None:
    """Each folder is where the other one was."""
    a, b = make(tmp_path / "a", "A"), make(tmp_path / "b", "B")

    swap.exchange(a, b)

    assert ((a / "one").read_text(), (b / "one").read_text()) == ("B", "A")


def test_exchange_with_nothing_is_an_error_that_names_both(tmp_path: Path) -> None:
    """As of os.rename."""
    a = make(tmp_path / "a", "A")

    with pytest.raises(FileNotFoundError) as raised:
        swap.exchange(a, tmp_path / "b")

    assert (str(a), str(tmp_path / "b")) == (raised.value.filename, raised.value.filename2)


@pytest.mark.parametrize("able", [True, False])
def test_replace_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, able: bool) -> None:
    """The first is renamed in; the next one too, and the former lies aside, with and without RENAME_EXCHANGE."""
    if not able:
        monkeypatch.setattr(swap, "_libc", object())
    target, aside = tmp_path / "target", tmp_path / "aside"

    assert not swap.replace_folder(make(tmp_path / "staged", "1"), target, aside)
    assert swap.replace_folder(make(tmp_path / "staged", "2"), target, aside)

    assert ((target / "two").read_text(), (aside / "two").read_text()) == ("2", "1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aside", "target"]


def test_nothing_staged_leaves_the_target(tmp_path: Path) -> None:
    """A missing source is an error and takes nothing away."""
    target = make(tmp_path / "target", "1")

    with pytest.raises(FileNotFoundError):
        swap.replace_folder(tmp_path / "staged", target, tmp_path / "aside")

    assert (target / "one").read_text() == "1"


def test_a_reader_never_misses_the_folder(tmp_path: Path) -> None:
    """While it is replaced again and again, one name always opens, and both files of one listing are of one folder."""
    target = make(tmp_path / "target", "0")
    done, missed = threading.Event(), []

    def read() -> None:
        while not done.is_set():
            try:
                (target / "one").read_text()
            except FileNotFoundError as error:
                missed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(30):
        swap.replace_folder(make(tmp_path / "staged", str(number)), target, tmp_path / f"aside{number}")
    done.set()
    reader.join()

    assert missed == []
