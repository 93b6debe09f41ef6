"""How the category tree is imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from handlers.base import Context, Entangled, Handler
from handlers.further import Further
from handlers.keys import (
    UniqueKey,
    by_system_id,
    find_further,
    find_system_id,
    own_keys,
    refuse_changed_reference,
    refuse_taken,
)
from imports import store
from imports.near import in_other_case, instead
from imports.rows import Row
from imports.scan import Key, Texts
from models import Category, is_postgres, now
from schemas import quoted
from schemas.category import CategorySchema

SEPARATOR = " > "
LONGEST = 1_000
"""Characters of a path."""
LONGEST_BYTES = 2_600
"""Of a path in UTF-8: an entry of an index of Postgres has 2,704 at the most, and both databases are to agree."""


def canonical(path: str) -> str:
    """A path as it is stored; only for comparison, faults are the schema's to find."""
    return SEPARATOR.join(name.strip() for name in path.split(">"))


def parent_path(path: str) -> str:
    """'A > B' for 'A > B > C', empty for a root."""
    return path.rpartition(SEPARATOR)[0]


class CategoryHandler(Handler):
    """Rows are worked on by depth, so that a parent stands before its children whatever the file's order."""

    schema, model = CategorySchema, Category
    key_columns = ("Reference_ID", "Category")
    unique = {"Reference_ID": "reference_id", "Category": "path"}

    def keys(self, texts: Texts) -> Iterable[Key]:
        yield from own_keys(texts, "System_ID", "Reference_ID")
        if path := texts("Category"):
            yield Key("Category", canonical(path))

    def next_holders(self, account: int, column: str, values: list[str]) -> dict[str, str]:
        """A Reference_ID that is new goes to the category with the path, unless that has another one."""
        names = ("path", "system_id", "reference_id")
        found = store.select(Category, names, account, {"path": values}) if column == "Category" else []
        return {path: system_id for path, system_id, reference in found if reference is None}

    def order(self, texts: Texts) -> int:
        return texts("Category").count(">")

    def process(self, rows: list[Row], context: Context) -> None:
        for _, same_depth in groupby(rows, key=lambda row: (row.values.get("path") or "").count(">")):
            super().process(list(same_depth), context)

    def find(self, rows: list[Row], context: Context) -> None:
        known = by_system_id(Category, rows, context)
        reference = UniqueKey(Category, "Reference_ID", "reference_id", rows, context)
        path = UniqueKey(Category, "Category", "path", rows, context, beside=reference)
        for row in rows:
            by_id = find_system_id(row, "System_ID", known)
            if not by_id:
                row.stored = reference.holder(row) or path.holder(row)
            refuse_taken(row, (path, reference))
            if not by_id and not row.rejected:
                refuse_changed_reference(row, "Reference_ID", "System_ID")
            if len(rows) > 1 and _moves(row):
                # The paths of those below change with it, and where it goes others may be on the move.
                raise Entangled

    def refer(self, rows: list[Row], context: Context) -> None:
        wanted = [parent_path(row.values["path"]) for row in rows if row.values.get("path")]
        known = store.fetch_by(Category, context.account, "path", wanted)
        accepted = context.memory.get("accepted", ())
        missing = {parent for parent in wanted if parent and parent not in known and parent not in accepted}
        near = in_other_case(missing, Category, "path", context.account, accepted)
        for row in rows:
            path = row.values.get("path")
            if not path:
                continue
            parent = parent_path(path)
            if row.stored and f"{parent}{SEPARATOR}".startswith(row.stored["path"] + SEPARATOR):
                row.reject("INVALID_VALUE", "Category", f"{quoted(row.stored['path'])} can't move to {quoted(path)}: "
                           "it would lie within itself")  # fmt: skip
            elif parent in missing:
                row.reject("MISSING_PARENT", "Category", f"The parent {quoted(parent)} neither exists nor is a good "
                           "row of the file" + instead(near.get(parent), "add a row for it", ""))  # fmt: skip
            else:
                row.write["parent"] = known[parent]["system_id"] if parent in known else None

    def look_further(self, rows: list[Further], context: Context) -> None:
        self.refer(list(rows), context)
        for row in find_further(rows, context, self):
            self.refuse_missing(row, context)

    def check(self, row: Row, context: Context) -> None:
        """The paths below a category that moves grow with its own."""
        path = row.write.get("path") or ""
        paths = [path]
        if row.stored and _moves(row):
            below = _below(context.account, row.stored["system_id"])
            if any(each["system_id"] == row.stored["system_id"] for each in below):
                row.reject("INVALID_VALUE", "Category", f"{quoted(row.stored['path'])} can't move: parents that "
                           "another program stored put it within itself; tell whoever runs the server to correct "
                           "them")  # fmt: skip
                return
            paths += [_moved(each["path"], row.stored["path"], path) for each in below]
        for longest in sorted(filter(_is_too_long, paths))[:1]:
            row.reject("TOO_LONG", "Category", f"The path {quoted(longest)} would have {len(longest)} characters, in "
                       f"UTF-8 {len(longest.encode())} bytes: at most {LONGEST} and {LONGEST_BYTES} fit, so "
                       "shorten its names")  # fmt: skip

    def write(self, rows: list[Row], context: Context) -> None:
        moved = [row for row in rows if _moves(row)]
        super().write(rows, context)
        for stored, new in [(row.stored, row.write["path"]) for row in moved if row.stored]:
            _move_below(context.account, stored, new)

    def remember(self, rows: list[Row], context: Context) -> None:
        """Children in later chunks may rest on these."""
        super().remember(rows, context)
        context.memory.setdefault("accepted", set()).update(row.write["path"] for row in rows)

    def export(self, account: int) -> Iterable[dict[str, Any]]:
        """By path, character by character: Postgres would go by the language of the database."""
        path = Category.path.collate('"C"') if is_postgres() else Category.path
        return store.stream(Category.select().where(Category.account == account).order_by(path).dicts())


def _is_too_long(path: str) -> bool:
    return len(path) > LONGEST or len(path.encode()) > LONGEST_BYTES


def _moves(row: Row) -> bool:
    return bool(row.stored and not row.rejected and row.values.get("path", row.stored["path"]) != row.stored["path"])


def _below(account: int, system_id: str) -> list[Mapping[str, Any]]:
    """All categories under one, itself among them if that goes in a circle: each has one parent, so no other can."""
    found: list[Mapping[str, Any]] = []
    level = [system_id]
    while level:
        children = store.fetch(Category, account, "parent", level)
        found.extend(children)
        level = [child["system_id"] for child in children if child["system_id"] != system_id]
    return found


def _moved(path: str, old: str, new: str) -> str:
    return new + path[len(old) :]


def _move_below(account: int, stored: Mapping[str, Any], new: str) -> None:
    moved = [{"system_id": each["system_id"], "path": _moved(each["path"], stored["path"], new), "updated_at": now()}
             for each in _below(account, stored["system_id"])]  # fmt: skip
    store.update(Category, "system_id", moved)
