"""Orders and their lines. The table is `sales_order`: ORDER is a word of SQL."""

from __future__ import annotations

from peewee import BigAutoField, CharField, DateField, ForeignKeyField, IntegerField, TextField

from models.account import Account
from models.address import Address
from models.base import CODE, NAME, Base, ExactDecimalField, Record
from models.customer import Customer
from models.product import Product


class Order(Record):
    account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
    reference_id = CharField(max_length=CODE, null=True)
    customer = ForeignKeyField(Customer, on_delete="RESTRICT", backref="orders")
    status = CharField(max_length=16, default="draft")
    order_date = DateField()
    currency = CharField(max_length=3, null=True)
    pricelist = CharField(max_length=NAME, null=True)
    billing_address = ForeignKeyField(Address, null=True, on_delete="RESTRICT", backref="billed_orders")
    shipping_address = ForeignKeyField(Address, null=True, on_delete="RESTRICT", backref="shipped_orders")
    notes = TextField(null=True)
    shipping_amount = ExactDecimalField(null=True)
    tax_amount = ExactDecimalField(null=True)

    class Meta:
        table_name = "sales_order"
        indexes = ((("account", "reference_id"), True),)


class OrderLine(Base):
    id = BigAutoField()
    order = ForeignKeyField(Order, on_delete="CASCADE", backref="lines", index=False)
    position = IntegerField()
    product = ForeignKeyField(Product, on_delete="RESTRICT")
    quantity = ExactDecimalField()
    unit_price = ExactDecimalField(null=True)
    line_discount = ExactDecimalField(null=True)
    line_notes = TextField(null=True)

    class Meta:
        indexes = ((("order", "position"), True),)
