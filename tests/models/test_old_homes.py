"""A home of every version that was ever out opens in this one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

import models
from handlers.registry import Registry
from layout import make_home
from models import Account
from models.migrate import migrate, pending
from settings import load
from tests.partner import Partner

FIXTURES = Path(__file__).parent.parent / "fixtures"


@pytest.mark.parametrize("version", ["0.1"])
def test_a_home_of_this_version_opens(tmp_path: Path, version: str) -> None:
    """Its records of all eight entities come out, and import back with every row unchanged."""
    settings = load(tmp_path / "home", environ={})
    make_home(settings)
    with sqlite3.connect(settings.home / "ftpdock.db") as database:
        database.executescript((FIXTURES / f"home-{version}" / "ftpdock.sql").read_text())
    database.close()
    bound = models.bind(settings.database_url)
    migrate(bound)
    bound.connect()
    (tmp_path / "outbox").mkdir()
    partner = Partner(settings, Account.get(name="acme"), tmp_path / "outbox", Registry())

    assert pending(bound) == []
    for entity in sorted(partner.registry.entities, key=partner.registry.rank):
        event = partner.send(entity, partner.csv(entity))
        assert (event.status, event.unchanged) == ("completed", event.rows), entity
        assert event.rows >= 1
    bound.close()
