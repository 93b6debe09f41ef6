"""An account with a row in each table and files in each place: what the tests of removals share."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from layout import export_source, spool_folder
from models import (
    Account,
    Address,
    Category,
    Collection,
    Contact,
    Customer,
    Delivery,
    EntitySettings,
    Export,
    ExportFile,
    ImportRun,
    Inventory,
    Mail,
    OpenName,
    Order,
    OrderLine,
    Product,
    ScheduleState,
    Target,
    Upload,
    now,
)
from settings import Settings


def fill(account: Account) -> None:
    """A row in each table, with every reference that holds another row in place."""
    product = Product.create(account=account, sku_id="1", name="Cup")
    customer = Customer.create(account=account, company_name="Café")
    address = Address.create(account=account, customer=customer, type="both", line_1="1", city="Wien", country="AT")
    order = Order.create(
        account=account, customer=customer, order_date=dt.date(2024, 9, 18), billing_address=address, status="draft"
    )
    parent = Category.create(account=account, path="A")
    EntitySettings.create(account=account, entity="product")
    ScheduleState.create(account=account, entity="product", schedule="0 2 * * *", time_zone="UTC", next_run=now())
    OpenName.create(account=account, entity="product", prefix="Price: ", key="retail", name="Retail")
    Inventory.create(account=account, product=product, available_quantity=1)
    Contact.create(account=account, customer=customer, first_name="Eva")
    Category.create(account=account, path="A > B", parent=parent)
    Collection.create(account=account, name="Summer")
    OrderLine.create(order=order, position=1, product=product, quantity=1)
    export = Export.create(account=account, kind="order", system_id=order.system_id, entity="order", path="Orders/x")
    ExportFile.create(account=account, export=export, path="Orders/x/y.csv", size=1, mtime_ns=1)
    target = Target.create(account=account, url="sftp://files.example/in")
    Delivery.create(target=target, export=export, revision=1)


def receive(account: Account, **run: Any) -> int:
    """An upload with its import; returns the number."""
    name = "PRODUCT_18_09_2024.csv"
    upload = Upload.create(account=account, entity="product", name=name, size=1, state="picked")
    made = ImportRun.create(number=upload.id, account=account, entity="product", file=name, **run)
    Mail.create(account=account, run=made, key=f"import-{upload.id}")
    return int(upload.id)


def wait_in_spool(settings: Settings, account: Account) -> Path:
    """An upload whose import is still to come; returns its file."""
    spooled = spool_folder(settings, receive(account)) / "PRODUCT_18_09_2024.csv"
    spooled.parent.mkdir(parents=True)
    spooled.write_text("bytes")
    return spooled


def export_to(settings: Settings, name: str = "acme") -> Path:
    """A file in the account's part of exports/."""
    file = export_source(settings, name) / "Orders" / "order_1" / "order_data_1.csv"
    file.parent.mkdir(parents=True)
    file.write_text("theirs")
    return file
