"""The template of the category tree."""

from __future__ import annotations

from schemas.base import TemplateSchema
from schemas.fields import Code, Items, Path, SystemId, Text, Url, WholeNumber


class CategorySchema(TemplateSchema):
    entity, plural, folder = "category", "categories", "Categories"

    system_id = SystemId("System_ID", help="ours; leave it empty for new categories")
    reference_id = Code("Reference_ID", 100, help="your identifier of the category")
    path = Path("Category", needed=True, help="the whole path, such as Electronics > Mobile Phones")
    description = Text("Description", 1_048_576)
    media = Items("Media", Url("Media"), help="web addresses, separated by |")
    position = WholeNumber("Position", help="place among its siblings")

    example_rows = (
        {"Reference_ID": "C1", "Category": "Tableware", "Position": "1"},
        {"Reference_ID": "C2", "Category": "Tableware > Cups", "Description": "All cups", "Position": "1"},
    )
    hints = ("Each parent must exist or be in the same file, in any order.",)
