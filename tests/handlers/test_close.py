"""The end of an import: where its files go, and what can't be moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.close import _move


def test_a_file_that_can_not_be_moved_is_not_taken_for_moved(tmp_path: Path) -> None:
    """Else its folder in the spool would be deleted with it. Somebody has removed the folder it is to go to."""
    source = tmp_path / "PRODUCT.csv"
    source.write_text("SKU_ID")

    with pytest.raises(FileNotFoundError):
        _move(source, tmp_path / "processed" / "PRODUCT.csv")

    assert source.read_text() == "SKU_ID"


def test_what_was_moved_before_a_kill_stays_there(tmp_path: Path) -> None:
    """Whoever goes on moves the rest."""
    source, target = tmp_path / "PRODUCT.csv", tmp_path / "processed.csv"
    target.write_text("SKU_ID")

    _move(source, target)

    assert target.read_text() == "SKU_ID"
