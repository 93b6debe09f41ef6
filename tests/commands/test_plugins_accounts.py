"""Accounts that have records of a plugin's entity, and the folders of all entities."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from click.testing import CliRunner

import models
from commands import main
from models import Account
from settings import Settings
from tests.commands.conftest import ROOT, environment
from tests.shop import Shop


def test_an_account_goes_with_what_a_plugin_holds_in_place(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plugin's records hold on to orders, as orders do to customers: they go first, and those of others stay."""
    text = (ROOT / "docs" / "examples" / "shipments.py").read_text()
    held = text.replace('ForeignKeyField(Order, on_delete="CASCADE"', 'ForeignKeyField(Order, on_delete="RESTRICT"')
    assert held != text
    (tmp_path / "held_shipments.py").write_text(held)
    monkeypatch.syspath_prepend(str(tmp_path))
    shipment = importlib.import_module("held_shipments").Shipment
    models.database.create_tables([shipment])
    for shop in (Shop(settings), Shop(settings, "beta")):
        shipment.create(account=shop.account, reference_id="S-1", order=shop.order(), shipped_on="2026-11-23")
    models.database.close()

    result = CliRunner().invoke(
        main, ["account", "remove", "acme", "--yes"], env=environment(settings) | {"FTPDOCK_PLUGINS": "held_shipments"}
    )

    assert result.exit_code == 0, result.output
    assert [account.name for account in Account.select()] == ["beta"]
    assert [row.account.name for row in shipment.select()] == ["beta"]


@pytest.mark.parametrize(("folder", "plugins"), [("Products", ""), ("Shipments", "shipments")])
@pytest.mark.parametrize("arguments", [("account", "list"), ("account", "add", "acme"), ("db", "migrate")])
def test_no_command_takes_an_export_folder_that_is_one_for_uploads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], folder: str, plugins: str
) -> None:
    """Nor makes a home with it: the partners' exports would lie among their uploads."""
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "examples"))
    home = tmp_path / "home"
    said = {"FTPDOCK_HOME": str(home), "FTPDOCK_EXPORT_FOLDER": folder, "FTPDOCK_PLUGINS": plugins}

    result = CliRunner().invoke(main, arguments, env=said)

    expected = f"FTPDOCK_EXPORT_FOLDER is '{folder}', which is a folder for uploads: choose another name"
    assert (result.exit_code, result.stderr) == (1, f"Error: {expected}\n")
    assert not home.exists()
