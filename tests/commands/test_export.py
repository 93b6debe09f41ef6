"""`ftpdock export`: the file is written by the command itself."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import models
from jobs.cards import server_card
from models import Account, Export, Product
from settings import Settings
from tests.commands.conftest import Run

Done = Callable[..., str]


@pytest.fixture
def acme(done: Done) -> Account:
    """An account with two products."""
    done("account", "add", "acme", "--password-stdin", input="correct horse battery\n")
    models.database.connect(reuse_if_open=True)
    account: Account = Account.get()
    for sku in ("001", "002"):
        Product.create(account=account, sku_id=sku, name="Cup")
    return account


def test_the_path_is_told(done: Done, acme: Account, settings: Settings) -> None:
    """The partner's and the file's, with the number of rows."""
    said = done("export", "Products", "--account", "acme")

    row = Export.get()
    file = settings.exports / "acme" / row.path
    assert said == f"2 rows: /Export/{row.path}, at {file}\nThe partner sees it once `ftpdock serve` runs.\n"
    assert len(file.read_text().splitlines()) == 3
    with contextlib.closing(server_card(settings, "127.0.0.1", 2121)):
        assert done("export", "Products", "--account", "acme") == f"2 rows: /Export/{row.path}, at {file}\n"


def test_json_has_what_a_program_needs(done: Done, acme: Account, settings: Settings) -> None:
    """The path as `exports list` has it, and the revision."""
    done("export", "product", "--account", "acme")

    shown = json.loads(done("export", "product", "--account", "acme", "--json"))

    path = Export.get().path
    assert shown == {"account": "acme", "entity": "product", "path": path, "rows": 2, "revision": 2,
                     "file": str(settings.exports / "acme" / path)}  # fmt: skip
    assert Path(path).parent == Path("Products")


def test_what_is_wrong_is_refused(run: Run, done: Done, acme: Account) -> None:
    """An account that is not there, an entity that nobody knows, one that is not the account's, no account."""
    assert run("export", "product", "--account", "acne").exit_code == 1
    assert run("export", "shipment", "--account", "acme").exit_code == 2
    assert run("export", "product").exit_code == 2
    done("account", "set", "acme", "--entities", "orders")
    refused = run("export", "product", "--account", "acme")
    assert (refused.exit_code, "has no product" in refused.output) == (1, True)
    assert Export.select().count() == 0
