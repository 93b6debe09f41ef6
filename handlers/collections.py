"""How collections are imported."""

from __future__ import annotations

from collections.abc import Iterable

from handlers.base import Context, Handler
from handlers.further import Further
from handlers.keys import find_by_two_keys, find_further, own_keys
from imports.rows import Row
from imports.scan import Key, PlainKey, Texts
from models import Collection
from schemas.collection import CollectionSchema


class CollectionHandler(Handler):
    schema, model = CollectionSchema, Collection
    key_columns = ("Reference_ID", "Name")
    unique = {"Reference_ID": "reference_id", "Name": "name"}

    plain_keys = (PlainKey("Name"), PlainKey("Reference_ID"))

    def keys(self, texts: Texts) -> Iterable[Key]:
        return own_keys(texts, "System_ID", "Name", "Reference_ID")

    def find(self, rows: list[Row], context: Context) -> None:
        find_by_two_keys(rows, context, Collection, "name", "Name")

    def look_further(self, rows: list[Further], context: Context) -> None:
        for row in find_further(rows, context, self):
            self.refuse_missing(row, context)
