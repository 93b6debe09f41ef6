"""How results are printed: JSON for programs, tables for people, plain text when the output is piped."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

Object = Mapping[str, Any]


def iso(moment: dt.datetime | None) -> str | None:
    """ISO 8601 with offset, in whole seconds: 2024-09-18T08:30:00+00:00."""
    return None if moment is None else moment.isoformat(timespec="seconds")


def print_json(value: Object | Iterable[Any]) -> None:
    """One object, or an array written item by item, so that a generator of any length takes no memory."""
    if isinstance(value, Mapping):
        _echo_utf8(_dump(value))
        return
    separator = "["
    for each in value:
        _echo_utf8(separator + "\n" + _indented(_dump(each)), newline=False)
        separator = ","
    _echo_utf8("[]" if separator == "[" else "\n]")


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: Any) -> str | None:
    return iso(value) if isinstance(value, dt.datetime) else str(value)


def _indented(text: str) -> str:
    return "  " + text.replace("\n", "\n  ")


def _echo_utf8(text: str, newline: bool = True) -> None:
    # A file name may hold bytes that are no UTF-8; \udcff is how JSON writes what Python makes of them.
    click.echo(text.encode("utf-8", "backslashreplace"), nl=newline)


def print_objects(objects: Iterable[Object], columns: Sequence[str], as_json: bool, none: str = "None.") -> None:
    """A listing: the whole objects as JSON, or a table of those keys that `columns` names; `none` says it is empty."""
    if as_json:
        print_json(objects)
        return
    rows = [[cell(each[column]) for column in columns] for each in objects]
    if rows:
        print_table([column.replace("_", " ") for column in columns], rows)
    else:
        click.echo(none, err=True)


def print_object(one: Object, as_json: bool) -> None:
    """One object: as JSON, or a line for each key."""
    if as_json:
        print_json(one)
        return
    width = max(len(key) for key in one)
    for key, value in one.items():
        click.echo(f"{key.replace('_', ' '):{width}}  {cell(value)}".rstrip())


FREE = ("about", "company", "detail", "error", "message")
"""Columns whose texts may go on in the next line of a table; nobody looks for a name or a number in two pieces."""
LEAST = 24
"""Characters that are left for each of these, or there is no table."""


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table as wide as the terminal, or, where it does not fit, a paragraph for each row; in a pipe or a file it is
    aligned text, never wrapped, cut or coloured."""
    if sys.stdout.isatty():
        _print_on_terminal(headers, rows)
        return
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    for row in (headers, *rows):
        click.echo("  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip())


def _print_on_terminal(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()

    def fits() -> bool:
        columns = list(zip(headers, *rows, strict=True))
        widths = [min(max(map(cell_len, column)), LEAST if column[0] in FREE else 10_000) for column in columns]
        return sum(widths) + 2 * (len(widths) - 1) <= console.width

    if not fits():
        headers, rows = without_empty(headers, rows)
    if not fits():
        _print_paragraphs(headers, rows, console.width)
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for header in headers:
        table.add_column(header, overflow="fold", no_wrap=header not in FREE)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def without_empty(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """Without the columns in which nothing stands."""
    filled = [place for place in range(len(headers)) if any(row[place] for row in rows)]
    return [headers[place] for place in filled], [[row[place] for place in filled] for row in rows]


def _print_paragraphs(headers: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> None:
    """A line for each value that there is; texts go on below themselves, between two words."""
    width = max(map(len, headers))
    for place, row in enumerate(rows):
        if place:
            click.echo()
        for header, text in zip(headers, row, strict=True):
            lines = textwrap.wrap(text, max(columns - width - 2, LEAST), break_long_words=False, break_on_hyphens=False)
            for label, line in zip([header, *[""] * len(lines)], lines, strict=False):
                click.echo(f"{label:{width}}  {line}")


def plural(count: int, word: str) -> str:
    """1 row, 2 rows"""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def cell(value: Any) -> str:
    """A value as people read it, on one line; control characters, which may drive a terminal, become escapes."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(cell(each) for each in value)
    text = iso(value) if isinstance(value, dt.datetime) else str(value)
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", _escape, text or "")


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
