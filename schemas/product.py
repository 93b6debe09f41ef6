"""The template of products."""

from __future__ import annotations

from schemas.base import OpenColumns, TemplateSchema
from schemas.fields import Choice, Code, Items, Number, Path, SystemId, Text, Url


class ProductSchema(TemplateSchema):
    entity, plural, folder = "product", "products", "Products"

    sku_id = Code("SKU_ID", 100, needed=True, help="your article number")
    reference_id = Code("Reference_ID", 100, help="your own identifier, if it is not the SKU")
    system_id = SystemId("System_ID", help="ours; leave it empty for new products")
    name = Text("Name", 500, needed=True)
    description = Text("Description", 1_048_576, help="text or HTML")
    status = Choice("Status", ("active", "inactive"), help="active unless you say otherwise")
    categories = Items("Category", Path("Category"), help="paths of categories that exist, separated by |")
    collections = Items("Collection", Text("Collection", 200), help="names of collections that exist, separated by |")
    moq = Number("MOQ", minimum=0, help="minimum order quantity")
    ioq = Number("IOQ", minimum=0, help="increment of the order quantity")
    uom = Text("UOM", 200, help="unit of measure")
    barcode = Code("Barcode", 100)
    weight = Number("Weight", minimum=0)
    media = Items("Media", Url("Media"), help="web addresses, separated by |")

    open_columns = (
        OpenColumns("Price", "prices", Number("Price", minimum=0), "Price: Retail"),
        OpenColumns("Attribute", "attributes", Text("Attribute", 10_000), "Attribute: Color"),
    )
    example_rows = (
        {"SKU_ID": "001001", "Name": "Espresso cup", "Description": "Porcelain, 80 ml", "Status": "active",
         "MOQ": "6", "IOQ": "6", "UOM": "piece", "Barcode": "0400638133393", "Weight": "0.21",
         "Media": "https://example.com/cup.jpg", "Price: Retail": "7.90", "Attribute: Color": "white"},
        {"SKU_ID": "001002", "Name": "Saucer", "Status": "active", "Price: Retail": "4.50"},
    )  # fmt: skip
    hints = (
        "Category and Collection must exist: send CATEGORY and COLLECTION files first.",
        "To change a Reference_ID, send the product's System_ID with it.",
    )
