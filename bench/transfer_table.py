"""How the figures of the transfer are printed."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass

from bench.ours import NAME

PROVED = "then hashed and synced"


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is measured: bytes of the large file, how many small ones, how often."""

    size: int
    files: int
    runs: int


def facts(sizes: Sizes) -> str:
    """What a reader needs to judge the figures."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (f"{os.cpu_count()} cores, load {load}; {ssl.OPENSSL_VERSION}; large file {sizes.size >> 20} MB, "
            f"{sizes.files} small files of 4 KB, medians of {sizes.runs} alternating runs\n")  # fmt: skip


def row(title: str, figures: dict[str, float], unit: str, more_is_better: bool = True) -> None:
    """One line: each contender's figure, and ours against the best of the others (above 1 is ours ahead)."""
    others = [figure for name, figure in figures.items() if name != NAME]
    shown = "  ".join(f"{name} {figure:8.1f}" for name, figure in figures.items())
    if more_is_better:
        ratio = f"{figures[NAME] / max(others):.2f} x the fastest"
    else:
        ratio = f"{min(others) / figures[NAME]:.2f} x as good as the best" if figures[NAME] > 0 else ""
    print(f"{title:34} {shown}  {unit:10} {ratio}", flush=True)
