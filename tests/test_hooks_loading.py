"""Which plugins are loaded at the start, and what is said of those that can't be."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from errors import FileRefused, HookError
from events import UploadReceived
from hooks import Hooks
from hookspecs import hookimpl


def _wrapper(event: object) -> Iterator[None]:
    yield
    raise FileRefused("never")


def _generator(event: object) -> Iterator[None]:
    yield


async def _async(event: object) -> None: ...


async def _async_generator(event: object) -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize(
    ("implementation", "kind"),
    [
        (hookimpl(_wrapper, wrapper=True), "a wrapper"),
        (hookimpl(_wrapper, hookwrapper=True), "a wrapper"),
        (hookimpl(_generator), "a generator"),
        (hookimpl(_async), "an async function"),
        (hookimpl(_async_generator), "an async function"),
    ],
)
def test_what_a_plain_call_would_not_run_is_an_error(implementation: object, kind: str) -> None:
    """It would be ignored without a word; it is said at start, with the names of plugin and hook."""
    module = ModuleType("sunday_rules")
    vars(module)["on_file_received"] = implementation

    with pytest.raises(HookError, match=f"on_file_received of plugin sunday_rules is {kind}"):
        Hooks(plugins=[module])


def test_plugins_of_installed_packages_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that offers a module under ftpdock.hooks needs no line in ftpdock.toml."""
    (tmp_path / "offered.py").write_text("from hookspecs import hookimpl\nseen = []\n\n"
                                         "@hookimpl\ndef on_login(event):\n    seen.append(event)\n")  # fmt: skip
    information = tmp_path / "offered-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: offered\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[ftpdock.hooks]\noffered = offered\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "offered", raising=False)

    Hooks().call("on_login", event="somebody")

    assert sys.modules["offered"].seen == ["somebody"]


def test_a_plugin_that_is_not_there_is_an_error_that_names_it() -> None:
    """A misspelt module is said at start."""
    with pytest.raises(HookError, match="no_such_plugin"):
        Hooks(["no_such_plugin"])


def test_a_hook_of_an_unknown_name_is_an_error() -> None:
    """A misspelt hook would never be called; it is said at start."""

    class Misspelt:
        @hookimpl
        def on_file_recieved(self, event: UploadReceived) -> None: ...

    with pytest.raises(HookError, match="on_file_recieved"):
        Hooks(plugins=[Misspelt()])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import sys\nsys.exit(3)\n",
         "Plugin odd can't be loaded: it calls sys.exit(3), which would end whatever loads it; take that away"),
        ("raise GeneratorExit\n", "Plugin odd can't be loaded: GeneratorExit: "),
        ("1 / 0\n", "Plugin odd can't be loaded: ZeroDivisionError: division by zero"),
        ("import not_there\n", "Plugin odd can't be loaded: No module named 'not_there'"),
        ("from hookspecs import hookimpl\n@hookimpl\ndef on_logins(event): ...\n",
         "Plugin odd has on_logins, which is no hook: did you mean on_login?"),
        ("from hookspecs import hookimpl\n@hookimpl\ndef teatime(event): ...\n",
         "Plugin odd has teatime, which is no hook: there are after_import, "),
        ("from hookspecs import hookimpl\n@hookimpl\ndef on_login(evnt): ...\n",
         "Plugin odd can't be loaded: Plugin 'odd' for hook 'on_login' hookimpl definition: on_login(evnt) Arg"),
    ],
)  # fmt: skip
def test_a_plugin_that_can_not_be_loaded_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    """Whatever it does instead, by its name."""
    (tmp_path / "odd.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "odd", raising=False)

    with pytest.raises(HookError) as found:
        Hooks(["odd"])

    assert str(found.value).startswith(told)
    assert "\n" not in str(found.value)


def test_a_plugin_that_is_named_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name alone."""
    (tmp_path / "again.py").touch()
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(HookError, match=r"^The setting plugins names again twice: once is enough$"):
        Hooks(["again", "again"])
