"""How figures are judged, kept and shown."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import results
from bench.chart import draw
from bench.figures import Figure, in_turns, waits
from bench.other_servers import figure_of
from bench.transfer_table import PROVED, row


@pytest.mark.parametrize(
    ("value", "at_most", "reached"),
    [(99.0, False, False), (100.0, False, True), (100.0, True, True), (101.0, True, False)],
)
def test_a_figure_is_held_against_its_target(value: float, at_most: bool, reached: bool) -> None:
    """At least so much, or at most."""
    assert Figure("speed", value, "rows/s", target=100.0, at_most=at_most).reached is reached


@pytest.mark.parametrize(
    ("value", "at_most", "reached"), [(29.0, False, False), (30.0, False, True), (30.0, True, True)]
)
def test_beside_a_rival_the_ratio_counts(value: float, at_most: bool, reached: bool) -> None:
    """Against the one that is named, whatever the others are."""
    figure = Figure("speed", value, "rows/s", {"slow": 10.0, "fast": 1000.0}, "slow", target=3.0, at_most=at_most)

    assert figure.ratio == value / 10
    assert figure.reached is reached


def test_without_a_target_nothing_is_reached_or_missed() -> None:
    """It is told, no more."""
    assert Figure("speed", 1.0, "rows/s").reached is None


def test_waits_are_told_in_milliseconds() -> None:
    """p50, p99 and the longest; the last has no target."""
    p50, p99, longest = waits("NOOP", [number / 1000 for number in range(1, 102)], p50=50.0, p99=100.0)

    assert (round(p50.value), p50.reached) == (51, False)
    assert (round(p99.value), p99.reached) == (100, True)
    assert (longest.value, longest.reached) == (101.0, None)


def test_turns_alternate() -> None:
    """Who was last is first in the next round."""
    said: list[str] = []

    def say(name: str) -> int:
        said.append(name)
        return len(said)

    found = in_turns(3, [("a", lambda: say("a")), ("b", lambda: say("b"))])

    assert said == ["a", "b", "b", "a", "a", "b"]
    assert found == {"a": [1, 4, 5], "b": [2, 3, 6]}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where results are kept."""
    for name in ("STORE", "TABLES", "CHART"):
        monkeypatch.setattr(results, name, tmp_path / name.lower())
    return tmp_path


def test_a_part_that_is_not_run_again_keeps_its_results(kept: Path) -> None:
    """And the parts stand in the order of the roster, not in that of their runs."""
    order = ["imports", "waits"]
    results.keep("waits", "What waits", "0.5 0.5 0.5", "rows 10", [Figure("old", 1.0, "ms")], order)
    results.keep("waits", "What waits", "0.5 0.5 0.5", "rows 10", [Figure("new", 2.0, "ms")], order)
    results.keep("imports", "Imports", "0.7 0.5 0.5", "rows 20", [Figure("speed", 3.0, "rows/s")], order)

    assert list(json.loads((kept / "store").read_text())) == order
    text = (kept / "tables").read_text()
    assert text.index("| speed | 3 rows/s |") < text.index("## What waits") < text.index("| new | 2 ms |")
    assert "old" not in text


def test_a_table_says_what_is_not_reached() -> None:
    """With the rivals, the ratio, the target."""
    table = results.table([Figure("speed", 50.0, "rows/s", {"one": 100.0, "two": 1000.0}, "one", target=1.0)])

    told = "| speed | 50 rows/s | one 100 (0.50 x); two 1,000 (0.05 x) | 0.50 x one | at least 1 x | **not reached** |"
    assert table.splitlines()[-1] == told


def test_the_chart_shows_rivals_and_targets() -> None:
    """It is XML, and names may hold what XML does not take."""
    figures = [Figure("speed", 10.0, "rows/s", {"a & b": 5.0, "c": 1.0}, "c", target=30.0)]

    drawn = draw({"importers": figures})

    texts = [each.text for each in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert texts[1:6] == ["ftpdock", "10", "a & b", "5", "c"]
    assert texts[-1] == "10.00 x, at least 30 x"
    assert drawn.count('class="missed"') == 1


def test_the_bench_of_transfers_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    """Its lines are read: the fastest counts, or the one that waits or takes the least."""
    row("upload, curl", {"ftpdock": 500.0, "vsftpd": 100.0, "pure-ftpd": 400.0}, "MB/s")
    row("memory of 200 idle sessions", {"ftpdock": 30.1, "vsftpd": 650.0}, "KB each", more_is_better=False)
    row("NOOP p99 beside transfers", {"ftpdock": 8.0, "vsftpd": 16.0, "pure-ftpd": 4.0}, "ms", more_is_better=False)
    fast, small, wait = (figure_of(line) for line in capsys.readouterr().out.splitlines())

    assert fast == Figure("upload, curl", 500.0, "MB/s", {"vsftpd": 100.0, "pure-ftpd": 400.0}, "pure-ftpd", target=1.0)
    assert small == Figure("memory of 200 idle sessions", 30.1, "KB", {"vsftpd": 650.0}, target=32.0, at_most=True)
    assert wait is not None
    assert (wait.ratio, wait.against, wait.at_most) == (2.0, "pure-ftpd", True)
    assert figure_of("2 cores, load 0.5") is None


def test_what_nobody_asked_for_has_no_target(capsys: pytest.CaptureFixture[str]) -> None:
    """An upload with the work of a receipt is shown, and judged by nobody."""
    row(f"upload, curl, {PROVED}", {"ftpdock": 500.0, "pure-ftpd": 400.0}, "MB/s")
    proved = figure_of(capsys.readouterr().out)

    assert proved == Figure(f"upload, curl, {PROVED}", 500.0, "MB/s", {"pure-ftpd": 400.0}, "pure-ftpd")
