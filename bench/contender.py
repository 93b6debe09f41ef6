"""What is measured: an FTPS server that runs, with one account and the same folders and files as every other one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.system.server import PASSWORD as PASSWORD

UPLOAD = "/Products/PRODUCT_18_09_2024.csv"
DOWNLOAD = "/Export/large.bin"


@dataclass
class Contender:
    """One server; `hash` says how it keeps passwords: cheap, argon2id or (vsftpd) none."""

    name: str
    port: int
    user: str
    home: Path
    certificate: Path
    hash: str = "cheap"
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def begin(self, command: list[str], environment: dict[str, str]) -> None:
        """Start it in a process group of its own, and wait until it listens."""
        with (self.home / "log").open("w") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            text=True, start_new_session=True)  # fmt: skip
        deadline = time.monotonic() + 30
        while not self._listens():
            said = (self.home / "log").read_text()
            assert self.process.poll() is None, f"{self.name} ended: {said}"
            assert time.monotonic() < deadline, f"{self.name} does not listen: {said}"
            time.sleep(0.05)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def unstarted(self) -> Contender:
        """The same without its process, for another process."""
        return replace(self, process=None)

    def stop(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def memory(self) -> int:
        """Bytes of all its processes; what several share is counted once (PSS)."""
        assert self.process is not None
        return sum(_pss(process) for process in _tree(self.process.pid))


def _pss(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


def _tree(root: int) -> set[int]:
    """A process and all that descend from it."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, before = {root}, 0
    while len(found) != before:
        before = len(found)
        found |= {process for process, parent in parents.items() if parent in found}
    return found
