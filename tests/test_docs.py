"""What can drift is tested: the codes stand in the documentation, and imports between our folders point one way."""

from __future__ import annotations

import ast
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import pytest

from errors import FILE_CODES, ROW_CODES, WARNING_CODES
from handlers.registry import HANDLERS, Registry
from models import TABLES
from models.base import Base
from schemas import SCHEMAS
from schemas.base import TemplateSchema
from settings import Settings

ROOT = Path(__file__).parent.parent
ALLOWED = {
    "models": set(),
    "schemas": set(),
    "imports": {"models", "schemas"},
    "handlers": {"imports", "models", "schemas"},
    "certs": set(),
    "ftps": {"certs", "imports", "models", "schemas"},
    "jobs": {"certs", "handlers", "imports", "models", "schemas"},
    "exports": {"handlers", "imports", "models", "schemas"},
    "server": {"belonging", "exports", "ftps", "handlers", "jobs", "models", "removal", "upgrade"},
}
"""Folder to the folders that it may import; what is not listed here is a leaf that everybody may import."""
ADMINS = {"accounts", "belonging", "copying", "customers", "orders", "removal", "upgrade"}
"""Modules of what admins do: they stand above all folders but commands."""
OWNED = {"pyftpdlib": {"ftps"}, "OpenSSL": {"ftps"}, "huey": {"jobs"}, "watchdog": {"exports"}, "click": {"commands"},
         "cronsim": {"schedules"}, "jinja2": {"jobs"}, "smtplib": {"jobs"},
         "paramiko": {"exports"}, "fsspec": {"exports"}}  # fmt: skip
"""Libraries that only some of our folders may import."""


def imported(path: Path) -> set[str]:
    """The top-level modules that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def sources() -> list[tuple[str, Path]]:
    """(folder or module, file) of all that is ours but tests, benches and documents."""
    found = [(path.stem, path) for path in ROOT.glob("*.py")]
    for folder in (*ALLOWED, "commands"):
        found += [(folder, path) for path in (ROOT / folder).rglob("*.py")]
    return found


@pytest.mark.parametrize("code", [*ROW_CODES, *FILE_CODES, *WARNING_CODES])
def test_each_code_stands_in_the_documentation(code: str) -> None:
    """A partner who looks a code up finds it."""
    assert f"| `{code}` |" in (ROOT / "docs" / "imports.md").read_text()


@pytest.mark.parametrize(
    "setting", [each for each in fields(Settings) if "meaning" in each.metadata], ids=lambda each: each.name
)
def test_each_setting_stands_in_the_documentation(setting: Field[Any]) -> None:
    """With its meaning, word by word."""
    rows = (ROOT / "docs" / "settings.md").read_text().splitlines()
    (row,) = [row for row in rows if row.startswith(f"| `{setting.name}` |")]

    assert row.endswith(f" | {setting.metadata['meaning']} |")


def test_imports_point_one_way() -> None:
    """commands, server, the parts, the machinery, the models: nobody imports what stands above."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for folder, path in sources()
        for name in imported(path)
        if folder in ALLOWED
        and name != folder
        and name in {*ALLOWED, *ADMINS, "commands"}
        and name not in ALLOWED[folder]
        # `python server.py` is `ftpdock serve`.
        and (path.name, name) != ("server.py", "commands")
    ]

    assert wrong == []


def test_each_library_has_one_door() -> None:
    """pyftpdlib and OpenSSL are known to ftps alone, click to commands alone, and so on."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for folder, path in sources()
        for name in imported(path)
        if name in OWNED and folder not in OWNED[name]
    ]

    assert wrong == []


def test_rosters_are_whole_and_in_one_order() -> None:
    """Each schema has a handler, each handler's model a table, and a file that nobody listed is a mistake."""
    assert [handler.schema for handler in HANDLERS] == list(SCHEMAS)
    assert {handler.model for handler in HANDLERS} <= set(TABLES)
    assert {cls for cls in TemplateSchema.__subclasses__() if cls.__module__.startswith("schemas.")} == set(SCHEMAS)
    listed = {table.__name__ for table in TABLES} | {"Record"}
    assert {cls.__name__ for cls in Base.__subclasses__() if cls.__module__.startswith("models.")} <= listed


def test_what_depends_goes_later() -> None:
    """The order of entities when several wait (design section 6)."""
    rank = Registry().rank

    assert rank("category") == rank("collection") == rank("customer") == 0
    assert rank("category") < rank("product") < rank("inventory")
    assert rank("customer") < rank("address") == rank("contact") < rank("order")
