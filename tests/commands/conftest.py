"""Factories for the tests of the command line: in this process (`run`, `doctor`) and as the program (`process`)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import models
from commands import main
from settings import Settings
from tests.commands.examining import doctor, home

__all__ = ["doctor", "home"]

ROOT = Path(__file__).parents[2]

Run = Callable[..., Result]
Process = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(settings: Settings) -> dict[str, str]:
    """The variables by which a command finds the home and the database of `settings`."""
    return {"FTPDOCK_HOME": str(settings.home), "FTPDOCK_DATABASE": settings.database_url}


@pytest.fixture
def run(settings: Settings) -> Run:
    """run("account", "list", input=None) -> click's Result, in the home of `settings`; stdin is no terminal."""

    def invoke(*arguments: str, input: str | bytes | None = None) -> Result:
        # The command binds a database of its own; a test may have looked into the one before.
        models.database.close()
        result = CliRunner().invoke(main, list(arguments), input=input, env=environment(settings))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def done(run: Run) -> Callable[..., str]:
    """done("account", "list", input=None) -> what the command printed; it must have succeeded."""

    def invoke(*arguments: str, input: str | bytes | None = None) -> str:
        result = run(*arguments, input=input)
        assert result.exit_code == 0, result.output
        return result.stdout

    return invoke


@pytest.fixture
def process(tmp_path: Path) -> Process:
    """process("account", "list", home=PATH, input="") -> the finished program; the home is a fresh one by default."""

    def start(*arguments: str, home: Path = tmp_path / "home", input: str = "") -> subprocess.CompletedProcess[str]:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("FTPDOCK_")}
        return subprocess.run(
            [sys.executable, "-m", "commands", *arguments],
            cwd=ROOT,
            env={**environ, "FTPDOCK_HOME": str(home)},
            input=input,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    return start
