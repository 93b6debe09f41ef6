"""Each process writes a log of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from layout import make_home
from settings import load

ROOT = Path(__file__).parents[1]
WORKER = """
import logging, sys
import logs, settings

logs.start(settings.load(sys.argv[1], {}), "worker")
logging.getLogger("ftpdock").warning("from %s", sys.argv[2])
print("ready", flush=True)
sys.stdin.read()
"""

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """start("one") -> a process that has logged that, and lives on."""
    make_home(load(tmp_path, {}))
    started: list[subprocess.Popen[str]] = []

    def begin(name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WORKER, str(tmp_path), name]
        process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_processes_of_one_kind_have_files_of_their_own(start: Start, tmp_path: Path) -> None:
    """Several that turn one file over would lose lines; who comes in place of a dead one goes on with its file."""
    first = start("one")
    start("two")
    first.kill()
    first.wait()
    start("three")

    said = {path.name: [line.split("from ")[1] for line in path.read_text().splitlines()]
            for path in (tmp_path / "logs").glob("*.log")}  # fmt: skip
    assert said == {"worker.log": ["one", "three"], "worker-2.log": ["two"]}
