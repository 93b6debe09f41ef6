"""The chart of the README: an SVG of bars, drawn by hand, which follows the reader's light or dark theme."""

from __future__ import annotations

import math
from html import escape

from bench.figures import Figure

WIDTH, LABEL, VALUE, LINE, BAR = 940, 390, 190, 20, 13
"""Pixels: the whole, what stands left of the bars and right of them, a line, and the bar in it."""
FULL = WIDTH - LABEL - VALUE
NAME = "ftpdock"
PANELS = {"importers": "rows/s", "transfer": "MB/s"}
"""Parts whose figures are drawn beside those of rivals, if they are in this unit."""
MOST = 4.0
"""Times the target at which a bar of the last panel ends."""
STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
.title { font-weight: 600 } .small { fill: #59636e }
.ours { fill: #0969da } .other { fill: #afb8c1 } .missed { fill: #bc4c00 }
.mark { stroke: #1f2328; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 } .ours { fill: #4493f8 } .other { fill: #57606a }
  .missed { fill: #db6d28 } .mark { stroke: #e6edf3 }
}
"""

Bar = tuple[str, float, str, str]
"""Label, share of the full length, text behind it, class."""


def draw(parts: dict[str, list[Figure]]) -> str:
    lines: list[str] = []
    y = LINE
    for name, unit in PANELS.items():
        for figure in parts.get(name, ()):
            if figure.unit == unit and len(figure.others) > 1:
                y = _panel(lines, y, f"{figure.name}, {figure.unit}", _beside(figure))
    promised = [figure for figures in parts.values() for figure in figures if figure.share is not None]
    if promised:
        y = _promised(lines, y, promised)
    size = f'width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}"'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>ftpdock beside its limits and its rivals'
            f"</title><style>{STYLE}</style>{''.join(lines)}</svg>\n")  # fmt: skip


def _promised(lines: list[str], y: int, figures: list[Figure]) -> int:
    title = "What was promised: the dashed line is the target, beyond it is better"
    end = _panel(lines, y, title, _promises(figures), aligned=True)
    x = LABEL + _scaled(1.0) * FULL
    lines.append(f'<line class="mark" x1="{x:.0f}" x2="{x:.0f}" y1="{y + 4}" y2="{end - 2 * LINE + 6}"/>')
    return end


def _beside(figure: Figure) -> list[Bar]:
    """Ours first, then the others, the best one first."""
    most = max(figure.value, *figure.others.values())
    others = sorted(figure.others.items(), key=lambda each: each[1], reverse=not figure.at_most)
    return [(name, value / most, f"{value:,.3g}" if value < 100 else f"{value:,.0f}", _kind(name))
            for name, value in [(NAME, figure.value), *others]]  # fmt: skip


def _kind(name: str) -> str:
    return "ours" if name == NAME else "other"


def _promises(figures: list[Figure]) -> list[Bar]:
    return [(_named(figure), _scaled(figure.share or 0), _told(figure), "ours" if figure.reached else "missed")
            for figure in figures]  # fmt: skip


def _named(figure: Figure) -> str:
    """With the one of several that it is measured by."""
    return f"{figure.name} / {figure.against}" if figure.against and len(figure.others) > 1 else figure.name


def _scaled(share: float) -> float:
    """By the logarithm: half of the target is as far from it as the double."""
    return math.log2(min(max(share, 1 / 8), MOST) * 8) / math.log2(MOST * 8)


def _told(figure: Figure) -> str:
    measured = f"{figure.ratio:.2f} x" if figure.ratio is not None else f"{figure.value:,.3g} {figure.unit}"
    return f"{measured}, {figure.promise}"


def _panel(lines: list[str], y: int, title: str, bars: list[Bar], aligned: bool = False) -> int:
    """Add a panel that begins at y, its figures at the ends of the bars or `aligned`; where the next one begins."""
    lines.append(f'<text class="title" x="8" y="{y}">{escape(title)}</text>')
    for label, share, told, kind in bars:
        y += LINE
        width = max(1.0, share * FULL)
        end = LABEL + (FULL if aligned else width) + 8
        lines.append(f'<text class="small" x="{LABEL - 8}" y="{y}" text-anchor="end">{escape(label)}</text>'
                     f'<rect class="{kind}" x="{LABEL}" y="{y - BAR + 3}" width="{width:.0f}" height="{BAR}" rx="2"/>'
                     f'<text x="{end:.0f}" y="{y}">{escape(told)}</text>')  # fmt: skip
    return y + 2 * LINE
