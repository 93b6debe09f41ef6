"""Keeps what was measured (results.json) and shows it (RESULTS.md, the chart). A part not run again stays as it was."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import facts
from bench.chart import draw
from bench.figures import Figure

ROOT = Path(__file__).resolve().parent.parent
STORE, TABLES, CHART = ROOT / "bench" / "results.json", ROOT / "bench" / "RESULTS.md", ROOT / "docs" / "performance.svg"
HEAD = """# Results of the bench

Written by `make bench`; what each part measures stands in the docstring of its module, how to run one in
[docs/performance.md](../docs/performance.md). A ratio is ours to the one beside it, measured in turns in the same run.
"""


@dataclass(frozen=True, slots=True)
class Section:
    """What one run of a part has found."""

    title: str
    when: str
    load: str
    sizes: str
    machine: dict[str, str]
    figures: list[Figure]


def read() -> dict[str, Section]:
    """By the name of the part."""
    if not STORE.exists():
        return {}
    stored: dict[str, dict[str, Any]] = json.loads(STORE.read_text())
    return {name: Section(**{**each, "figures": [Figure(**figure) for figure in each["figures"]]})
            for name, each in stored.items()}  # fmt: skip


def keep(part: str, title: str, load: str, sizes: str, figures: list[Figure], order: list[str]) -> None:
    """Put a part's figures in place of its former ones; `order` has the names of all parts."""
    when = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    sections = read() | {part: Section(title, when, load, sizes, facts.machine(), figures)}
    sections = {name: sections[name] for name in order if name in sections}
    STORE.write_text(json.dumps({name: asdict(each) for name, each in sections.items()}, indent=1, ensure_ascii=False))
    TABLES.write_text(tables(sections))
    CHART.write_text(draw({name: each.figures for name, each in sections.items()}))


def tables(sections: dict[str, Section]) -> str:
    """The whole of RESULTS.md. The machine stands on top, and once more where a part was run on another."""
    machine = max(sections.values(), key=lambda each: each.when).machine
    parts = [HEAD, _machine(machine)]
    for each in sections.values():
        parts.append(f"## {each.title}\n\n{each.when}, load before {each.load}; {each.sizes}\n")
        if each.machine != machine:
            parts.append(_machine({key: value for key, value in each.machine.items() if value != machine.get(key)}))
        parts.append(table(each.figures))
    return "\n".join(parts)


def _machine(machine: dict[str, str]) -> str:
    return "".join(f"- {key}: {value}\n" for key, value in machine.items())


def table(figures: list[Figure]) -> str:
    head = "| | figure | beside | ratio | target | |\n|---|---|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(_cells(each))} |\n" for each in figures)


def _cells(figure: Figure) -> list[str]:
    reached = {None: "", True: "reached", False: "**not reached**"}[figure.reached]
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} x"
    if len(figure.others) > 1 and ratio:
        ratio += f" {figure.against}"
    return [figure.name, f"{number(figure.value)} {figure.unit}", _beside(figure), ratio, figure.promise, reached]


def _beside(figure: Figure) -> str:
    """The others; if they are several, each with the ratio of ours to it."""
    several = len(figure.others) > 1
    told = (f"{name} {number(value)}" + (f" ({figure.value / value:.2f} x)" if several and value else "")
            for name, value in figure.others.items())  # fmt: skip
    return "; ".join(told)


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
