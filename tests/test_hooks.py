"""Plugins: the examples of the documentation, and that a broken one harms nobody."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import hookspecs
from errors import FileRefused, HookError
from events import ImportFinished, ImportStarted, UploadReceived
from handlers.base import Row
from handlers.registry import Registry, load
from handlers.run import ImportJob
from hooks import Hooks
from hookspecs import hookimpl
from jobs.queue import claim
from models import ImportRun, database
from settings import Settings
from tests.partner import Partner
from tests.system.server import wait_for

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
def example() -> Iterator[Callable[[str], ModuleType]]:
    """example(name) -> the module docs/examples/name.py, under the name that ftpdock.toml would give it."""
    loaded: list[str] = []

    def load_module(name: str) -> ModuleType:
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, DOCS / "examples" / f"{name}.py")
            assert spec is not None
            assert spec.loader is not None
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
            loaded.append(name)
        return sys.modules[name]

    yield load_module
    for name in loaded:
        del sys.modules[name]


def upload(**changes: object) -> UploadReceived:
    values = {"account": "acme", "login": "acme", "remote_ip": "127.0.0.1", "entity": "inventory",
              "name": "INVENTORY_18_09_2024.csv", "path": Path("x"), "size": 1}  # fmt: skip
    return UploadReceived(**(values | changes))  # type: ignore[arg-type]


def test_example_that_refuses_a_file(example: Callable[[str], ModuleType]) -> None:
    """Its message names the login; other files and the warehouse itself pass."""
    example("warehouse_only")
    hooks = Hooks(["warehouse_only"])

    with pytest.raises(FileRefused, match="not by acme"):
        hooks.call("on_file_received", event=upload())
    hooks.call("on_file_received", event=upload(login="warehouse"))
    hooks.call("on_file_received", event=upload(entity="product"))


def test_a_hook_that_holds_up_all_exports_is_told_of_while_it_does(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It may never come to its end; this one does when it was told of."""
    told = "has been running for 0 s; all accounts wait for it"
    monkeypatch.setattr("hooks.PATIENCE", 0)

    def slow() -> None:
        wait_for(lambda: told in caplog.text)

    Hooks(plugins=[SimpleNamespace(on_export=hookimpl(slow))]).call("on_export", event=None)

    (record,) = caplog.records
    assert (record.levelname, record.getMessage().startswith("hook on_export of plugin ")) == ("WARNING", True)


def test_example_with_a_ninth_entity(settings: Settings, make_partner: Callable[..., Partner],
                                     example: Callable[[str], ModuleType]) -> None:  # fmt: skip
    """Shipments are imported, matched, refused and written out like the eight."""
    example("shipments")
    hooks = Hooks(["shipments"])
    partner = make_partner(settings)
    partner.registry, partner.hooks = load(hooks), hooks
    partner.registry.make_tables()
    partner.send("product", "SKU_ID,Name\n1,Cup\n")
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
    partner.send("order", "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\nPO-1,K1,2024-09-18,1,2\n")
    header = "Reference_ID,Order_Reference_ID,Carrier,Shipped_On\n"

    first = partner.send("shipment", header + "S-1,PO-1,DHL,2024-09-18\nS-2,PO-9,DHL,2024-09-18\nS-3,PO-1,UPS,\n")
    again = partner.send("shipment", header + "S-1,PO-1,UPS,\n")

    assert [(each["line"], each["code"]) for each in partner.messages(first)] == [
        (3, "UNKNOWN_REFERENCE"),
        (4, "REQUIRED"),
    ]
    assert (first.created, again.updated) == (1, 1)
    assert partner.records("shipment")[0]["Carrier"] == "UPS"
    assert partner.send("shipment", partner.csv("shipment")).unchanged == 1


def test_an_entity_whose_name_is_taken_is_refused(example: Callable[[str], ModuleType]) -> None:
    """Two plugins can't claim one folder."""
    shipments = example("shipments")
    registry = Registry()
    registry.add(shipments.ShipmentHandler())

    with pytest.raises(HookError, match="'shipment' has a name or a folder that is taken"):
        registry.add(shipments.ShipmentHandler())


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, asyncio.CancelledError])
def test_a_failing_hook_is_logged_by_name_and_the_next_one_runs(
    caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    """An exception in one plugin, of whatever kind, stops neither the caller nor another plugin."""
    seen: list[str] = []

    class Broken:
        @hookimpl
        def on_file_received(self, event: UploadReceived) -> None:
            raise error

    class Sound:
        @hookimpl
        def on_file_received(self, event: UploadReceived) -> None:
            seen.append(event.name)

    with caplog.at_level(logging.ERROR):
        Hooks(plugins=[Sound(), Broken(), Sound()]).call("on_file_received", event=upload())

    assert seen == ["INVENTORY_18_09_2024.csv"] * 2
    assert "hook on_file_received of plugin" in caplog.text
    assert error.__name__ in caplog.text


def test_plugins_are_called_in_the_order_of_pluggy() -> None:
    """The one that was loaded last comes first, unless `tryfirst` and `trylast` say otherwise."""
    seen: list[str] = []

    def plugin(name: str, mark: Callable[..., Any] = hookimpl) -> SimpleNamespace:
        return SimpleNamespace(on_login=mark(lambda event: seen.append(name)))

    plugins = [plugin("first", hookimpl(tryfirst=True)), plugin("a"), plugin("last", hookimpl(trylast=True)),
               plugin("b")]  # fmt: skip
    Hooks(plugins=plugins).call("on_login", event=None)

    assert seen == ["first", "b", "a", "last"]


@pytest.mark.parametrize("said", [(), ("",), (" \n",), (None,)])
@pytest.mark.parametrize("hook", ["on_file_received", "before_import"])
def test_a_refusal_without_a_message_has_one_of_ours(
    hook: str, said: tuple[object, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever sent the file is told whom to ask; the log tells the admin which plugin it was."""

    def refuse(event: object) -> None:
        raise FileRefused(*said)

    module = ModuleType("sunday_rules")
    vars(module)[hook] = hookimpl(refuse)

    with pytest.raises(FileRefused, match=r"^A rule of this server's owner refuses the file: ask there"):
        Hooks(plugins=[module]).call(hook, event=None)

    assert f"hook {hook} of plugin sunday_rules refused a file without a message" in caplog.text


@pytest.mark.parametrize("hook", ["on_login", "on_file_incomplete", "on_file_sent", "after_import", "on_export"])
def test_a_refusal_where_nothing_can_be_refused_is_a_failure(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged as any other, and nobody is told of it."""

    def refuse(event: object) -> None:
        raise FileRefused("not here")

    Hooks(plugins=[SimpleNamespace(**{hook: hookimpl(refuse)})]).call(hook, event=None)

    assert f"hook {hook} of plugin" in caplog.text


def test_a_plugin_is_interrupted_as_everything_else() -> None:
    """Ctrl-C ends a command."""

    def interrupted(event: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Hooks(plugins=[SimpleNamespace(on_login=hookimpl(interrupted))]).call("on_login", event=None)


def test_a_refusal_by_on_rows_does_not_end_an_import(settings: Settings, make_partner: Callable[..., Partner]) -> None:
    """Rows are refused by `row.reject`; by FileRefused the file ended as a fault of ours."""

    def refuse(rows: list[Row]) -> None:
        raise FileRefused("no rows today")

    partner = make_partner(settings)
    partner.hooks = Hooks(plugins=[SimpleNamespace(on_rows=hookimpl(refuse))])

    assert partner.send("product", "SKU_ID,Name\n1,cup\n").status == "completed"


def test_on_rows_changes_and_rejects_rows(settings: Settings, make_partner: Callable[..., Partner]) -> None:
    """What a hook sets is stored; what it rejects is reported by its code."""

    class Rows:
        @hookimpl
        def on_rows(self, entity: str, account: str, rows: list[Row]) -> None:
            for row in rows:
                if row.values["sku_id"] == "2":
                    row.reject("INVALID_VALUE", "SKU_ID", f"{account} sells no {entity} 2")
                row.values["name"] = row.values["name"].upper()

    partner = make_partner(settings)
    partner.hooks = Hooks(plugins=[Rows()])

    event = partner.send("product", "SKU_ID,Name\n1,cup\n2,saucer\n")

    assert [each["Name"] for each in partner.records("product")] == ["CUP"]
    assert partner.messages(event)[0]["message"] == "acme sells no product 2"


def test_before_import_refuses_a_file(settings: Settings, make_partner: Callable[..., Partner]) -> None:
    """The import fails with REFUSED and the hook's words; nothing is stored."""

    class Refuser:
        @hookimpl
        def before_import(self, event: ImportStarted) -> None:
            raise FileRefused("not today")

    partner = make_partner(settings)
    partner.hooks = Hooks(plugins=[Refuser()])

    event = partner.send("product", "SKU_ID,Name\n1,cup\n")

    assert (event.status, event.code) == ("failed", "REFUSED")
    assert partner.messages(event)[0]["message"] == "not today"
    assert partner.records("product") == []


def test_a_refusal_may_say_anything(settings: Settings, make_partner: Callable[..., Partner]) -> None:
    """What no report or database holds is left out of it."""

    def refuse(event: ImportStarted) -> None:
        raise FileRefused("not\0 today \ud800")

    partner = make_partner(settings)
    partner.hooks = Hooks(plugins=[SimpleNamespace(before_import=hookimpl(refuse))])

    event = partner.send("product", "SKU_ID,Name\n1,cup\n")

    assert (event.code, [each["message"] for each in partner.messages(event)]) == ("REFUSED", ["not  today ?"])


def test_after_import_sees_the_closed_import(settings: Settings, make_partner: Callable[..., Partner]) -> None:
    """The event names the status, the counts and the report."""
    seen: list[object] = []
    partner = make_partner(settings)
    partner.hooks = Hooks(plugins=[SimpleNamespace(after_import=hookimpl(lambda event: seen.append(event)))])

    event = partner.send("product", "SKU_ID,Name\n1,cup\n")

    assert seen == [event]
    assert event.report is not None
    assert event.report.exists()


def test_after_import_is_called_though_a_kill_comes_right_behind_it(
    settings: Settings, make_partner: Callable[..., Partner], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever closes the import then calls it again; a refusal comes too late to have an effect."""
    seen: list[ImportFinished] = []

    def told(event: ImportFinished) -> None:
        seen.append(event)
        raise FileRefused("too late")

    partner = make_partner(settings)
    partner.hooks = Hooks(plugins=[SimpleNamespace(after_import=hookimpl(told))])

    def die(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ImportJob, "_queue_mail", die)
    with pytest.raises(KeyboardInterrupt):
        partner.send("product", "SKU_ID,Name\n1,cup\n")
    monkeypatch.undo()
    assert [(event.status, ImportRun.get().status) for event in seen] == [("completed", "running")]
    claimed = claim(partner.settings, partner.registry, "test", seen[0].number)
    assert claimed is not None

    ImportJob(partner.settings, partner.registry.handler("product"), partner.hooks, claimed, "test").execute()

    assert [(event.number, event.status, event.created) for event in seen] == [(claimed.number, "completed", 1)] * 2
    assert ImportRun.get().status == "completed"


def test_each_hook_stands_in_the_documentation_with_its_arguments() -> None:
    """docs/hooks.md names every hook as the specification does."""
    text = (DOCS / "hooks.md").read_text()
    specifications = [each for name, each in inspect.getmembers(hookspecs, inspect.isfunction) if name.startswith(
        ("on_", "before_", "after_", "register_"))]  # fmt: skip

    assert len(specifications) == 9
    for each in specifications:
        signature = f"`{each.__name__}({', '.join(inspect.signature(each).parameters)})`"
        assert signature in text, signature
        assert re.match(r"(On|In|At) ", each.__doc__ or ""), "a hook's docstring begins with where it runs"


@pytest.fixture(autouse=True)
def _close_database() -> Iterator[None]:
    yield
    if database.obj is not None:
        database.close()
