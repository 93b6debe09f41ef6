"""How the category tree is imported."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from peewee import OP, Expression, Value, fn

from handlers.base import Context, Handler
from handlers.keys import by_attribute, by_system_id, find_system_id, own_keys, refuse_changed_reference, refuse_taken
from imports import store
from imports.rows import CREATED, UPDATED, Row
from imports.scan import Key, Texts
from models import Category
from schemas.category import CategorySchema

SEPARATOR = " > "


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

    def keys(self, texts: Texts) -> Iterable[Key]:
        yield from own_keys(texts, "System_ID", "Reference_ID")
        if path := texts("Category"):
            yield Key("Category", canonical(path))

    def order(self, texts: Texts) -> int:
        return texts("Category").count(">")

    def process(self, rows: list[Row], context: Context) -> None:
        for _, same_depth in groupby(rows, key=lambda row: (row.values.get("path") or "").count(">")):
            super().process(list(same_depth), context)

    def find(self, rows: list[Row], context: Context) -> None:
        by_id = by_system_id(Category, rows, context)
        by_reference = by_attribute(Category, "reference_id", rows, context)
        by_path = by_attribute(Category, "path", rows, context)
        for row in rows:
            if not find_system_id(row, "System_ID", by_id):
                row.stored = by_reference.get(row.values.get("reference_id") or "")
                row.stored = row.stored or by_path.get(row.values.get("path") or "")
                refuse_changed_reference(row, "Reference_ID", "System_ID")
            if not row.rejected:
                refuse_taken(row, "Category", "path", by_path)
                refuse_taken(row, "Reference_ID", "reference_id", by_reference)

    def refer(self, rows: list[Row], context: Context) -> None:
        wanted = [parent_path(row.values["path"]) for row in rows if row.values.get("path")]
        known = store.fetch_by(Category, context.account, "path", wanted)
        accepted = context.memory.setdefault("accepted", set())
        for row in rows:
            path = row.values.get("path")
            if not path:
                continue
            parent = parent_path(path)
            if row.stored and f"{parent}{SEPARATOR}".startswith(row.stored["path"] + SEPARATOR):
                row.reject("INVALID_VALUE", "Category", f"{row.stored['path']!r} can't move to {path!r}: it would lie "
                           "within itself")  # fmt: skip
            elif parent and parent not in known and parent not in accepted:
                row.reject("MISSING_PARENT", "Category", f"The parent {parent!r} neither exists nor is a good row of "
                           "the file: add a row for it")  # fmt: skip
            else:
                row.write["parent"] = known[parent]["system_id"] if parent in known else None

    def write(self, rows: list[Row], context: Context) -> None:
        moved = [(row.stored["path"], row.write["path"]) for row in rows
                 if row.outcome == UPDATED and row.stored and row.stored["path"] != row.write["path"]]  # fmt: skip
        super().write(rows, context)
        for old, new in moved:
            _move_children(context.account, old, new)
        if context.dry_run:
            # What this chunk writes is rolled back, but children in later chunks may rest on it.
            context.memory["accepted"].update(row.write["path"] for row in rows if row.outcome in (CREATED, UPDATED))

    def export(self, account: int) -> Iterable[dict[str, Any]]:
        query = Category.select().where(Category.account == account)
        yield from query.order_by(Category.path).dicts().iterator()


def _move_children(account: int, old: str, new: str) -> None:
    start = old + SEPARATOR
    below = (Category.account == account) & (fn.SUBSTR(Category.path, 1, len(start)) == start)
    moved = Expression(Value(new), OP.CONCAT, fn.SUBSTR(Category.path, len(old) + 1))
    Category.update(path=moved).where(below).execute()
