"""peewee models and migrations. Nothing of ours is imported here."""

from models.account import Account, EntitySettings, Login, refuse_removed, writing
from models.address import Address
from models.base import (
    AHEAD,
    Base,
    Record,
    bind,
    by_keys,
    database,
    is_of_one_account,
    is_past,
    is_postgres,
    large_cache,
    learn_size,
    new_system_id,
    new_system_ids,
    now,
    patient_snapshot,
    snapshot,
    transaction,
    trim_log,
)
from models.category import Category
from models.collection import Collection
from models.contact import Contact
from models.customer import Customer
from models.export import EchoGuard, Export, ExportFile, Outbox
from models.inventory import Inventory
from models.mail import Mail
from models.open_name import OpenName
from models.order import Order, OrderLine
from models.product import Product
from models.schedule import ScheduleState
from models.target import Delivery, Target
from models.upload import ImportRun, Upload

TABLES: tuple[type[Base], ...] = (
    Account,
    Login,
    EntitySettings,
    ScheduleState,
    OpenName,
    Upload,
    ImportRun,
    Mail,
    Product,
    Inventory,
    Customer,
    Address,
    Contact,
    Category,
    Collection,
    Order,
    OrderLine,
    Outbox,
    EchoGuard,
    Export,
    ExportFile,
    Target,
    Delivery,
)
"""The roster of tables, referenced ones before those that refer to them."""

__all__ = [
    "AHEAD",
    "TABLES",
    "Account",
    "Address",
    "Base",
    "Category",
    "Collection",
    "Contact",
    "Customer",
    "Delivery",
    "EchoGuard",
    "EntitySettings",
    "Export",
    "ExportFile",
    "ImportRun",
    "Inventory",
    "Login",
    "Mail",
    "OpenName",
    "Order",
    "OrderLine",
    "Outbox",
    "Product",
    "Record",
    "ScheduleState",
    "Target",
    "Upload",
    "bind",
    "by_keys",
    "database",
    "is_of_one_account",
    "is_past",
    "is_postgres",
    "large_cache",
    "learn_size",
    "new_system_id",
    "new_system_ids",
    "now",
    "patient_snapshot",
    "refuse_removed",
    "snapshot",
    "transaction",
    "trim_log",
    "writing",
]
