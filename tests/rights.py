"""Commands that may do no more than others do, and files of others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

LIKE_OTHERS = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
"""Begins a command that may read only what its user may, even if that is root."""

STRANGER = 54_321
"""The number of a user whom nobody knows."""

AS_ROOT = "import os; os.geteuid = lambda: 0; from commands import main; main(prog_name='ftpdock')"
"""A program that is `ftpdock` and root, or takes itself for it."""


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Have a file or folder be another user's, whose number is returned, and this process root.

    Who is not root can give nothing away, and takes itself for root instead.
    """
    if os.getuid() == 0:
        os.chown(path, STRANGER, STRANGER)
        return STRANGER
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return path.stat().st_uid


def as_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all files that are ours be another user's, of our group."""
    monkeypatch.setattr("os.geteuid", lambda: STRANGER)
