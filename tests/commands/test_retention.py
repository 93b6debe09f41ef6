"""`ftpdock retention run`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import layout
from settings import Settings

Done = Callable[..., str]


@pytest.fixture
def old(done: Done, settings: Settings) -> Path:
    """A file of 1970 that no import explains, and the setting by which it goes."""
    done("account", "add", "acme", "--password-stdin", input="correct horse battery\n")
    (settings.home / "ftpdock.toml").write_text("keep_failed_days = 7\n")
    path = layout.account_root(settings, "acme") / "Products" / "failed" / "PRODUCT_18_09_2024.000042.csv"
    path.write_text("four")
    os.utime(path, (0, 0))
    return path


def test_what_is_too_old_is_listed_and_deleted(done: Done, old: Path) -> None:
    """With --dry-run only listed."""
    told = [{"account": "acme", "what": "failed", "path": f"Products/failed/{old.name}", "size": 4}]

    assert json.loads(done("retention", "run", "--dry-run", "--json")) == told
    assert old.exists()
    assert json.loads(done("retention", "run", "--json")) == told
    assert not old.exists()
    assert json.loads(done("retention", "run", "--json")) == []
