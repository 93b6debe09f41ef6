"""Cheaper ways to read what is plainly good; what they doubt, the field itself reads. A field is the only authority."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from marshmallow.fields import Field

DOUBT: Any = object()
"""What a quick reader gives for a text that is not plainly good."""

Quick = Callable[[str], Any]
"""Reads what is plainly good as `deserialize` does, and gives DOUBT for everything else."""

Doubts = Callable[[Sequence[str]], Sequence[int]]
"""Finds where texts are that are not plainly good, in order; empty ones need not be named."""


def without_match(pattern: re.Pattern[str]) -> Callable[[Sequence[str]], Sequence[int]]:
    """Finds where texts are that have text, but do not match a pattern that leaves nothing to try twice.

    One match for all texts that follow each other is far cheaper than one for each.
    """
    # No possessive group: before Python 3.11.5 one that fails half-way stays where it stood (its issue 106052).
    lines = re.compile(rf"(?:(?:{pattern.pattern})\n|\n)*", pattern.flags).match

    def find(texts: Sequence[str]) -> Sequence[int]:
        joined = "\n".join(texts) + "\n"
        if joined.count("\n") != len(texts):
            return range(len(texts))
        found: list[int] = []
        start, place = 0, 0
        while (good := lines(joined, start)) and (end := good.end()) < len(joined):
            place += joined.count("\n", start, end)
            found.append(place)
            place, start = place + 1, joined.index("\n", end) + 1
        return found

    return find


def either(some: Sequence[int], others: Sequence[int]) -> Sequence[int]:
    """The places that are in one of both, in order."""
    return sorted({*some, *others}) if some and others else some or others


def quick_reader(field: Any) -> Quick | None:
    """The field's quick reader, if it was written for how the field reads."""
    reader: Quick | None = field.quick() if written_for(field, "quick") else None
    return reader


def written_for(field: Field[Any], shortcut: str) -> bool:
    """Whether a class that knows the shortcut reads the field, and nobody has a say before or behind it."""
    kind = type(field)
    plain = kind.deserialize is Field.deserialize and kind._validate is Field._validate
    if not plain or field.validators or field.pre_load or field.post_load:
        return False
    return depth(kind, shortcut) <= depth(kind, "_deserialize")


def depth(kind: type[Field[Any]], name: str) -> int:
    """How far up its line of classes one of `kind` finds `name`."""
    return next(depth for depth, each in enumerate(kind.__mro__) if name in vars(each))
