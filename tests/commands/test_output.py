from __future__ import annotations

import datetime as dt
import io
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner

from commands.output import cell, iso, print_json, print_object, print_objects, print_table

OBJECTS: list[dict[str, Any]] = [
    {"name": "Größe", "items": ["a", "b"], "on": True},
    {"name": "x" * 200, "items": [], "on": None},
]


def printed(write: Any) -> bytes:
    result = CliRunner().invoke(click.Command("test", callback=write))
    assert result.exception is None, result.output
    return result.stdout_bytes


@pytest.mark.parametrize("objects", [[], [{"a": 1}], OBJECTS, [1, "x", None]])
def test_a_generator_is_printed_as_one_json_array(objects: list[Any]) -> None:
    """Item by item, in UTF-8, indented by two."""
    output = printed(lambda: print_json(each for each in objects))

    assert json.loads(output) == objects
    assert output.decode("utf-8") == (json.dumps(objects, ensure_ascii=False, indent=2) + "\n")


def test_json_keeps_up_with_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first item is on its way before the second is made: a million records need no memory."""
    done: list[object] = []

    def items() -> Iterator[int]:
        for number in (1, 2):
            done.append(f"make {number}")
            yield number

    monkeypatch.setattr(click, "echo", lambda text, nl=True: done.append(text.split()[-1]))
    print_json(items())

    assert done == ["make 1", b"1", "make 2", b"2", b"]"]


def test_a_file_name_that_is_no_utf8_is_still_valid_json() -> None:
    """Bytes that Python keeps as lone surrogates are written as JSON escapes."""
    output = printed(lambda: print_json({"file": b"\xff.csv".decode("utf-8", "surrogateescape")}))

    assert output.decode("utf-8") == '{\n  "file": "\\udcff.csv"\n}\n'


def test_a_pipe_gets_aligned_text_without_colours_and_nothing_cut() -> None:
    """Whole values, one line each, no escape codes."""
    output = printed(lambda: print_objects(OBJECTS, ("on", "items", "name"), as_json=False)).decode()

    assert output.splitlines() == ["on   items  name", "yes  a, b   Größe", "            " + "x" * 200]


def test_a_terminal_gets_a_table_that_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long values are folded, so that all of their characters are on the screen; markup in them is text."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "60")
    print_table(["name", "company"], [["acme", "[bold]" + "x" * 200]])

    shown = re.sub(r"\x1b\[\d*m", "", screen.getvalue())
    assert shown.count("x") == 200
    assert "[bold]" in shown
    assert max(map(len, shown.splitlines())) <= 60


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (False, "no"),
        (0, "0"),
        (["a", "b"], "a, b"),
        (dt.datetime(2024, 9, 18, 8, 30, 0, 999, dt.UTC), "2024-09-18T08:30:00+00:00"),
        ("red\x1b[31m\r\nnext", r"red\x1b[31m\r\nnext"),
        ("a\u202eb", r"a\u202eb"),
    ],
)
def test_a_cell_is_one_line_that_can_not_drive_a_terminal(value: Any, text: str) -> None:
    """Control characters, which a partner may have put into a name, are shown as escapes."""
    assert cell(value) == text


def test_times_have_an_offset() -> None:
    """ISO 8601 in whole seconds."""
    assert iso(dt.datetime(2024, 9, 18, tzinfo=dt.timezone(dt.timedelta(hours=2)))) == "2024-09-18T00:00:00+02:00"


def test_one_object_is_a_line_for_each_key() -> None:
    """Names without underscores, values aligned."""
    output = printed(lambda: print_object({"time_zone": "UTC", "on": False}, as_json=False)).decode()

    assert output.splitlines() == ["time zone  UTC", "on         no"]
