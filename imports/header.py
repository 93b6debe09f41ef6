"""Matches a file's header against a template: which column is which, and what is wrong with it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from errors import FileProblem
from schemas import (
    LONGEST_OPEN_NAME,
    TemplateSchema,
    fits_open_name,
    match_key,
    open_key,
    plain_name,
    quoted,
    unprintable,
)

DELIMITERS = ",;\t|"
IN_QUOTES = "the whole line stands in quotes: take them away, or save again as CSV"

Kind = Literal["fixed", "open", "ignored", "blank"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file's header.

    `text` is as it stands in the file. `name` is the template's (`SKU_ID`), or `Price: Retail` with the template's
    prefix and the partner's name. `_notes` are "ignored", nameless columns behind all others are "blank".
    """

    text: str
    kind: Kind
    name: str = ""
    open_prefix: str = ""
    open_name: str = ""

    @property
    def key(self) -> str:
        """Equal for two columns that mean the same; empty for those that mean nothing."""
        if self.kind == "open":
            return f"{match_key(self.open_prefix)}:{open_key(self.open_name)}"
        return match_key(self.name)


def read_header(cells: Sequence[str], schema: TemplateSchema, line: int) -> tuple[Column, ...]:
    """The columns of a header. Raises FileProblem UNKNOWN_COLUMN or DUPLICATE_COLUMN, on `line`."""
    columns = classify(cells, schema)
    _refuse_unknown(cells, columns, schema, line)
    known = [column for column in columns if column is not None]
    _refuse_duplicates(known, line)
    return tuple(known)


def classify(cells: Sequence[str], schema: TemplateSchema) -> list[Column | None]:
    """A Column for each cell of a header, None for what the template does not know."""
    fixed = {match_key(name): name for name in schema.columns}
    prefixes = {match_key(column.prefix): column.prefix for column in schema.open_columns}
    named = max((place for place, text in enumerate(cells, 1) if bare_name(text)), default=0)
    columns = [_column(text, fixed, prefixes) for text in cells[:named]]
    return columns + [Column(text, "blank") for text in cells[named:]]


def matched(columns: Iterable[Column | None]) -> int:
    """How many columns of a header are known to the template."""
    return sum(column is not None and column.kind != "blank" for column in columns)


def bare_name(text: str) -> str:
    """A header's cell without blanks and without byte order marks, which joined files carry in their middle."""
    return text.strip().strip("\ufeff").strip()


def _column(text: str, fixed: dict[str, str], prefixes: dict[str, str]) -> Column | None:
    bare = bare_name(text)
    if bare.startswith("_"):
        return Column(text, "ignored")
    if (name := fixed.get(match_key(bare))) is not None:
        return Column(text, "fixed", name)
    before, _, after = bare.partition(":")
    prefix, open_name = prefixes.get(match_key(before)), _open_name(after)
    if prefix is None or not fits_open_name(open_name):
        return None
    return Column(text, "open", f"{prefix}: {open_name}", prefix, open_name)


def _open_name(text: str) -> str:
    """What stands behind the colon, in one line."""
    return plain_name(re.sub(r"\s*[\r\n\t]\s*", " ", text.strip()))


def _refuse_unknown(cells: Sequence[str], columns: Sequence[Column | None], schema: TemplateSchema, line: int) -> None:
    unknown = [(place, cells[place - 1]) for place, column in enumerate(columns, 1) if column is None]
    if not unknown:
        return
    place, text = unknown[0]
    if _stands_in_quotes(cells, schema):
        message = f"In the header {IN_QUOTES}. The columns are {columns_in_words(schema)}"
        raise FileProblem("UNKNOWN_COLUMN", message, line=line, column=text.strip(), value=text.strip())
    found = f"column {place}, {_quoted(text)}, is not known" if bare_name(text) else f"column {place} has no name"
    if len(unknown) > 1:
        found += f" (nor {_listed(_quoted(other) for _, other in unknown[1:])})"
    advice = "the first line must hold the column names" if not matched(columns) else _suggestion(text, schema)
    stop = "" if advice.endswith("?") else "."
    message = f"In the header {found}: {advice}{stop} The columns are {columns_in_words(schema)}"
    raise FileProblem("UNKNOWN_COLUMN", message, line=line, column=text.strip(), value=text.strip())


def _stands_in_quotes(cells: Sequence[str], schema: TemplateSchema) -> bool:
    """Whether the only text of a header holds column names and a delimiter between them.

    Only quotes can keep it in one cell: the header was read with the delimiter that gives most columns.
    """
    texts = [text for text in cells if bare_name(text)]
    found = [texts[0].split(delimiter) for delimiter in DELIMITERS if delimiter in texts[0]] if len(texts) == 1 else []
    return any(matched(classify([name.strip().strip('"') for name in names], schema)) for names in found)


def _suggestion(text: str, schema: TemplateSchema) -> str:
    """What the partner may have meant."""
    key = match_key(bare_name(text))
    for column in schema.open_columns:
        prefix = match_key(column.prefix)
        before, colon, _ = key.partition(":")
        if colon and before == prefix:
            if odd := unprintable(_open_name(text.partition(":")[2])):
                return f"the name behind the colon holds {odd}: write it without, as in {quoted(column.example)}"
            return (f"write a name of at most {LONGEST_OPEN_NAME} characters behind the colon (letters such as ß count "
                    f"twice), as in {quoted(column.example)}")  # fmt: skip
        if key.startswith(prefix):
            return f"did you mean '{column.prefix}: ...', as in {quoted(column.example)}?"
    names = {match_key(name): name for name in schema.columns}
    near = difflib.get_close_matches(key[:200], names, 1)
    return f"did you mean {names[near[0]]}?" if near else "remove it, or let its name begin with _ to have it ignored"


def columns_in_words(schema: TemplateSchema) -> str:
    """`SKU_ID, Name ... and open columns such as 'Price: Retail'`."""
    names = ", ".join(schema.columns)
    examples = ", ".join(quoted(column.example) for column in schema.open_columns)
    return f"{names}, and open ones such as {examples}" if examples else names


def _refuse_duplicates(columns: Sequence[Column], line: int) -> None:
    seen: dict[str, Column] = {}
    for place, column in enumerate(columns, 1):
        if not column.key:
            continue
        first = seen.setdefault(column.key, column)
        if first is not column:
            message = (
                f"Column {place} of the header, {_quoted(column.text)}, names {quoted(first.name)} a second time "
                f"(the first is {_quoted(first.text)}): keep one of them"
            )
            raise FileProblem("DUPLICATE_COLUMN", message, line=line, column=column.name, value=column.text.strip())


def check_order(columns: Sequence[Column], schema: TemplateSchema, line: int) -> None:
    """Fixed columns stand in the template's order and open ones behind them. Raises FileProblem COLUMN_ORDER."""
    places = {name: place for place, name in enumerate(schema.columns)}
    last: Column | None = None
    for column in columns:
        if column.kind not in ("fixed", "open"):
            continue
        if column.kind == "fixed" and last is not None and _behind(last, column, places):
            raise _out_of_order(column, last, columns, places, line)
        last = column


def _behind(last: Column, column: Column, places: dict[str, int]) -> bool:
    """Whether the template wants `last`, which stands before, behind the fixed `column`."""
    return last.kind == "open" or places[last.name] > places[column.name]


def _out_of_order(
    column: Column, last: Column, columns: Sequence[Column], places: dict[str, int], line: int
) -> FileProblem:
    fixed = sorted((each.name for each in columns if each.kind == "fixed"), key=places.__getitem__)
    order = ", ".join(fixed + [each.name for each in columns if each.kind == "open"])
    message = (
        f"Column {columns.index(column) + 1}, {quoted(column.name)}, stands behind {quoted(last.name)} but belongs "
        f"before it: put the columns into the template's order: {order}"
    )
    return FileProblem("COLUMN_ORDER", message, line=line, column=column.name, value=column.text.strip())


def _quoted(text: str) -> str:
    return quoted(text.strip() if len(text) <= 80 else text.strip()[:80] + "…")


def _listed(texts: Iterable[str], most: int = 5) -> str:
    texts = list(texts)
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more
