"""What can drift: each part can be run with its sizes, and stands in the documentation."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.__main__ import bench
from bench.parts import PARTS, Part

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "performance.md"


@pytest.mark.parametrize("part", PARTS.values(), ids=lambda part: part.name)
def test_each_part_takes_its_sizes(part: Part) -> None:
    """By name, all of them."""
    assert list(inspect.signature(part.measure).parameters) == list(part.sizes)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_stands_in_the_documentation(part: str) -> None:
    """In the table of what each measures."""
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]

    assert any(f"`{part}`" in row.split("|")[1] for row in rows)


def test_a_part_is_run_and_told_without_being_kept() -> None:
    """The smallest of them, with a size as an argument."""
    done = CliRunner().invoke(bench, ["reading", "--rows", "2000", "--rounds", "1", "--no-keep"])

    assert done.exit_code == 0, done.output
    assert "rows 2,000, rounds 1" in done.output
    assert "| records of a file of stock | " in done.output
