"""The template of stock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, validates_schema

from schemas.base import TemplateSchema
from schemas.fields import Code, Date, Number, Series, Text, YesNo
from schemas.formats import Fault


class InventorySchema(TemplateSchema):
    entity, plural, folder = "inventory", "inventories", "Inventory"

    sku_id = Code("SKU_ID", 100, needed=True, help="a product that exists")
    warehouse = Text("Warehouse", 200, help="MAIN unless you say otherwise")
    available_quantity = Number("Available_Quantity", needed=True)
    on_order_quantity = Series("On_Order_Quantity", Number("On_Order_Quantity", minimum=0),
                               help="quantities on order, separated by |")  # fmt: skip
    on_order_eta = Series("On_Order_ETA", Date("On_Order_ETA"), help="the date of each of them, separated by |")
    back_order_allowed = YesNo("Back_Order_Allowed", help="Y or N")
    back_order_limit = Number("Back_Order_Limit", minimum=0)

    equal_lengths = (("on_order_quantity", "on_order_eta"),)
    example_rows = (
        {"SKU_ID": "001001", "Warehouse": "MAIN", "Available_Quantity": "120", "On_Order_Quantity": "60|60",
         "On_Order_ETA": "2030-01-15|2030-02-15", "Back_Order_Allowed": "Y", "Back_Order_Limit": "50"},
        {"SKU_ID": "001002", "Available_Quantity": "0"},
    )  # fmt: skip
    hints = ("On_Order_Quantity and On_Order_ETA are lists of equal length.",)

    @validates_schema
    def _equal_lengths(self, data: dict[str, Any], **kwargs: Any) -> None:
        if message := unequal(data):
            raise ValidationError({"On_Order_ETA": [Fault(message)]})


def unequal(data: Mapping[str, Any]) -> str:
    """What is to be said if there are not as many dates as quantities, else nothing."""
    quantities, dates = data.get("on_order_quantity"), data.get("on_order_eta")
    if quantities is None or dates is None or len(quantities) == len(dates):
        return ""
    return f"{len(quantities)} quantities, but {len(dates)} dates: give one On_Order_ETA for each quantity"
