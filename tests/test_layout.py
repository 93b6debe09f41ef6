"""What is made of a home, and for whom."""

from __future__ import annotations

from pathlib import Path

from layout import make_home
from settings import load


def test_what_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The home, what lies in it, and exports elsewhere."""
    home, exports = tmp_path / "home", tmp_path / "elsewhere" / "exports"
    make_home(load(home, {}, exports_path=str(exports)))
    made = [home, home / "accounts", home / "spool", home / "spool" / "partial", home / "logs", exports]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o700}


def test_what_is_there_keeps_its_mode(tmp_path: Path) -> None:
    """An admin has opened it on purpose, as exports/ to a program that writes into it."""
    settings = load(tmp_path, {})
    settings.exports.mkdir()
    for path, mode in ((tmp_path, 0o711), (settings.exports, 0o2775)):
        path.chmod(mode)
    make_home(settings)
    assert (tmp_path.stat().st_mode & 0o7777, settings.exports.stat().st_mode & 0o7777) == (0o711, 0o2775)
