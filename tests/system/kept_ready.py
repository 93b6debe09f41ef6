"""Runs commands in processes that need not load the program first: a process that has loaded it forks one for each.

What is skipped is what tests/commands/test_program.py shows by itself, that the program starts. All else is as an admin
has it: a process of its own, its environment, standard input and output, and exit status.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

_PROGRAM = """
import json, os, sys
import commands

for line in sys.stdin:
    if (child := os.fork()) == 0:
        break
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
else:
    sys.exit()
asked = json.loads(line)
for number, path in enumerate(asked["files"]):
    os.dup2(os.open(path, os.O_RDWR), number)
sys.stdin = open(0)
os.environ.clear()
os.environ.update(asked["environment"])
sys.path[:0] = os.environ["PYTHONPATH"].split(os.pathsep)
sys.argv = ["ftpdock", *asked["arguments"]]
commands.main(prog_name="ftpdock")
"""


class KeptReady:
    """One process for all commands of a test run; it ends when its standard input is closed, as it is at our end."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], input: str | None, patience: float
    ) -> subprocess.CompletedProcess[str]:
        """Run an ftpdock command to its end; it has so many seconds. Raises TimeoutExpired."""
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder, name) for name in ("in", "out", "err")]
            for file in files:
                file.write_text(input or "" if file.name == "in" else "")
            asked = {"arguments": arguments, "environment": dict(environment), "files": [str(file) for file in files]}
            with self._lock:
                status = self._ask(json.dumps(asked), environment, patience)
            out, err = (file.read_text() for file in files[1:])
        return subprocess.CompletedProcess(list(arguments), status, out, err)

    def _ask(self, line: str, environment: Mapping[str, str], patience: float) -> int:
        if self._process is None:
            self._process = subprocess.Popen([sys.executable, "-c", _PROGRAM], env=dict(environment),
                                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(line, file=self._process.stdin, flush=True)
        if not select.select([self._process.stdout], [], [], patience)[0]:
            raise subprocess.TimeoutExpired(line, patience)
        answer = self._process.stdout.readline()
        assert answer, "the process that forks commands has ended"
        return int(answer)


kept_ready = KeptReady()
