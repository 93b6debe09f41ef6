"""The template of orders: one row per line."""

from __future__ import annotations

from schemas.base import TemplateSchema
from schemas.fields import Choice, Code, Currency, Date, Number, SystemId, Text

LONGEST_ORDER = 50_000
"""Rows of one order in a file: as it is taken whole or not at all, they are all held at once."""
HEAVIEST_ORDER = 32_000_000
"""Characters of these rows, for the same reason: a thirtieth of them may be full of notes."""

STATUSES = ("draft", "confirmed", "shipped", "invoiced", "cancelled")


class OrderSchema(TemplateSchema):
    entity, plural, folder = "order", "orders", "Orders"
    id_column = "Order_ID"

    system_id = SystemId("Order_ID", help="ours; leave it empty for new orders")
    reference_id = Code("Reference_ID", 100, help="your order number; the same on each line of the order; without it, "
                        "or an Order_ID, each upload of the file makes a new order")  # fmt: skip
    customer_system_id = SystemId("Customer_System_ID")
    customer_reference_id = Code("Customer_Reference_ID", 100, help="a customer that exists")
    status = Choice("Status", STATUSES, help="draft unless you say otherwise")
    order_date = Date("Order_Date", needed=True)
    currency = Currency("Currency", help="three letters of ISO 4217")
    pricelist = Text("Pricelist", 200)
    billing_address_reference_id = Code("Billing_Address_Reference_ID", 100, help="an address of the customer")
    shipping_address_reference_id = Code("Shipping_Address_Reference_ID", 100, help="an address of the customer")
    notes = Text("Notes", 1_048_576)
    shipping_amount = Number("Shipping_Amount", minimum=0)
    tax_amount = Number("Tax_Amount", minimum=0)
    sku_id = Code("SKU_ID", 100, needed=True, help="a product that exists")
    quantity = Number("Quantity", needed=True, minimum=0)
    unit_price = Number("Unit_Price", minimum=0)
    line_discount = Number("Line_Discount", minimum=0, help="an amount of money for the whole line, no percentage")
    line_notes = Text("Line_Notes", 1_048_576)

    example_rows = (
        {"Reference_ID": "PO-1", "Customer_Reference_ID": "K-0001", "Status": "confirmed", "Order_Date": "2024-09-18",
         "Currency": "EUR", "Billing_Address_Reference_ID": "K-0001-B", "Tax_Amount": "9.01", "SKU_ID": "001001",
         "Quantity": "6", "Unit_Price": "7.90"},
        {"Reference_ID": "PO-1", "Customer_Reference_ID": "K-0001", "Status": "confirmed", "Order_Date": "2024-09-18",
         "Currency": "EUR", "Billing_Address_Reference_ID": "K-0001-B", "Tax_Amount": "9.01", "SKU_ID": "001002",
         "Quantity": "6", "Unit_Price": "4.50"},
    )  # fmt: skip
    hints = (
        "One row per line. Rows with one Order_ID or Reference_ID are one order; the cells before SKU_ID must agree.",
        "An order is taken whole or not at all; a known order's lines are replaced by those of the file.",
        "If a line of it is rejected, all of them are: correct the line and send all of them again.",
        f"An order has at most {LONGEST_ORDER:,} lines.",
    )
