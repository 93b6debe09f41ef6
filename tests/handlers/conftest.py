"""Each test with a `partner` runs on SQLite and on Postgres: one contract, both backends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handlers.registry import Registry
from models import Account
from settings import Settings
from tests.partner import Partner


@pytest.fixture
def make_partner(tmp_path: Path) -> Callable[..., Partner]:
    """make_partner(settings, **account) -> a Partner with an account of its own."""

    def make(settings: Settings, name: str = "acme", **account: Any) -> Partner:
        folder = tmp_path / f"outbox-{name}"
        folder.mkdir()
        made = Account.create(name=name, **account)
        return Partner(settings, made, folder, Registry())

    return make


@pytest.fixture
def partner(settings: Settings, make_partner: Callable[..., Partner]) -> Partner:
    return make_partner(settings)
