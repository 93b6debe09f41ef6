"""A deployment on SQLite in which something of everything has happened, for the tests of `ftpdock db copy`."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import copying
import models
from commands import main
from handlers.registry import Registry, load
from hooks import Hooks
from models import Account, Export, Mail, Outbox, Target, Upload
from settings import Settings
from tests.commands.conftest import environment
from tests.filled import fill, receive
from tests.partner import Partner
from tests.shop import Shop

PASSWORD = "correct horse battery"
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
FILES = {
    "category": "Reference_ID,Category,Media,Position\nC2,A > B,,2\nC1,A,https://a.example/1.jpg|ftp://b.example/ä,1\n",
    "collection": "Reference_ID,Name\nS,Sömmer\n",
    "product": "SKU_ID,Reference_ID,Name,Category,Collection,MOQ,Weight,Price: Retail,Attribute: Größe\n"
    "001,P1,Tasse 🦚,A > B|A,Sömmer,1.10,0.250,7.90,XL\n002,P2,Cup,,,,,0.00,\n",
    "inventory": "SKU_ID,Warehouse,Available_Quantity,On_Order_Quantity,On_Order_ETA,Back_Order_Allowed\n"
    "001,MAIN,999999999999.000001,1|2.50,2026-12-01|2026-12-24,Y\n002,W2,0,,,N\n",
    "customer": "Reference_ID,Company_Name,Currency,Attribute: Region\nK1,Délta Straße,EUR,North\nK2,Echo,,\n",
    "address": "Address_Reference_ID,Customer_Reference_ID,Type,Line_1,City,Country,Is_Default\n"
    "A1,K1,both,Hauptstr. 1,Wien,AT,Y\n",
    "contact": "Contact_Reference_ID,Customer_Reference_ID,First_Name,Email,Is_Primary\n"
    "E1,K1,Eva,eva@delta.example,Y\n",
    "order": "Reference_ID,Customer_Reference_ID,Status,Order_Date,Billing_Address_Reference_ID,Tax_Amount,SKU_ID,"
    "Quantity,Unit_Price\nPO-1,K1,confirmed,2026-11-23,A1,9.01,001,2,19.99\nPO-1,K1,confirmed,2026-11-23,A1,9.01,002,"
    "6,4.50\n",
    "shipment": "Reference_ID,Order_Reference_ID,Carrier,Tracking_Number,Shipped_On\n"
    "S-1,PO-1,DHL,00340434161094,2026-11-24\n",
}
"""A file of each entity, the plugin's too, in the order of what depends."""


@pytest.fixture
def shipments(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The entities, with that of docs/examples/shipments.py."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return load(Hooks(["shipments"]))


@pytest.fixture
def source(make_settings: Callable[..., Settings], make_partner: Callable[..., Partner],
           shipments: Registry, tmp_path: Path) -> Settings:  # fmt: skip
    """The home of a server that was stopped. Each table has rows, and has had some with higher numbers."""
    made = replace(make_settings("sqlite"), plugins=("shipments",))
    shipments.make_tables()
    partner = make_partner(made, "acme", emails=["ops@acme.example"], entities=None, export_imported=True)
    partner.registry = shipments
    for entity, content in FILES.items():
        assert partner.send(entity, content).status == "completed", entity
    partner.send("product", "SKU_ID,Name\n003,\n")
    shop = Shop(made, "shop")
    shop.order()
    shop.dispatch()
    shop.order()
    _administrate(made)
    fill(Account.create(name="filled"))
    receive(Account.get(name="filled"), status="completed")
    _give_more_numbers()
    assert not [each for each in copying.tables(shipments) if not each.select().exists()]
    models.database.close()
    return made


def _administrate(settings: Settings) -> None:
    theirs = settings.home.with_name(f"{settings.home.name}-theirs")
    theirs.mkdir()
    target = theirs.as_uri()
    for *command, said in (
        ("login", "add", "acme", "erp", "--network", "192.0.2.0/24", "--password-stdin", PASSWORD),
        ("schedule", "set", "acme", "product", "0 2 * * *", ""),
        ("schedule", "set", "acme", "inventory", "every 30m", "--export", ""),
        ("target", "add", "shop", target, "--all", ""),
    ):
        invoke(settings, *command, input=said)
    models.database.connect(reuse_if_open=True)


def _give_more_numbers() -> None:
    """To rows that are gone: no other row may ever have them."""
    account = Account.get(name="filled")
    last = Export.create(account=account, kind="order", entity="order", path="last")
    for row in (Upload.create(account=account, entity="product", name="x.csv", size=1), last,
                Mail.create(key="last"), Outbox.create(account=account, kind="full", entity="product"),
                Target.create(account=account, url="sftp://files.example/in")):  # fmt: skip
        row.delete_instance()


def invoke(settings: Settings, *arguments: str, input: str = "", status: int = 0, **variables: str) -> Result:
    """Run a command in this process, on the home and the database of the settings, with their plugins."""
    models.database.close()
    environ = environment(settings) | {"FTPDOCK_PLUGINS": ",".join(settings.plugins)} | variables
    result = CliRunner().invoke(main, list(arguments), input=input, env=environ)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result


def file_of(settings: Settings) -> Path:
    assert settings.database_path is not None
    return settings.database_path


def moved(settings: Settings, url: str) -> Settings:
    """The same home whose settings name another database."""
    return replace(settings, database=url)


@contextlib.contextmanager
def connected(settings: Settings) -> Iterator[None]:
    """The models work on the database of these settings."""
    models.database.close()
    models.bind(settings.database_url).connect()
    try:
        yield
    finally:
        models.database.close()


def contents(settings: Settings, registry: Registry, *, digits: bool = True) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables by their keys, as the models read them; decimals digit by digit, 1.10 not as 1.1."""
    with connected(settings):
        there = [model for model in copying.tables(registry) if model.table_exists()]
        found = {model._meta.table_name: list(model.select().dicts()) for model in there}
        keys = {model._meta.table_name: model._meta.primary_key.name for model in there}
    for name, each in found.items():
        each.sort(key=lambda row: str(row[keys[name]]))
        for row in each if digits else ():
            row |= {column: str(value) for column, value in row.items() if isinstance(value, Decimal)}
    return found


def rows(settings: Settings, registry: Registry) -> int:
    return sum(map(len, contents(settings, registry).values()))


def write(settings: Settings, sql: str) -> None:
    """As another program does that heeds nothing: by SQL, with keys that nobody looks after."""
    with contextlib.closing(sqlite3.connect(file_of(settings))) as file, file:
        file.executescript(sql)


def listed(result: Result) -> dict[str, int]:
    return {each["table"]: each["rows"] for each in json.loads(result.stdout)}
