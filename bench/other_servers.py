"""The bench of transfers beside other FTP servers (bench.transfer) as figures. They have to be started as root."""

from __future__ import annotations

import re
import subprocess
import sys

from bench.figures import Figure
from bench.ours import NAME
from bench.transfer_table import PROVED

LINE = re.compile(
    rf"(?P<title>\S.*?)\s+(?P<figures>{NAME}\s+[\d.]+(?:  \S+\s+[\d.]+)*)  (?P<unit>\S.*?)\s+(?P<ratio>[\d.]+ x .*)?"
)
LESS_IS_BETTER = "as good as the best"
FASTEST = 1.0
"""How fast ours is to be beside the fastest of the others, in transfers of large and of small files."""
SESSION = 32.0
"""KB of an idle session."""


def measure(size: int, files: int, runs: int) -> list[Figure]:
    command = [sys.executable, "-m", "bench.transfer", f"--size={size}", f"--files={files}", f"--runs={runs}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        figures = [figure for line in process.stdout if (figure := figure_of(line))]
    if process.returncode:
        raise RuntimeError(f"bench.transfer ended with status {process.returncode}")
    return figures


def figure_of(line: str) -> Figure | None:
    """What a line of transfer_table.row says."""
    found = LINE.fullmatch(line.strip())
    if found is None:
        return None
    words = found["figures"].split()
    others = dict(zip(words[::2], map(float, words[1::2]), strict=True))
    value, title, unit = others.pop(NAME), found["title"], found["unit"]
    if title.startswith("memory"):
        return Figure(title, value, "KB", others, target=SESSION, at_most=True)
    less = LESS_IS_BETTER in (found["ratio"] or "")
    best = (min if less else max)(others, key=lambda name: others[name], default="")
    target = FASTEST if unit in ("MB/s", "files/s") and not title.endswith(PROVED) else None
    return Figure(title, value, unit, others, best, target, at_most=less)
