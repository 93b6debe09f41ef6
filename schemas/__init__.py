"""marshmallow schemas: the templates. Nothing of ours is imported here."""

from schemas.address import AddressSchema
from schemas.base import OpenColumns, TemplateSchema, UnwritableError, write_cells
from schemas.category import CategorySchema
from schemas.collection import CollectionSchema
from schemas.contact import ContactSchema
from schemas.customer import CustomerSchema
from schemas.fields import CLEAR
from schemas.formats import Fault, Formats
from schemas.inventory import InventorySchema
from schemas.names import LONGEST_OPEN_NAME, fits_open_name, match_key, open_key, plain_name, unprintable
from schemas.order import OrderSchema
from schemas.product import ProductSchema
from schemas.quoting import quoted

SCHEMAS: tuple[type[TemplateSchema], ...] = (
    ProductSchema,
    InventorySchema,
    CustomerSchema,
    AddressSchema,
    ContactSchema,
    CategorySchema,
    CollectionSchema,
    OrderSchema,
)
"""The roster of templates, in the order in which people list them."""

__all__ = [
    "CLEAR",
    "LONGEST_OPEN_NAME",
    "SCHEMAS",
    "Fault",
    "Formats",
    "OpenColumns",
    "TemplateSchema",
    "UnwritableError",
    "fits_open_name",
    "match_key",
    "open_key",
    "plain_name",
    "quoted",
    "unprintable",
    "write_cells",
]
