"""The template of collections."""

from __future__ import annotations

from typing import Any

from schemas.base import TemplateSchema
from schemas.fields import Code, Items, SystemId, Text, Url, WholeNumber
from schemas.formats import invalid
from schemas.quoting import quoted


class CollectionName(Text):
    """A name that a product's Collection cell can hold."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if "|" in text:
            raise invalid(f"{quoted(text)} holds a |, which separates lists: take another character")
        return text


class CollectionSchema(TemplateSchema):
    entity, plural, folder = "collection", "collections", "Collections"

    system_id = SystemId("System_ID", help="ours; leave it empty for new collections")
    reference_id = Code("Reference_ID", 100, help="your identifier of the collection")
    name = CollectionName("Name", 200, needed=True)
    description = Text("Description", 1_048_576)
    media = Items("Media", Url("Media"), help="web addresses, separated by |")
    position = WholeNumber("Position")

    example_rows = (
        {"Reference_ID": "SUMMER", "Name": "Summer", "Description": "Light and bright", "Position": "1"},
        {"Reference_ID": "WINTER", "Name": "Winter", "Position": "2"},
    )
    hints = ("To change a Reference_ID, send the collection's System_ID with it.",)
