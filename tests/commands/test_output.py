from __future__ import annotations

import datetime as dt
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
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


Shown = Callable[..., list[str]]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """shown(60, headers, rows) -> the lines of a table on a terminal of so many columns."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def show(columns: int, headers: list[str], rows: list[list[str]]) -> list[str]:
        screen = Terminal()
        monkeypatch.setattr(sys, "stdout", screen)
        monkeypatch.setenv("COLUMNS", str(columns))
        print_table(headers, rows)
        return [line.rstrip() for line in re.sub(r"\x1b\[\d*m", "", screen.getvalue()).splitlines()]

    return show


def test_a_terminal_gets_a_table_in_which_texts_wrap(shown: Shown) -> None:
    """All of their characters are on the screen; markup in them is text."""
    lines = shown(60, ["name", "company"], [["acme", "[bold]" + "x" * 200]])

    assert "".join(lines).count("x") == 200
    assert "[bold]" in lines[2]
    assert max(map(len, lines)) <= 60


IMPORTS = ["number", "file", "status", "code", "message"]
ROWS = [["1", "PRODUCT_18_09_2024.csv", "completed", "", ""],
        ["2", "PRODUCT_19_09_2024.csv", "failed", "", "not a text but a zip archive"]]  # fmt: skip


def test_names_and_numbers_are_never_in_two_pieces(shown: Shown) -> None:
    """Only texts are; what is empty throughout is left out before."""
    wide = shown(90, IMPORTS, ROWS)
    assert wide[0] == "number  file                    status     code  message"
    assert wide[2:] == ["1       PRODUCT_18_09_2024.csv  completed",
                        "2       PRODUCT_19_09_2024.csv  failed           not a text but a zip archive"]  # fmt: skip

    narrow = shown(67, IMPORTS, ROWS)
    assert narrow[0] == "number  file                    status     message"
    assert narrow[2:] == ["1       PRODUCT_18_09_2024.csv  completed",
                          "2       PRODUCT_19_09_2024.csv  failed     not a text but a zip",
                          "                                           archive"]  # fmt: skip


def test_a_table_that_does_not_fit_is_a_paragraph_for_each_row(shown: Shown) -> None:
    """A line for each value that there is, under its name; a long text goes on below itself."""
    assert shown(40, IMPORTS, ROWS) == [
        "number   1",
        "file     PRODUCT_18_09_2024.csv",
        "status   completed",
        "",
        "number   2",
        "file     PRODUCT_19_09_2024.csv",
        "status   failed",
        "message  not a text but a zip archive",
    ]
    long = "x" * 50
    assert shown(40, ["a", "message"], [["-" * 60, f"{long} words that go on, and on, and on"]]) == [
        "a        " + "-" * 60,
        "message  " + long,
        "         words that go on, and on, and",
        "         on",
    ]


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
