"""What stands in a log, and how large it becomes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from layout import make_home
from settings import load

ROOT = Path(__file__).parents[1]

PROGRAM = r"""
import logging, sys
import logs, settings

logs.start(settings.load(sys.argv[1], {"FTPDOCK_LOG_LEVEL": sys.argv[2]}), "server")
for name in ("ftpdock", "peewee"):
    logging.getLogger(name).debug("a detail of %s: SELECT geheim", name)
    logging.getLogger(name).warning("a warning of %s: gr\u00fc\u00dfe", name)
for _ in range(int(sys.argv[3])):
    logging.getLogger("ftpdock").warning("x" * 1_000_000)
"""


def run(home: Path, level: str, large: int = 0) -> str:
    """Log from another process; what the file says."""
    make_home(load(home, {}))
    # A locale of old, in which Python writes no UTF-8 of itself.
    environ = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", PROGRAM, str(home), level, str(large)], cwd=ROOT, env=environ, check=True,
                   capture_output=True)  # fmt: skip
    return (home / "logs" / "server.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(("level", "details"), [("DEBUG", True), ("INFO", False)])
def test_statements_of_sql_stand_in_no_log(tmp_path: Path, level: str, details: bool) -> None:
    """Their values may be anything, such as what proves a password. Other details are there for whoever asks."""
    said = run(tmp_path, level)

    assert "SELECT geheim" in said.replace("a detail of peewee", "") if details else "SELECT" not in said
    assert "a detail of peewee" not in said
    assert "a warning of ftpdock: grüße" in said
    assert "a warning of peewee: grüße" in said


def test_less_is_said_to_who_asks_for_less(tmp_path: Path) -> None:
    """ERROR leaves warnings out."""
    assert "of ftpdock" not in run(tmp_path, "ERROR")


def test_a_log_is_turned_over(tmp_path: Path) -> None:
    """At 10 MB; of what was before five files are kept, and no more."""
    run(tmp_path, "INFO", large=75)

    sizes = {path.name: path.stat().st_size for path in (tmp_path / "logs").glob("server.log*")}
    assert set(sizes) == {"server.log", *(f"server.log.{number}" for number in range(1, 6))}
    assert max(sizes.values()) <= 10_000_000
