"""What a part of the bench finds: figures, each beside what it has to be measured by."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Figure:
    """`others` are those of the limit and of rivals in the same run, `against` names the one that counts.

    `target` bounds the ratio to that one or, when there is none, the figure itself: at least so much, or `at_most`.
    """

    name: str
    value: float
    unit: str
    others: dict[str, float] = field(default_factory=dict)
    against: str = ""
    target: float | None = None
    at_most: bool = False

    @property
    def ratio(self) -> float | None:
        """Ours to the one that counts."""
        return self.value / self.others[self.against] if self.against else None

    @property
    def share(self) -> float | None:
        """How far it gets of what was promised: 1 and more is reached."""
        measured = self.value if self.ratio is None else self.ratio
        if self.target is None or not measured:
            return None
        return self.target / measured if self.at_most else measured / self.target

    @property
    def reached(self) -> bool | None:
        return None if self.share is None else self.share >= 1

    @property
    def promise(self) -> str:
        """The target in words."""
        if self.target is None:
            return ""
        return f"{'at most' if self.at_most else 'at least'} {self.target:g} {'x' if self.against else self.unit}"


def p50_p99(values: Sequence[float]) -> tuple[float, float]:
    ranked = statistics.quantiles(values, n=100, method="inclusive")
    return ranked[49], ranked[98]


def waits(name: str, seconds: Sequence[float], p50: float | None = None, p99: float | None = None) -> list[Figure]:
    """p50, p99 and the longest of many waits in milliseconds, with what the first two may be at most."""
    middle, high = p50_p99(seconds)
    return [
        Figure(f"{name}, p50", middle * 1000, "ms", target=p50, at_most=True),
        Figure(f"{name}, p99", high * 1000, "ms", target=p99, at_most=True),
        Figure(f"{name}, longest of {len(seconds)}", max(seconds) * 1000, "ms"),
    ]


def in_turns(rounds: int, works: Iterable[tuple[str, Callable[[], Result]]]) -> dict[str, list[Result]]:
    """Results of each by name, run in turns and each time in the other order: what else the machine does hits all."""
    order = list(works)
    found: dict[str, list[Result]] = {name: [] for name, _ in order}
    for number in range(rounds):
        for name, work in order[:: -1 if number % 2 else 1]:
            found[name].append(work())
    return found
