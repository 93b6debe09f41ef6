"""A home in order and what `ftpdock doctor` finds in it, for the tests of that command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from commands import main

Doctor = Callable[..., dict[str, dict[str, str]]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a database and a certificate."""
    folder = tmp_path / "home"
    for command in (["db", "migrate"], ["cert", "make"]):
        assert CliRunner().invoke(main, ["--home", str(folder), *command]).exit_code == 0
    return folder


@pytest.fixture
def doctor(home: Path) -> Doctor:
    """doctor(port="2121") -> the results by check; settings are given as they stand in the environment."""

    def invoke(status: int = 0, folder: Path = home, **settings: Any) -> dict[str, dict[str, str]]:
        environ = {f"FTPDOCK_{name.upper()}": str(value) for name, value in {"port": 0, **settings}.items()}
        result = CliRunner().invoke(main, ["--home", str(folder), "doctor", "--json"], env=environ)
        assert result.exit_code == status, result.output
        return {each["check"]: each for each in json.loads(result.stdout)}

    return invoke


def problem(results: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: each["detail"] for name, each in results.items() if each["result"] != "ok"}
