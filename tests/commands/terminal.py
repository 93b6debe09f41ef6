"""A command at a terminal: what a person is asked, and answers."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


class Terminal:
    """A command whose input and output are a terminal of its own."""

    def __init__(self, environ: Mapping[str, str], *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen([sys.executable, "-m", "commands", *arguments], cwd=ROOT,
                                         env={**os.environ, **environ, "COLUMNS": "500"}, stdin=theirs, stdout=theirs,
                                         stderr=theirs, start_new_session=True)  # fmt: skip
        os.close(theirs)
        self.said = ""

    def answer(self, question: str, words: str) -> None:
        """Wait for it to be asked, and answer it."""
        self._read(until=question)
        os.write(self._ours, f"{words}\n".encode())

    def end(self) -> int:
        """Read the rest of what it says; its exit status."""
        try:
            self._read()
            return self._process.wait(PATIENCE)
        finally:
            os.close(self._ours)
            self._process.kill()
            self._process.wait()

    def _read(self, until: str = "") -> None:
        """Up to what is said, or to the end: there a terminal of Linux can't be read any more."""
        deadline, begun = time.monotonic() + PATIENCE, len(self.said)
        with contextlib.suppress(OSError):
            while not until or until not in self.said[begun:]:
                assert select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))[0], self.said
                self.said += os.read(self._ours, 4096).decode()
            return
        assert not until, self.said
