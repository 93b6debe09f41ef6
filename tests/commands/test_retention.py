"""`ftpdock retention run`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import layout
from exports import retention
from settings import Settings

Done = Callable[..., str]
Run = Callable[..., Result]


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


def test_what_can_not_be_gone_on_with_ends_with_1(
    done: Done, run: Run, old: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are done all the same, and a program that calls it sees that something is left."""
    done("account", "add", "zeta", "--password-stdin", input="correct horse battery\n")
    theirs = layout.account_root(settings, "zeta") / "Products" / "failed" / old.name
    theirs.write_text("four")
    os.utime(theirs, (0, 0))
    real = retention._finished
    monkeypatch.setattr(
        retention, "_finished", lambda account, *rest: 1 / 0 if account.name == "acme" else real(account, *rest)
    )
    failed = run("retention", "run")

    assert failed.exit_code == 1
    assert "Error: Not all that is too old of acme can be deleted" in failed.stderr
    assert (old.exists(), theirs.exists()) == (True, False)
